#ifndef SPINDLE_BENCH_NETCAT_WAITER_H_
#define SPINDLE_BENCH_NETCAT_WAITER_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/types/interest.h"

namespace spindle::bench {

// Waits on a loop for one thing at a time, so that what happens before bytes flow is written down
// in its order. Loop thread only; not in its callbacks.
class Waiter {
 public:
  // `interrupted` is asked before each turn; it and `loop` outlive this.
  Waiter(EventLoop& loop, absl::FunctionRef<bool()> interrupted)
      : loop_(loop), interrupted_(interrupted) {}

  // OK once `done`. Errors: kDeadlineExceeded (errno ETIMEDOUT) at `deadline`, kCancelled when
  // interrupted, those of the loop.
  absl::Status Until(absl::FunctionRef<bool()> done, TimePoint deadline = kNever);

  // OK once `fd` is ready, or has failed or been hung up. Errors: as Until, those of FdWatcher.
  absl::Status ForFd(int fd, Interest interest, TimePoint deadline = kNever);

  // OK after `delay`. Errors: kCancelled, those of the loop.
  absl::Status Pause(Duration delay);

  EventLoop& loop() { return loop_; }

 private:
  EventLoop& loop_;
  absl::FunctionRef<bool()> interrupted_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_WAITER_H_
