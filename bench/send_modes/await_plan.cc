#include "bench/send_modes/await_plan.h"

#include "bench/load/run_until.h"

namespace spindle::bench {

absl::Status AwaitPlan(EventLoop& loop, SendPlan& plan, absl::FunctionRef<bool()> done,
                       absl::FunctionRef<bool()> interrupted) {
  const absl::Status status = RunUntil(loop, [&] { return done() || interrupted(); });
  if (!done()) plan.Cancel();
  if (!status.ok()) return status;
  return RunUntil(loop, done);
}

}  // namespace spindle::bench
