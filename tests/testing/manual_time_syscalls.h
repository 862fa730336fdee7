#ifndef SPINDLE_TESTS_TESTING_MANUAL_TIME_SYSCALLS_H_
#define SPINDLE_TESTS_TESTING_MANUAL_TIME_SYSCALLS_H_

#include <cstdint>

#include "base/check.h"
#include "base/clock.h"
#include "base/syscalls.h"

namespace spindle {

// The kernel with another clock, for one loop: time moves only when the loop would sleep, and then
// to where its timer is armed. So a test on timers takes no time and every run is the same.
//
// One loop, one thread. A sleep with no timer armed and no descriptor ready fails a CHECK: it would
// last for ever.
class ManualTimeSyscalls : public Syscalls {
 public:
  ManualClock& clock() { return clock_; }
  // The time for which the timer is armed, kNever if it is not.
  TimePoint armed() const { return armed_; }
  uint64_t times_armed() const { return times_armed_; }
  uint64_t waits() const { return waits_; }

  TimePoint Now() override { return clock_.Now(); }

  int TimerFdSet(int fd, TimePoint when) override {
    armed_ = when;
    ++times_armed_;
    return Syscalls::TimerFdSet(fd, kNever);
  }

  int EpollWait(int epoll_fd, std::span<epoll_event> events, int timeout_ms) override {
    ++waits_;
    const int count = Syscalls::EpollWait(epoll_fd, events, 0);
    if (count != 0 || timeout_ms == 0) return count;
    SPINDLE_CHECK(armed_ != kNever) << "the loop would sleep for ever";
    if (armed_ > clock_.Now()) clock_.Set(armed_);
    armed_ = kNever;
    return 0;
  }

 private:
  ManualClock clock_{TimePoint(std::chrono::hours(1))};
  TimePoint armed_ = kNever;
  uint64_t times_armed_ = 0;
  uint64_t waits_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_MANUAL_TIME_SYSCALLS_H_
