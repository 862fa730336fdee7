#include "bench/report/number_text.h"

#include <limits>

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

TEST(NumberText, NumbersHaveThreeDigits) {
  EXPECT_EQ(FormatNumber(0), "0");
  EXPECT_EQ(FormatNumber(0.1234), "0.123");
  EXPECT_EQ(FormatNumber(0.99999), "1.00");
  EXPECT_EQ(FormatNumber(9.999), "10.0");
  EXPECT_EQ(FormatNumber(-12.34), "-12.3");
  EXPECT_EQ(FormatNumber(99.99), "100");
  EXPECT_EQ(FormatNumber(1234.5), "1234");
  EXPECT_EQ(FormatNumber(std::numeric_limits<double>::quiet_NaN()), "n/a");
  EXPECT_EQ(FormatCount(9999), "9999");
  EXPECT_EQ(FormatCount(41234), "41.2k");
  EXPECT_EQ(FormatCount(999600), "1.00M");
  EXPECT_EQ(FormatCount(2.5e9), "2.50G");
}

TEST(NumberText, QuantilesWithTooFewRecordsBeyondAreNotShown) {
  Histogram histogram;
  EXPECT_EQ(FormatQuantile(histogram, 0.5), "n/a");
  histogram.RecordMany(std::chrono::microseconds(10), 999);
  EXPECT_EQ(FormatQuantile(histogram, 0.5), "10.0 us");
  EXPECT_EQ(FormatQuantile(histogram, 0.999), "n/a");
  EXPECT_NE(FormatQuantile(histogram, 0.99), "n/a");
}

TEST(NumberText, RateOfNoTimeIsZero) {
  EXPECT_EQ(PerSecond(5, Duration(0)), 0);
  EXPECT_EQ(PerSecond(5, std::chrono::milliseconds(500)), 10);
}

}  // namespace
}  // namespace spindle::bench
