#include "tests/testing/stream_env.h"

#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/clock.h"

namespace spindle {
namespace {

using Kind = Machine::Kind;

}  // namespace

std::string Machine::Name() const {
  if (kind == Kind::kSim) return "Sim";
  if (kind == Kind::kSimMild) return "SimMild";
  return "Epoll" + std::to_string(workers);
}

std::ostream& operator<<(std::ostream& out, const Machine& machine) {
  return out << machine.Name();
}

std::vector<Machine> AllMachines() {
  return {{Kind::kKernel, 0}, {Kind::kKernel, 1}, {Kind::kKernel, 2},
          {Kind::kKernel, 4}, {Kind::kSim},       {Kind::kSimMild}};
}

std::vector<Machine> FewMachines() {
  return {{Kind::kKernel, 0}, {Kind::kKernel, 2}, {Kind::kSim}, {Kind::kSimMild}};
}

std::vector<Machine> SimMachines() { return {{Kind::kSim}, {Kind::kSimMild}}; }

std::string MachineName(const testing::TestParamInfo<Machine>& info) { return info.param.Name(); }

StreamEnv::StreamEnv(const Machine& machine, Syscalls& syscalls)
    : StreamEnv(machine, syscalls, SimOptions()) {}

StreamEnv::StreamEnv(const Machine& machine, Syscalls& syscalls, SimOptions sim) {
  if (machine.simulated()) {
    if (machine.kind == Kind::kSimMild) sim.faults = SimFaults::Mild();
    sim_ = std::make_unique<Simulation>(sim);
    server_loop_ = &sim_->AddLoop("server");
    client_loop_ = &sim_->AddLoop("client");
    return;
  }
  main_ = *EventLoop::Create({.name = "main", .syscalls = &syscalls});
  client_loop_ = server_loop_ = main_.get();
  pool_ = *EventLoopThreadPool::Start(
      *main_, {.workers = machine.workers, .loop = {.syscalls = &syscalls}});
  // A predicate of RunUntil may depend on other threads.
  if (machine.workers > 0) main_->RunEvery(std::chrono::milliseconds(1), [] {});
}

StreamEnv::~StreamEnv() = default;

absl::StatusOr<std::unique_ptr<StreamServer>> StreamEnv::TryListen(const SocketAddress& address,
                                                                   ConnectionCallbacks callbacks,
                                                                   StreamServerOptions options) {
  if (simulated()) {
    return StreamServer::Listen(*server_loop_, address, std::move(callbacks), std::move(options));
  }
  return StreamServer::Listen(*pool_, address, std::move(callbacks), std::move(options));
}

std::unique_ptr<StreamServer> StreamEnv::Listen(ConnectionCallbacks callbacks,
                                                StreamServerOptions options) {
  auto server = TryListen(SocketAddress::LoopbackV4(0), std::move(callbacks), std::move(options));
  SPINDLE_CHECK(server.ok());
  return *std::move(server);
}

bool StreamEnv::RunUntil(absl::FunctionRef<bool()> done) {
  if (simulated()) return sim_->RunUntil(done, std::chrono::hours(1));
  const TimePoint limit = Clock::now() + std::chrono::minutes(2);
  while (!done()) {
    if (Clock::now() > limit) return false;
    SPINDLE_CHECK(main_->RunOnce().ok());
  }
  return true;
}

void StreamEnv::DestroyLoops() {
  if (simulated()) {
    sim_->DestroyLoop(*server_loop_);
    sim_->DestroyLoop(*client_loop_);
  }
  pool_.reset();
  main_.reset();
}

void StreamEnv::Settle() {
  if (simulated()) {
    sim_->RunFor(std::chrono::milliseconds(10));
    return;
  }
  for (int quiet = 0; quiet < 3;) quiet = *main_->RunOnce(WaitMode::kPoll) == 0 ? quiet + 1 : 0;
}

StreamEnvTest::StreamEnvTest() : watchdog_(std::chrono::minutes(4)) {}

StreamEnvTest::~StreamEnvTest() = default;

}  // namespace spindle
