#include "base/random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <vector>

#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(Random, SequenceIsTheSameEverywhere) {
  // From the authors' splitmix64.c and xoshiro256starstar.c, seeded with 0.
  Random random(0);
  EXPECT_EQ(random.Next(), 0x99ec5f36cb75f2b4u);
  EXPECT_EQ(random.Next(), 0xbf6e1f784956452au);
  EXPECT_EQ(random.Next(), 0x1a5f849d4933e6e0u);
}

TEST(Random, SeedsGiveDifferentSequencesAndRepeatThem) {
  Random a(1);
  Random b(1);
  Random c(2);
  const uint64_t first = a.Next();
  EXPECT_EQ(first, b.Next());
  EXPECT_NE(first, c.Next());
  Random copy = a;
  EXPECT_EQ(copy.Next(), a.Next());
}

TEST(Random, UniformReachesEveryValueEvenly) {
  Random random(3);
  std::map<uint64_t, int> seen;
  for (int i = 0; i < 70000; ++i) ++seen[random.Uniform(7)];
  EXPECT_EQ(seen.size(), 7u);
  for (const auto& [value, count] : seen) {
    EXPECT_LT(value, 7u);
    EXPECT_NEAR(count, 10000, 500);
  }
}

TEST(Random, UniformIsUnbiasedForHugeRanges) {
  // With n = 3 * 2^62, plain `Next() % n` puts half of all values below 2^62 instead of a third.
  Random random(4);
  const uint64_t n = uint64_t{3} << 62;
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += random.Uniform(n) < (uint64_t{1} << 62) ? 1 : 0;
  EXPECT_NEAR(low, 10000, 500);
}

TEST(Random, UniformOfOneIsZero) {
  Random random(5);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.Uniform(1), 0u);
}

TEST(RandomDeathTest, UniformOfNothingFails) {
  Random random(5);
  EXPECT_DEATH(random.Uniform(0), "n > 0");
}

TEST(Random, ChanceKeepsItsEnds) {
  Random random(6);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) {
    EXPECT_FALSE(random.Chance(0));
    EXPECT_FALSE(random.Chance(-1));
    EXPECT_FALSE(random.Chance(std::numeric_limits<double>::quiet_NaN()));
    EXPECT_TRUE(random.Chance(1));
    hits += random.Chance(0.25) ? 1 : 0;
  }
  EXPECT_NEAR(hits, 2500, 200);
}

TEST(Random, OneInHappensOnceInThatMany) {
  Random random(7);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) {
    EXPECT_TRUE(random.OneIn(1));
    hits += random.OneIn(10) ? 1 : 0;
  }
  EXPECT_NEAR(hits, 1000, 150);
}

TEST(Random, NextDoubleStaysBelowOne) {
  Random random(8);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = random.NextDouble();
    EXPECT_GE(value, 0.0);
    EXPECT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
}

TEST(Random, ShuffleKeepsElementsAndReachesAllOrders) {
  Random random(9);
  std::vector<int> hundred(100);
  std::iota(hundred.begin(), hundred.end(), 0);
  const std::vector<int> before = hundred;
  random.Shuffle(std::span<int>(hundred));
  EXPECT_NE(hundred, before);
  std::sort(hundred.begin(), hundred.end());
  EXPECT_EQ(hundred, before);

  std::map<std::vector<int>, int> orders;
  for (int i = 0; i < 6000; ++i) {
    std::vector<int> three = {1, 2, 3};
    random.Shuffle(three);
    ++orders[three];
  }
  EXPECT_EQ(orders.size(), 6u);
  for (const auto& [order, count] : orders) EXPECT_NEAR(count, 1000, 150);
}

TEST(Random, ShuffleOfNothingAndOne) {
  Random random(10);
  std::vector<int> none;
  random.Shuffle(none);
  std::vector<int> one = {1};
  random.Shuffle(one);
  EXPECT_EQ(one, std::vector<int>{1});
}

TEST(Random, ForkDoesNotDependOnLaterDraws) {
  Random a(11);
  Random b(11);
  Random fork_a = a.Fork();
  for (int i = 0; i < 10; ++i) a.Next();
  Random fork_b = b.Fork();
  const uint64_t value = fork_a.Next();
  EXPECT_EQ(value, fork_b.Next());
  EXPECT_NE(value, Random(11).Next());
}

}  // namespace
}  // namespace spindle
