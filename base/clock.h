#ifndef SPINDLE_BASE_CLOCK_H_
#define SPINDLE_BASE_CLOCK_H_

#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <type_traits>

namespace spindle {

// The one time scale of the library: monotonic, unaffected by changes of the wall clock.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = std::chrono::nanoseconds;

static_assert(std::is_same_v<Clock::duration, Duration>, "SaturatingAdd relies on it");

// "No deadline": later than every other time point.
inline constexpr TimePoint kNever = TimePoint::max();

// Returns `time + delay`, held at kNever and TimePoint::min() where the sum would overflow.
// Immutable; any thread. kNever stays kNever whatever is added, also a negative delay.
constexpr TimePoint SaturatingAdd(TimePoint time, Duration delay) noexcept {
  if (time == kNever) return kNever;
  Duration::rep sum = 0;
  if (__builtin_add_overflow(time.time_since_epoch().count(), delay.count(), &sum)) {
    return delay > Duration::zero() ? kNever : TimePoint::min();
  }
  return TimePoint(Duration(sum));
}

// As system calls tell how much time something took.
inline Duration ToDuration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// A clock that stands still until told to move, for tests and simulation. Any thread; a reader on
// another thread sees an Advance at some later moment, and nothing else is ordered by it.
// Never runs backwards: a negative Advance, or Set to an earlier point, fails a CHECK.
class ManualClock {
 public:
  explicit ManualClock(TimePoint start = TimePoint()) : now_(start.time_since_epoch().count()) {}
  ManualClock(const ManualClock&) = delete;
  ManualClock& operator=(const ManualClock&) = delete;

  TimePoint Now() const noexcept {
    return TimePoint(Duration(now_.load(std::memory_order_relaxed)));
  }

  // Moves forward by `delay`, saturating at kNever.
  void Advance(Duration delay);

  // Moves forward to `time`.
  void Set(TimePoint time);

 private:
  std::atomic<Duration::rep> now_;
};

}  // namespace spindle

#endif  // SPINDLE_BASE_CLOCK_H_
