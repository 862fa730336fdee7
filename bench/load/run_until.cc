#include "bench/load/run_until.h"

#include "absl/status/statusor.h"
#include "net/loop/timer.h"

namespace spindle::bench {

absl::Status RunUntil(EventLoop& loop, absl::FunctionRef<bool()> done, TimePoint deadline) {
  bool late = false;
  TimerId timer;
  if (deadline != kNever) timer = loop.RunAt(deadline, [&late] { late = true; });
  absl::Status status;
  while (status.ok() && !late && !done()) status = loop.RunOnce().status();
  loop.Cancel(timer);
  return status;
}

}  // namespace spindle::bench
