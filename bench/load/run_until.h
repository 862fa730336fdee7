#ifndef SPINDLE_BENCH_LOAD_RUN_UNTIL_H_
#define SPINDLE_BENCH_LOAD_RUN_UNTIL_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"

namespace spindle::bench {

// Turns `loop` on this thread until `done`, which is asked before each turn, or until `deadline`;
// so an experiment can be written down in the order in which it happens. OK in both cases: ask
// `done` again to know. Errors: those of EventLoop::RunOnce.
absl::Status RunUntil(EventLoop& loop, absl::FunctionRef<bool()> done, TimePoint deadline = kNever);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_RUN_UNTIL_H_
