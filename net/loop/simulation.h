#ifndef SPINDLE_NET_LOOP_SIMULATION_H_
#define SPINDLE_NET_LOOP_SIMULATION_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/backend/sim_kernel.h"
#include "net/backend/sim_options.h"
#include "net/loop/event_loop.h"

namespace spindle {

// Loops on one simulated machine, stepped in one thread on virtual time: a server, its workers and
// its clients run together, with the machine's faults, and the same seed makes the same run.
//
//   Simulation sim({.seed = 7, .faults = SimFaults::Wild()});
//   EventLoop& server = sim.AddLoop("server");
//   EventLoop& client = sim.AddLoop("client");
//   ...                                        // Set up as in any program.
//   ASSERT_TRUE(sim.RunUntil([&] { return done; }, std::chrono::minutes(5)));
//
// Each step is one turn of one loop, chosen at random among those that have something to do; so the
// loops interleave as threads would, turn by turn. When all would sleep, the time jumps to the next
// event. Calls between loops (LoopRef::CallAndWait) run at once, as no loop is running meanwhile.
//
// A turn takes no time. So that loops that never sleep do not stop the time, it moves by 1 us for
// each thousand turns in which it stood still.
//
// One thread. Objects on a loop may be destroyed before or after it, as always.
class Simulation {
 public:
  explicit Simulation(const SimOptions& options = SimOptions());
  // Destroys the loops in the order in which they were added, then the machine.
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // A loop on this machine, which owns it. CHECKs that the machine has descriptors left for it.
  EventLoop& AddLoop(std::string_view name);
  // As above; `options.syscalls` is not used.
  EventLoop& AddLoop(EventLoopOptions options);
  // Destroys `loop`, which must be one of these. Not from inside a callback of it.
  void DestroyLoop(EventLoop& loop);

  // Runs one turn, or moves the time if no loop has anything to do. False if nothing is to come
  // either: only a call from outside can change anything now.
  bool Step();

  // Steps until `done` returns true, which it is asked before each step. False if it has not after
  // `limit` of virtual time, or if nothing is to come.
  bool RunUntil(absl::FunctionRef<bool()> done, Duration limit);

  // Steps through all that happens in `duration`, and moves the time to its end.
  void RunFor(Duration duration);

  SimKernel& kernel() { return kernel_; }
  TimePoint now() const { return kernel_.now(); }
  uint64_t seed() const { return seed_; }
  // Equal for equal runs: two runs of one seed that differ here depend on something else as well.
  uint64_t TraceHash() const { return kernel_.TraceHash(); }

 private:
  bool HasWork(EventLoop& loop) const;
  // One turn of one loop. False if none has anything to do.
  bool RunTurn();

  const uint64_t seed_;
  SimKernel kernel_;
  Random random_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<EventLoop*> busy_;  // Of one step; kept for its capacity.
  TimePoint turns_since_;         // The time at which turns_ were made.
  uint64_t turns_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_SIMULATION_H_
