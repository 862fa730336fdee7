#ifndef SPINDLE_BENCH_SEND_MODES_AWAIT_PLAN_H_
#define SPINDLE_BENCH_SEND_MODES_AWAIT_PLAN_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "net/loop/event_loop.h"
#include "net/send/send_plan.h"

namespace spindle::bench {

// Turns `loop` on this thread until `done`, which what `plan` was told to do brings about; once
// `interrupted` returns true, cancels that, and waits for its end. Errors: those of RunUntil.
absl::Status AwaitPlan(EventLoop& loop, SendPlan& plan, absl::FunctionRef<bool()> done,
                       absl::FunctionRef<bool()> interrupted);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_AWAIT_PLAN_H_
