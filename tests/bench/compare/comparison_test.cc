#include "bench/compare/comparison.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

// `count` values around `middle`, some per cent to either side.
std::vector<double> Around(double middle, size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<double> values(count);
  for (double& value : values) {
    value = middle * (0.95 + static_cast<double>(random.Uniform(1000)) / 10000);
  }
  return values;
}

TEST(ComparePairedTest, MoreThroughputIsFaster) {
  Samples samples{.a = Around(100, 30, 1), .b = Around(120, 30, 2)};
  const CompareRecord record = ComparePaired(Metric::kThroughput, samples, 1, 0.05);
  EXPECT_EQ(record.statistic, "throughput");
  EXPECT_NEAR(record.estimate.ratio, 1.2, 0.05);
  EXPECT_EQ(record.verdict, Verdict::kFaster);
  EXPECT_LT(*record.p_value, 0.001);
}

TEST(ComparePairedTest, MoreTimeIsSlower) {
  Samples samples{.a = Around(100, 30, 1), .b = Around(120, 30, 2)};
  EXPECT_EQ(ComparePaired(Metric::kP50, samples, 1, 0.05).verdict, Verdict::kSlower);
  std::swap(samples.a, samples.b);
  const CompareRecord record = ComparePaired(Metric::kServerCpu, samples, 1, 0.05);
  EXPECT_EQ(record.verdict, Verdict::kFaster);
  EXPECT_LT(record.estimate.high, 1) << "the ratio is that of the values, whatever is better";
}

TEST(ComparePairedTest, TheSameIsTheSame) {
  const Samples samples{.a = Around(100, 40, 1), .b = Around(100, 40, 2)};
  EXPECT_EQ(ComparePaired(Metric::kP50, samples, 1, 0.05).verdict, Verdict::kSame);
}

TEST(CompareUnpairedTest, NeedsNineValuesOnEachSide) {
  const CompareRecord few =
      CompareUnpaired(Metric::kThroughput, {Around(100, 8, 1), Around(200, 30, 2)}, 1, 0.05);
  EXPECT_EQ(few.verdict, Verdict::kCannotTell);
  EXPECT_EQ(few.p_value, std::nullopt);
  EXPECT_NEAR(few.estimate.ratio, 2, 0.1);
  const CompareRecord enough =
      CompareUnpaired(Metric::kThroughput, {Around(100, 9, 1), Around(200, 30, 2)}, 1, 0.05);
  EXPECT_EQ(enough.verdict, Verdict::kFaster);
  EXPECT_EQ(enough.test, "Mann-Whitney");
  EXPECT_LT(*enough.p_value, 0.001);
}

TEST(CompareUnpairedTest, IsTheSameForTheSameSeed) {
  const Samples samples{Around(100, 12, 1), Around(103, 12, 2)};
  const CompareRecord a = CompareUnpaired(Metric::kThroughput, samples, 7, 0.05);
  const CompareRecord b = CompareUnpaired(Metric::kThroughput, samples, 7, 0.05);
  EXPECT_EQ(a.estimate.low, b.estimate.low);
  EXPECT_EQ(a.estimate.high, b.estimate.high);
}

RunRecord RunOf(const std::string& arm, Duration wall, size_t connections = 4) {
  RunRecord record;
  ArmRecord data{.name = arm, .setting = {.connections = connections, .message_bytes = 64}};
  for (uint64_t i = 0; i < 12; ++i) {
    data.blocks.push_back(
        {.block = i, .wall = wall + std::chrono::microseconds(i), .messages = 100});
  }
  record.arms.push_back(std::move(data));
  return record;
}

TEST(CompareRunsTest, FindsTheArmThatBothHave) {
  using std::chrono::milliseconds;
  const auto compare =
      CompareRuns(RunOf("echo", milliseconds(10)), RunOf("echo", milliseconds(20)), "", 1, 0.05);
  ASSERT_TRUE(compare.ok()) << compare.status();
  ASSERT_FALSE(compare->empty());
  EXPECT_EQ((*compare)[0].statistic, "throughput");
  EXPECT_NEAR((*compare)[0].estimate.ratio, 0.5, 0.01);
  EXPECT_EQ((*compare)[0].verdict, Verdict::kSlower);
}

TEST(CompareRunsTest, RefusesRunsOfDifferentThings) {
  using std::chrono::milliseconds;
  const RunRecord a = RunOf("echo", milliseconds(10));
  EXPECT_FALSE(CompareRuns(a, RunOf("stream", milliseconds(10)), "", 1, 0.05).ok());
  EXPECT_FALSE(CompareRuns(a, RunOf("echo", milliseconds(10), 8), "", 1, 0.05).ok());
  EXPECT_FALSE(CompareRuns(a, a, "parallel", 1, 0.05).ok());
}

TEST(CompareRunsTest, ARunInOnePieceIsTakenApart) {
  RunRecord run;
  ArmRecord arm{.name = "echo", .setting = {.connections = 1, .message_bytes = 64}};
  arm.blocks.push_back({.wall = std::chrono::seconds(10), .messages = 1000});
  for (int i = 0; i < 100; ++i) {
    arm.intervals.push_back({.length = std::chrono::milliseconds(100), .messages = 10});
  }
  run.arms.push_back(arm);
  const auto compare = CompareRuns(run, run, "", 1, 0.05);
  ASSERT_TRUE(compare.ok());
  EXPECT_EQ((*compare)[0].estimate.blocks, 20u);
  EXPECT_EQ((*compare)[0].verdict, Verdict::kSame);
}

}  // namespace
}  // namespace spindle::bench
