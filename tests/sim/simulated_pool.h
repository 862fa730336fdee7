#ifndef SPINDLE_TESTS_SIM_SIMULATED_POOL_H_
#define SPINDLE_TESTS_SIM_SIMULATED_POOL_H_

#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"

namespace spindle {

// A pool whose workers are loops of a Simulation: no threads, the Simulation runs them.
//
// EventLoopThreadPool starts threads and nothing else, as programs want it. Rather than have it
// offer what only tests use, this names its private list of loops by way of an explicit
// instantiation, where the language checks no access.
namespace simulated_pool_internal {

using Loops = std::vector<EventLoop*> EventLoopThreadPool::*;
Loops PoolLoops();

template <Loops kLoops>
struct Opener {
  friend Loops PoolLoops() { return kLoops; }
};
template struct Opener<&EventLoopThreadPool::loops_>;

}  // namespace simulated_pool_internal

// With `workers` empty the main loop does all the work.
inline std::unique_ptr<EventLoopThreadPool> MakeSimulatedPool(EventLoop& main_loop,
                                                              std::vector<EventLoop*> workers) {
  auto pool = EventLoopThreadPool::Start(main_loop);
  SPINDLE_CHECK_OK(pool);
  if (!workers.empty()) (**pool).*simulated_pool_internal::PoolLoops() = std::move(workers);
  return *std::move(pool);
}

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_SIMULATED_POOL_H_
