#include "bench/report/short_text.h"

#include <limits>

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ShortText, NumbersHaveThreeDigitsAndNoZeros) {
  EXPECT_EQ(ShortNumber(0), "0");
  EXPECT_EQ(ShortNumber(1), "1");
  EXPECT_EQ(ShortNumber(7.956), "7.96");
  EXPECT_EQ(ShortNumber(12.34), "12.3");
  EXPECT_EQ(ShortNumber(1234.5), "1234");
  EXPECT_EQ(ShortNumber(0.0501), "0.0501");
  EXPECT_EQ(ShortNumber(-2.5), "-2.5");
  EXPECT_EQ(ShortNumber(kInfinity), "n/a");
  EXPECT_EQ(ShortNumber(1e300), "1e+300");
  EXPECT_EQ(ShortCount(41234), "41.2k");
  EXPECT_EQ(ShortCount(1.5e6), "1.5M");
}

TEST(ShortText, TimesHaveAFittingUnit) {
  EXPECT_EQ(ShortSeconds(0), "0");
  EXPECT_EQ(ShortSeconds(250e-9), "250 ns");
  EXPECT_EQ(ShortSeconds(2e-6), "2 µs");
  EXPECT_EQ(ShortSeconds(0.0105), "10.5 ms");
  EXPECT_EQ(ShortSeconds(0.9999), "1 s");
  EXPECT_EQ(ShortSeconds(90), "90 s");
  EXPECT_EQ(ShortDuration(std::chrono::milliseconds(5)), "5 ms");
}

TEST(ShortText, SizesRatesAndShares) {
  EXPECT_EQ(ShortSize(64), "64 B");
  EXPECT_EQ(ShortSize(1024), "1 KiB");
  EXPECT_EQ(ShortSize(1536), "1.5 KiB");
  EXPECT_EQ(ShortBitRate(50'000'000), "50 Mbit/s");
  EXPECT_EQ(Percent(0.0006), "0.1 %");
  EXPECT_EQ(Percent(0.25), "25 %");
  EXPECT_EQ(Percent(kInfinity), "n/a");
  EXPECT_EQ(Times(7.96), "7.96×");
  EXPECT_EQ(Interval({.low = 7.4, .high = 7.61}), "[7.4, 7.61]");
  EXPECT_EQ(Interval({.low = 0, .high = kInfinity}), "n/a");
  EXPECT_EQ(Counted(1, "connection"), "1 connection");
  EXPECT_EQ(Counted(8, "connection"), "8 connections");
  EXPECT_EQ(Capital("parallel"), "Parallel");
  EXPECT_EQ(Capital("µs"), "µs");
  EXPECT_EQ(Capital(""), "");
}

}  // namespace
}  // namespace spindle::bench
