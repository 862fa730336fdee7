#ifndef SPINDLE_TESTS_TESTING_WATCHDOG_H_
#define SPINDLE_TESTS_TESTING_WATCHDOG_H_

#include <thread>

#include "base/clock.h"
#include "base/mutex.h"

namespace spindle {

// Ends the process if it lives for longer than `limit`: a test that hangs says so and leaves a
// core. Give it many times what the test takes on a busy machine.
class Watchdog {
 public:
  explicit Watchdog(Duration limit);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

 private:
  void Watch(TimePoint deadline);

  Mutex mutex_;
  CondVar changed_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_WATCHDOG_H_
