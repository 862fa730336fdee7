#include "base/clock.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"

namespace spindle {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(SaturatingAdd, AddsWithinRange) {
  const TimePoint start{milliseconds(5)};
  EXPECT_EQ(SaturatingAdd(start, milliseconds(7)), TimePoint(milliseconds(12)));
  EXPECT_EQ(SaturatingAdd(start, milliseconds(-7)), TimePoint(milliseconds(-2)));
}

TEST(SaturatingAdd, StopsAtBothEndsInsteadOfOverflowing) {
  static_assert(SaturatingAdd(TimePoint(Duration(1)), Duration::max()) == kNever);
  EXPECT_EQ(SaturatingAdd(Clock::now(), Duration::max()), kNever);
  EXPECT_EQ(SaturatingAdd(TimePoint(hours(24 * 365 * 150)), hours(24 * 365 * 150)), kNever);
  EXPECT_EQ(SaturatingAdd(TimePoint(Duration(-2)), Duration::min()), TimePoint::min());
}

TEST(SaturatingAdd, NeverStaysNever) {
  EXPECT_EQ(SaturatingAdd(kNever, hours(1)), kNever);
  EXPECT_EQ(SaturatingAdd(kNever, hours(-1)), kNever);
}

TEST(ManualClock, StandsStillUntilMoved) {
  ManualClock clock(TimePoint(milliseconds(100)));
  EXPECT_EQ(clock.Now(), TimePoint(milliseconds(100)));
  clock.Advance(milliseconds(20));
  EXPECT_EQ(clock.Now(), TimePoint(milliseconds(120)));
  clock.Set(TimePoint(milliseconds(500)));
  EXPECT_EQ(clock.Now(), TimePoint(milliseconds(500)));
}

TEST(ManualClock, AdvanceSaturates) {
  ManualClock clock(TimePoint(milliseconds(1)));
  clock.Advance(Duration::max());
  EXPECT_EQ(clock.Now(), kNever);
}

TEST(ManualClock, ConcurrentAdvancesAreAllKept) {
  ManualClock clock;
  constexpr int kEach = 1000000;  // several time slices: the threads do meet
  std::atomic<int> started{0};
  const auto step = [&clock, &started] {
    ++started;
    while (started.load() < 2) std::this_thread::yield();
    for (int i = 0; i < kEach; ++i) clock.Advance(Duration(1));
  };
  std::thread other(step);
  step();
  other.join();
  EXPECT_EQ(clock.Now(), TimePoint(Duration(2 * kEach)));
}

TEST(ManualClockDeathTest, RefusesToRunBackwards) {
  ManualClock clock(TimePoint(milliseconds(10)));
  EXPECT_DEATH(clock.Advance(Duration(-1)), "backwards");
  EXPECT_DEATH(clock.Set(TimePoint(milliseconds(9))), "backwards");
}

}  // namespace
}  // namespace spindle
