#ifndef SPINDLE_NET_LOOP_INTERNAL_CALL_WAITER_H_
#define SPINDLE_NET_LOOP_INTERNAL_CALL_WAITER_H_

#include "base/mutex.h"

namespace spindle {

// Where one thread waits once for another, and serves calls to the loops that it holds meanwhile.
// So threads that wait for each other through loops never stand still together.
//
// Lives in the frame of the thread that waits; Finish and Notify from any thread.
class CallWaiter {
 public:
  CallWaiter() = default;
  CallWaiter(const CallWaiter&) = delete;
  CallWaiter& operator=(const CallWaiter&) = delete;

  // Ends the wait, for good. May be the last use of this object.
  void Finish() {
    MutexLock lock(mutex_);
    finished_ = true;
    condition_.NotifyOne();  // Under the mutex: it dies with the frame of the one who waits.
  }

  // There is a call to serve.
  void Notify() {
    MutexLock lock(mutex_);
    notified_ = true;
    condition_.NotifyOne();
  }

  // Returns after Finish.
  void WaitServingCalls();

 private:
  // False once finished.
  bool WaitForNotice() {
    MutexLock lock(mutex_);
    while (!notified_ && !finished_) condition_.Wait(mutex_);
    notified_ = false;
    return !finished_;
  }

  Mutex mutex_;
  CondVar condition_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_CALL_WAITER_H_
