#include "bench/report/statistics.h"

#include <cmath>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using std::chrono::milliseconds;

TEST(Statistics, MedianOfOddEvenAndNone) {
  EXPECT_EQ(Median({}), 0);
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({9, 1, 5}), 5);
  EXPECT_EQ(Median({4, 1, 3, 2}), 2.5);
}

TEST(Statistics, LogRatiosLeaveOutWhatHasNone) {
  const std::vector<Duration> a = {milliseconds(10), milliseconds(5), Duration(0)};
  const std::vector<Duration> b = {milliseconds(5), Duration(0), milliseconds(1)};
  const std::vector<double> ratios = LogRatios(a, b);
  ASSERT_EQ(ratios.size(), 1u);
  EXPECT_DOUBLE_EQ(ratios[0], std::log(2.0));
}

TEST(Statistics, EqualRatiosGiveAPointInterval) {
  const RatioEstimate estimate = EstimateRatio(std::vector<double>(10, std::log(4.0)), 1);
  EXPECT_DOUBLE_EQ(estimate.ratio, 4);
  EXPECT_DOUBLE_EQ(estimate.low, 4);
  EXPECT_DOUBLE_EQ(estimate.high, 4);
  EXPECT_NEAR(estimate.detectable, 0, 1e-12);
  EXPECT_EQ(Judge(estimate, 0.05), Verdict::kFaster);
}

TEST(Statistics, SameSeedGivesTheSameInterval) {
  Random random(3);
  std::vector<double> ratios;
  for (int i = 0; i < 15; ++i) ratios.push_back(random.NextDouble());
  const RatioEstimate a = EstimateRatio(ratios, 42), b = EstimateRatio(ratios, 42);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_LT(a.low, a.ratio);
  EXPECT_GT(a.high, a.ratio);
}

TEST(Statistics, IntervalCoversTheTruthAboutAsOftenAsItSays) {
  // Symmetric noise around 0: the true ratio is 1. 95 % is what the percentile bootstrap promises
  // for many blocks; with 20 it is a little less.
  Random random(5);
  int covered = 0;
  constexpr int kTrials = 400;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> ratios;
    for (int i = 0; i < 20; ++i) ratios.push_back(random.NextDouble() - random.NextDouble());
    const RatioEstimate estimate = EstimateRatio(ratios, random.Next(), 500);
    if (estimate.low <= 1 && estimate.high >= 1) ++covered;
  }
  EXPECT_GE(covered, kTrials * 88 / 100);
  EXPECT_LT(covered, kTrials);
}

TEST(Statistics, DetectableEffectFollowsTheFormula) {
  // Deviation 0.25 by construction, n = 8: 2.8 * 0.25 / sqrt(8) = 0.2475.
  const double d = 0.25 * std::sqrt(7.0 / 8.0);
  const RatioEstimate estimate = EstimateRatio(std::vector<double>{d, -d, d, -d, d, -d, d, -d}, 1);
  EXPECT_NEAR(estimate.deviation, 0.25, 1e-12);
  EXPECT_NEAR(estimate.detectable, 0.2475, 1e-4);
  // (2.8 * 0.25 / log 1.05)^2 = 205.9 blocks in all.
  EXPECT_EQ(BlocksMissing(estimate, 0.05), 206u - 8u);
}

TEST(Statistics, TooFewBlocksGiveNoIntervalAndNoVerdict) {
  for (size_t blocks = 0; blocks < kMinBlocks; ++blocks) {
    const RatioEstimate estimate = EstimateRatio(std::vector<double>(blocks, std::log(9.0)), 1);
    EXPECT_EQ(estimate.blocks, blocks);
    EXPECT_EQ(estimate.low, 0);
    EXPECT_TRUE(std::isinf(estimate.high));
    EXPECT_EQ(Judge(estimate, 0.05), Verdict::kCannotTell);
    EXPECT_GE(BlocksMissing(estimate, 0.05), kMinBlocks - blocks);
  }
}

TEST(Statistics, AnArmThatDiffersFromItselfSetsABound) {
  const auto judge = [](double floor_low, double floor_high, double low, double high) {
    return JudgeAbove({.low = floor_low, .high = floor_high},
                      {.blocks = 10, .ratio = (low + high) / 2, .low = low, .high = high}, 0.05);
  };
  EXPECT_EQ(judge(0.9, 1.2, 1.1, 1.2), Verdict::kFaster) << "no difference, no bound";
  EXPECT_EQ(judge(1.1, 1.3, 1.2, 1.4), Verdict::kCannotTell);
  EXPECT_EQ(judge(1.1, 1.3, 1.31, 1.4), Verdict::kFaster);
  EXPECT_EQ(judge(0.7, 0.8, 1.3, 1.5), Verdict::kCannotTell) << "either direction counts";
  EXPECT_EQ(judge(0.7, 0.8, 1.5, 1.6), Verdict::kFaster);
  EXPECT_EQ(judge(1.1, 1.3, 0.5, 0.7), Verdict::kSlower);
  EXPECT_EQ(judge(1.1, 1.3, 0.5, 0.8), Verdict::kCannotTell);
  EXPECT_EQ(judge(1.01, 1.02, 0.98, 1.02), Verdict::kCannotTell);
}

TEST(Statistics, VerdictsFollowTheInterval) {
  const auto judge = [](double low, double high) {
    return Judge({.blocks = 10, .ratio = (low + high) / 2, .low = low, .high = high}, 0.05);
  };
  EXPECT_EQ(judge(1.2, 1.4), Verdict::kFaster);
  EXPECT_EQ(judge(0.5, 0.9), Verdict::kSlower);
  EXPECT_EQ(judge(0.97, 1.03), Verdict::kSame);
  EXPECT_EQ(judge(1.01, 1.02), Verdict::kSame) << "different, but by less than matters";
  EXPECT_EQ(judge(0.9, 1.2), Verdict::kCannotTell);
  EXPECT_EQ(judge(0.99, 1.06), Verdict::kCannotTell);
}

}  // namespace
}  // namespace spindle::bench
