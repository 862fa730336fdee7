#ifndef SPINDLE_TESTS_TESTING_WATCHDOG_H_
#define SPINDLE_TESTS_TESTING_WATCHDOG_H_

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"

namespace spindle {

// Ends the process if it lives for longer than `limit`: a test that hangs says so and leaves a
// core. Give it many times what the test takes on a busy machine.
class Watchdog {
 public:
  explicit Watchdog(Duration limit)
      : thread_([this, deadline = SaturatingAdd(Clock::now(), limit)] { Watch(deadline); }) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() {
    {
      MutexLock lock(mutex_);
      done_ = true;
      changed_.NotifyAll();
    }
    thread_.join();
  }

 private:
  void Watch(TimePoint deadline) {
    MutexLock lock(mutex_);
    while (!done_) {
      if (changed_.WaitUntil(mutex_, deadline) || done_) continue;
      std::fputs("watchdog: the test hangs\n", stderr);
      std::abort();
    }
  }

  Mutex mutex_;
  CondVar changed_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_WATCHDOG_H_
