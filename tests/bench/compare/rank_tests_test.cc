#include "bench/compare/rank_tests.h"

#include <vector>

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using Values = std::vector<double>;

TEST(WilcoxonTest, CountsTheWaysExactly) {
  // All five positive: one of 32 ways, on either side.
  EXPECT_DOUBLE_EQ(WilcoxonSignedRank(Values{1, 2, 3, 4, 5}), 2.0 / 32);
  EXPECT_DOUBLE_EQ(WilcoxonSignedRank(Values{-1, -2, -3, -4, -5}), 2.0 / 32);
  // Rank sum 1 or less: {} and {1}.
  EXPECT_DOUBLE_EQ(WilcoxonSignedRank(Values{-1, 2, 3, 4, 5}), 4.0 / 32);
  EXPECT_DOUBLE_EQ(WilcoxonSignedRank(Values{1, -2, 3, -4}), 14.0 / 16);
}

TEST(WilcoxonTest, LeavesZerosOut) {
  EXPECT_DOUBLE_EQ(WilcoxonSignedRank(Values{0, 0, 0}), 1);
  EXPECT_DOUBLE_EQ(WilcoxonSignedRank(Values{}), 1);
  EXPECT_DOUBLE_EQ(WilcoxonSignedRank(Values{0, 1, 2, 3, 4, 5}), 2.0 / 32);
}

TEST(WilcoxonTest, ApproximatesLargeSamplesAndTies) {
  Values even;
  Values shifted;
  for (int i = 1; i <= 100; ++i) {
    even.push_back(i % 2 == 0 ? i : -i);
    shifted.push_back(i % 5 == 0 ? -i : i);
  }
  EXPECT_GT(WilcoxonSignedRank(even), 0.5);
  EXPECT_LT(WilcoxonSignedRank(shifted), 1e-6);
  // W = 13.5 around 7.5, with variance 5 * 6 * 11 / 24 - 6 / 48: z = 5.5 / 3.691.
  EXPECT_NEAR(WilcoxonSignedRank(Values{-1, 1, 3, 4, 5}), 0.1362, 0.0001);
}

TEST(MannWhitneyTest, CountsTheWaysExactly) {
  // All of a below all of b: one of 20 ways, on either side.
  EXPECT_DOUBLE_EQ(MannWhitney(Values{1, 2, 3}, Values{4, 5, 6}), 2.0 / 20);
  EXPECT_DOUBLE_EQ(MannWhitney(Values{4, 5, 6}, Values{1, 2, 3}), 2.0 / 20);
  EXPECT_DOUBLE_EQ(MannWhitney(Values{1, 2, 4}, Values{3, 5, 6}), 4.0 / 20);
  EXPECT_DOUBLE_EQ(MannWhitney(Values{1}, Values{2}), 1);
  EXPECT_DOUBLE_EQ(MannWhitney(Values{}, Values{2}), 1);
}

TEST(MannWhitneyTest, ApproximatesLargeSamplesAndTies) {
  Values a;
  Values b;
  Values c;
  for (int i = 0; i < 60; ++i) {
    a.push_back(i);
    b.push_back(i + 0.5);
    c.push_back(i + 30);
  }
  EXPECT_GT(MannWhitney(a, b), 0.5);
  EXPECT_LT(MannWhitney(a, c), 1e-6);
  EXPECT_DOUBLE_EQ(MannWhitney(Values(20, 7), Values(30, 7)), 1) << "all the same";
}

}  // namespace
}  // namespace spindle::bench
