#include "bench/load/send_schedule.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

std::vector<Duration> Take(SendSchedule schedule, size_t count) {
  std::vector<Duration> times;
  for (; times.size() < count; schedule.Advance()) times.push_back(schedule.next() - kStart);
  return times;
}

TEST(SendScheduleTest, ConstantArrivalsAreEquallyFarApartFromTheStartOn) {
  using std::chrono::milliseconds;
  EXPECT_EQ(
      Take(SendSchedule({.per_second = 500}, kStart), 4),
      (std::vector<Duration>{milliseconds(0), milliseconds(2), milliseconds(4), milliseconds(6)}));
}

TEST(SendScheduleTest, RoundingDoesNotAddUp) {
  // A third of a second is no whole number of nanoseconds.
  const std::vector<Duration> times = Take(SendSchedule({.per_second = 3}, kStart), 3001);
  EXPECT_EQ(times[1], Duration(333333333));
  EXPECT_EQ(times[2], Duration(666666666));
  EXPECT_EQ(times[3], std::chrono::seconds(1));
  EXPECT_EQ(times[3000], std::chrono::seconds(1000));
}

TEST(SendScheduleTest, PartsOfAConstantRateTakeTurns) {
  std::vector<Duration> all;
  for (uint64_t part = 0; part < 3; ++part) {
    const std::vector<Duration> times =
        Take(SendSchedule({.per_second = 1000, .part = part, .parts = 3}, kStart), 100);
    EXPECT_EQ(times[0], std::chrono::milliseconds(part));
    all.insert(all.end(), times.begin(), times.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, Take(SendSchedule({.per_second = 1000}, kStart), 300));
}

TEST(SendScheduleTest, PoissonGapsAreExponential) {
  constexpr size_t kCount = 100000;
  const std::vector<Duration> times =
      Take(SendSchedule({.per_second = 1000, .arrivals = Arrivals::kPoisson, .seed = 7}, kStart),
           kCount);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  size_t short_gaps = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    if (times[i] - times[i - 1] < std::chrono::milliseconds(1)) ++short_gaps;
  }
  // Mean 1 ms, and 1 - 1/e of them are below the mean: both to within five standard deviations.
  EXPECT_NEAR(std::chrono::duration<double>(times.back()).count(), kCount * 1e-3, 1.6);
  EXPECT_NEAR(static_cast<double>(short_gaps) / kCount, 1 - std::exp(-1.0), 0.008);
}

TEST(SendScheduleTest, PoissonFollowsItsSeedAndPart) {
  SendRate rate{.per_second = 1000, .arrivals = Arrivals::kPoisson, .seed = 7, .parts = 2};
  const std::vector<Duration> first = Take(SendSchedule(rate, kStart), 50);
  EXPECT_EQ(Take(SendSchedule(rate, kStart), 50), first);
  rate.part = 1;
  EXPECT_NE(Take(SendSchedule(rate, kStart), 50), first);
}

}  // namespace
}  // namespace spindle::bench
