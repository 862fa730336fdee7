#ifndef SPINDLE_TESTS_TESTING_STREAM_ENV_H_
#define SPINDLE_TESTS_TESTING_STREAM_ENV_H_

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/syscalls.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/loop/simulation.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_server.h"
#include "net/types/socket_address.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {

// Where a stream test runs.
struct Machine {
  enum class Kind { kKernel, kSim, kSimMild };
  Kind kind = Kind::kKernel;
  size_t workers = 0;  // kKernel: threads besides the test's own.

  bool simulated() const { return kind != Kind::kKernel; }
  std::string Name() const;
  friend std::ostream& operator<<(std::ostream& out, const Machine& machine);
};

std::vector<Machine> AllMachines();
std::vector<Machine> FewMachines();
std::vector<Machine> SimMachines();
std::string MachineName(const testing::TestParamInfo<Machine>& info);

// One machine: a loop for the test's clients, driven by the test's thread, and loops for servers:
// the pool's on the kernel, one of its own in the simulator.
class StreamEnv {
 public:
  explicit StreamEnv(const Machine& machine, Syscalls& syscalls = Syscalls::Real());
  StreamEnv(const Machine& machine, Syscalls& syscalls, SimOptions sim);
  ~StreamEnv();

  bool simulated() const { return sim_ != nullptr; }
  EventLoop& client_loop() { return *client_loop_; }
  // Where servers accept.
  EventLoop& server_loop() { return *server_loop_; }
  EventLoopThreadPool& pool() { return *pool_; }
  Simulation& sim() { return *sim_; }

  absl::StatusOr<std::unique_ptr<StreamServer>> TryListen(const SocketAddress& address,
                                                          ConnectionCallbacks callbacks,
                                                          StreamServerOptions options = {});
  std::unique_ptr<StreamServer> Listen(ConnectionCallbacks callbacks,
                                       StreamServerOptions options = {});

  // Runs the loops until `done()`. False if that does not happen: soon in the simulator, where it
  // is known; on the kernel after a time that no test needs.
  bool RunUntil(absl::FunctionRef<bool()> done);

  // All of them, with what lives on them. LoopRefs and what holds them stay valid: the machine
  // lives.
  void DestroyLoops();

  // Runs what is there to be run now. On the kernel: turns of the test's own loop only.
  void Settle();

 private:
  std::unique_ptr<Simulation> sim_;
  std::unique_ptr<EventLoop> main_;
  std::unique_ptr<EventLoopThreadPool> pool_;
  EventLoop* client_loop_ = nullptr;
  EventLoop* server_loop_ = nullptr;
};

// Tests that run on a machine and leave nothing behind.
class StreamEnvTest : public LeakCheckTest, public testing::WithParamInterface<Machine> {
 protected:
  StreamEnvTest();
  ~StreamEnvTest() override;

 private:
  const Watchdog watchdog_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_STREAM_ENV_H_
