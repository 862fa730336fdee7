#ifndef SPINDLE_TESTS_TESTING_STREAM_ENV_H_
#define SPINDLE_TESTS_TESTING_STREAM_ENV_H_

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/syscalls.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/loop/simulation.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {

// Where a stream test runs.
struct Machine {
  enum class Kind { kKernel, kSim, kSimMild };
  Kind kind = Kind::kKernel;
  size_t workers = 0;  // kKernel: threads besides the test's own.

  bool simulated() const { return kind != Kind::kKernel; }
  std::string Name() const {
    if (kind == Kind::kSim) return "Sim";
    if (kind == Kind::kSimMild) return "SimMild";
    return "Epoll" + std::to_string(workers);
  }
  friend std::ostream& operator<<(std::ostream& out, const Machine& machine) {
    return out << machine.Name();
  }
};

inline std::vector<Machine> AllMachines() {
  using Kind = Machine::Kind;
  return {{Kind::kKernel, 0}, {Kind::kKernel, 1}, {Kind::kKernel, 2},
          {Kind::kKernel, 4}, {Kind::kSim},       {Kind::kSimMild}};
}
inline std::vector<Machine> FewMachines() {
  using Kind = Machine::Kind;
  return {{Kind::kKernel, 0}, {Kind::kKernel, 2}, {Kind::kSim}, {Kind::kSimMild}};
}
inline std::vector<Machine> SimMachines() {
  return {{Machine::Kind::kSim}, {Machine::Kind::kSimMild}};
}
inline std::string MachineName(const testing::TestParamInfo<Machine>& info) {
  return info.param.Name();
}

// One machine: a loop for the test's clients, driven by the test's thread, and loops for servers:
// the pool's on the kernel, one of its own in the simulator.
class StreamEnv {
 public:
  explicit StreamEnv(const Machine& machine, Syscalls& syscalls = Syscalls::Real(),
                     SimOptions sim = SimOptions()) {
    if (machine.simulated()) {
      if (machine.kind == Machine::Kind::kSimMild) sim.faults = SimFaults::Mild();
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

  bool simulated() const { return sim_ != nullptr; }
  EventLoop& client_loop() { return *client_loop_; }
  // Where servers accept.
  EventLoop& server_loop() { return *server_loop_; }
  EventLoopThreadPool& pool() { return *pool_; }
  Simulation& sim() { return *sim_; }

  absl::StatusOr<std::unique_ptr<StreamServer>> TryListen(const SocketAddress& address,
                                                          ConnectionCallbacks callbacks,
                                                          StreamServerOptions options = {}) {
    if (simulated()) {
      return StreamServer::Listen(*server_loop_, address, std::move(callbacks), std::move(options));
    }
    return StreamServer::Listen(*pool_, address, std::move(callbacks), std::move(options));
  }
  std::unique_ptr<StreamServer> Listen(ConnectionCallbacks callbacks,
                                       StreamServerOptions options = {}) {
    auto server = TryListen(SocketAddress::LoopbackV4(0), std::move(callbacks), std::move(options));
    SPINDLE_CHECK(server.ok());
    return *std::move(server);
  }

  // Runs the loops until `done()`. False if that does not happen: soon in the simulator, where it
  // is known; on the kernel after a time that no test needs.
  template <typename Done>
  bool RunUntil(Done done) {
    if (simulated()) return sim_->RunUntil(done, std::chrono::hours(1));
    const TimePoint limit = Clock::now() + std::chrono::minutes(2);
    while (!done()) {
      if (Clock::now() > limit) return false;
      SPINDLE_CHECK(main_->RunOnce().ok());
    }
    return true;
  }

  // All of them, with what lives on them. LoopRefs and what holds them stay valid: the machine
  // lives.
  void DestroyLoops() {
    if (simulated()) {
      sim_->DestroyLoop(*server_loop_);
      sim_->DestroyLoop(*client_loop_);
    }
    pool_.reset();
    main_.reset();
  }

  // Runs what is there to be run now. On the kernel: turns of the test's own loop only.
  void Settle() {
    if (simulated()) {
      sim_->RunFor(std::chrono::milliseconds(10));
      return;
    }
    for (int quiet = 0; quiet < 3;) quiet = *main_->RunOnce(WaitMode::kPoll) == 0 ? quiet + 1 : 0;
  }

 private:
  std::unique_ptr<Simulation> sim_;
  std::unique_ptr<EventLoop> main_;
  std::unique_ptr<EventLoopThreadPool> pool_;
  EventLoop* client_loop_ = nullptr;
  EventLoop* server_loop_ = nullptr;
};

// Tests that run on a machine and leave nothing behind.
class StreamEnvTest : public LeakCheckTest, public testing::WithParamInterface<Machine> {
 private:
  const Watchdog watchdog_{std::chrono::minutes(4)};
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_STREAM_ENV_H_
