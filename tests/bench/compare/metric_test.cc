#include "bench/compare/metric.h"

#include <chrono>
#include <string>

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

TEST(MetricTest, ValuesComeFromTheBlock) {
  const BlockRecord block{
      .wall = std::chrono::milliseconds(500),
      .messages = 100,
      .cpu = {.user = std::chrono::milliseconds(1), .system = std::chrono::milliseconds(1)}};
  Histogram latency;
  for (int i = 0; i < 100; ++i) latency.Record(std::chrono::microseconds(100));
  EXPECT_EQ(ValueOf(Metric::kThroughput, block, latency), 200);
  EXPECT_EQ(ValueOf(Metric::kClientCpu, block, latency), 20'000);
  EXPECT_EQ(ValueOf(Metric::kServerCpu, block, latency), std::nullopt);
  EXPECT_NEAR(*ValueOf(Metric::kP50, block, latency), 100'000, 1000);
  EXPECT_NEAR(*ValueOf(Metric::kP90, block, latency), 100'000, 1000);
  EXPECT_EQ(ValueOf(Metric::kP99, block, latency), std::nullopt) << "one value beyond it";
  EXPECT_EQ(ValueOf(Metric::kThroughput, BlockRecord(), latency), std::nullopt);
}

TEST(ThresholdTest, NamesMetricDirectionAndChange) {
  const auto threshold = ParseThreshold("p99>+10%");
  ASSERT_TRUE(threshold.ok());
  EXPECT_EQ(threshold->metric, Metric::kP99);
  EXPECT_TRUE(threshold->above);
  EXPECT_DOUBLE_EQ(threshold->change, 0.1);
  const auto fall = ParseThreshold("throughput<-2.5%");
  ASSERT_TRUE(fall.ok());
  EXPECT_FALSE(fall->above);
  EXPECT_DOUBLE_EQ(fall->change, -0.025);
}

TEST(ThresholdTest, RefusesWhatItIsNot) {
  for (const std::string text : {"", "p99", "p99>", "p99>10", "p98>+1%", ">+1%", "p99=1%", "p99>+%",
                                 "p99>+-1%", "p99>nan%", "p99>1%%", "p99>1x%"}) {
    const auto threshold = ParseThreshold(text);
    EXPECT_FALSE(threshold.ok()) << text;
    if (threshold.ok()) continue;
    EXPECT_NE(threshold.status().message().find("\"" + text + "\""), std::string::npos);
  }
}

TEST(ThresholdTest, IsPassedByAChangeThatIsSureAndLargeEnough) {
  const Threshold rise = *ParseThreshold("p99>+10%");
  const auto estimate = [](double ratio, double low, double high) {
    return RatioEstimate{.blocks = 20, .ratio = ratio, .low = low, .high = high};
  };
  EXPECT_TRUE(Passed(rise, estimate(1.2, 1.05, 1.4)));
  EXPECT_FALSE(Passed(rise, estimate(1.05, 1.02, 1.08))) << "too little";
  EXPECT_FALSE(Passed(rise, estimate(1.2, 0.9, 1.6))) << "may be none at all";
  EXPECT_FALSE(Passed(rise, estimate(0.5, 0.4, 0.6))) << "the other way";
  const Threshold fall = *ParseThreshold("throughput<-5%");
  EXPECT_TRUE(Passed(fall, estimate(0.9, 0.85, 0.95)));
  EXPECT_FALSE(Passed(fall, estimate(0.97, 0.96, 0.98)));
  // Latencies of saved runs have no interval.
  EXPECT_TRUE(Passed(rise, {.blocks = 1, .ratio = 1.2, .low = 0, .high = 1e300}));
}

}  // namespace
}  // namespace spindle::bench
