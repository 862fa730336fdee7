#include "bench/report/scale.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using Values = std::vector<double>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Scale, LinearPlacesAndTicks) {
  const Scale scale(Scale::Kind::kLinear, 0, 50);
  EXPECT_EQ(scale.At(0), 0);
  EXPECT_EQ(scale.At(25), 0.5);
  EXPECT_EQ(scale.At(50), 1);
  EXPECT_EQ(scale.Ticks(6), (Values{0, 10, 20, 30, 40, 50}));
  EXPECT_EQ(scale.Ticks(4), (Values{0, 20, 40}));
}

TEST(Scale, LogarithmicPlacesAndTicks) {
  const Scale scale(Scale::Kind::kLogarithmic, 1, 100);
  EXPECT_DOUBLE_EQ(scale.At(10), 0.5);
  EXPECT_EQ(scale.Ticks(8), (Values{1, 2, 5, 10, 20, 50, 100}));
  EXPECT_EQ(scale.Ticks(5), (Values{1, 3, 10, 30, 100}));
  EXPECT_EQ(scale.Ticks(3), (Values{1, 10, 100}));
  EXPECT_EQ(Scale(Scale::Kind::kLogarithmic, 1, 1e8).Ticks(5), (Values{1, 1e2, 1e4, 1e6, 1e8}));
}

TEST(Scale, WithinADecadeALogarithmHasEvenTicks) {
  const Values ticks = Scale(Scale::Kind::kLogarithmic, 0.95, 1.05).Ticks(3);
  ASSERT_EQ(ticks.size(), 3u);
  EXPECT_DOUBLE_EQ(ticks[0], 0.95);
  EXPECT_DOUBLE_EQ(ticks[1], 1);
  EXPECT_DOUBLE_EQ(ticks[2], 1.05);
}

TEST(Scale, NothingLeavesTheAxis) {
  for (const Scale::Kind kind : {Scale::Kind::kLinear, Scale::Kind::kLogarithmic}) {
    const Scale scale(kind, 1, 10);
    EXPECT_EQ(scale.At(0.1), 0);
    EXPECT_EQ(scale.At(-5), 0);
    EXPECT_EQ(scale.At(kNaN), 0);
    EXPECT_EQ(scale.At(-kInfinity), 0);
    EXPECT_EQ(scale.At(1e300), 1);
    EXPECT_EQ(scale.At(kInfinity), 1);
  }
}

TEST(Scale, AnyDomainCanBeDrawn) {
  Random random(1);
  Values odd = {0, -0.0, 1, -1, 1e-300, 1e300, -1e300, kNaN, kInfinity, -kInfinity, 1e-12};
  for (int i = 0; i < 40; ++i) odd.push_back(std::pow(10, random.NextDouble() * 40 - 20));
  for (const Scale::Kind kind : {Scale::Kind::kLinear, Scale::Kind::kLogarithmic}) {
    for (const double low : odd) {
      for (const double high : odd) {
        const Scale scale(kind, low, high);
        const Values ticks = scale.Ticks(6);
        ASSERT_LE(ticks.size(), 6u) << low << " " << high;
        for (size_t i = 0; i < ticks.size(); ++i) {
          ASSERT_TRUE(std::isfinite(ticks[i])) << low << " " << high;
          ASSERT_TRUE(i == 0 || ticks[i] > ticks[i - 1]) << low << " " << high;
        }
        const double place = scale.At(high);
        ASSERT_TRUE(place >= 0 && place <= 1) << low << " " << high;
      }
    }
  }
}

}  // namespace
}  // namespace spindle::bench
