#include "base/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(Histogram, EmptyReportsZeros) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), Duration::zero());
  EXPECT_EQ(histogram.max(), Duration::zero());
  EXPECT_EQ(histogram.mean(), Duration::zero());
  EXPECT_EQ(histogram.ValueAtQuantile(0.5), Duration::zero());
  EXPECT_EQ(histogram.ValueAtQuantile(1), Duration::zero());
  histogram.ForEachBucket([](const HistogramBucket&) { ADD_FAILURE(); });
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.Record(Duration(i));
  EXPECT_EQ(histogram.ValueAtQuantile(0.5), Duration(50));
  EXPECT_EQ(histogram.ValueAtQuantile(0.99), Duration(99));
  EXPECT_EQ(histogram.ValueAtQuantile(0.991), Duration(100));
  EXPECT_EQ(histogram.ValueAtQuantile(0), Duration(1));
  EXPECT_EQ(histogram.ValueAtQuantile(1), Duration(100));
  EXPECT_EQ(histogram.mean(), Duration(50));
}

TEST(Histogram, EveryValueReadsBackWithinOnePerMille) {
  Random random(1);
  for (int bits = 0; bits < 42; ++bits) {
    for (int i = 0; i < 200; ++i) {
      const auto value = static_cast<int64_t>(random.Next() >> (63 - bits) >> 1);
      // Neighbours far away on both sides, so that the answer is not clamped to min or max.
      Histogram histogram;
      histogram.Record(Duration::zero());
      histogram.RecordMany(Duration(value), 3);
      histogram.Record(Histogram::kMax);
      const double read = static_cast<double>(histogram.ValueAtQuantile(0.5).count());
      ASSERT_LE(std::abs(read - static_cast<double>(value)), static_cast<double>(value) * 0.001)
          << value;
    }
  }
}

TEST(Histogram, QuantilesAgreeWithASortedList) {
  Random random(2);
  Histogram histogram;
  std::vector<Duration> values;
  for (int i = 0; i < 20000; ++i) {
    const Duration value(static_cast<int64_t>(std::exp(random.NextDouble() * 24)));
    values.push_back(value);
    histogram.Record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const auto rank = static_cast<size_t>(std::ceil(q * 20000)) - 1;
    const double exact = static_cast<double>(values[rank].count());
    const double read = static_cast<double>(histogram.ValueAtQuantile(q).count());
    EXPECT_NEAR(read, exact, exact * 0.001) << q;
  }
  EXPECT_EQ(histogram.min(), values.front());
  EXPECT_EQ(histogram.max(), values.back());
}

TEST(Histogram, OutOfRangeValuesAreClampedAndCounted) {
  Histogram histogram;
  histogram.Record(Duration(-1));
  histogram.Record(Duration::min());
  histogram.RecordMany(Duration::max(), 5);
  histogram.Record(Histogram::kMax + Duration(1));
  histogram.Record(Histogram::kMax);
  EXPECT_EQ(histogram.count(), 9u);
  EXPECT_EQ(histogram.clamped_low(), 2u);
  EXPECT_EQ(histogram.clamped_high(), 6u);
  EXPECT_EQ(histogram.min(), Duration::zero());
  EXPECT_EQ(histogram.max(), Histogram::kMax);
  EXPECT_GT(Histogram::kMax, hours(1));
}

TEST(Histogram, OddQuantilesAreSafe) {
  Histogram histogram;
  histogram.Record(microseconds(1));
  histogram.Record(microseconds(9));
  EXPECT_EQ(histogram.ValueAtQuantile(-5), microseconds(1));
  EXPECT_EQ(histogram.ValueAtQuantile(7), microseconds(9));
  EXPECT_EQ(histogram.ValueAtQuantile(std::numeric_limits<double>::quiet_NaN()), microseconds(1));
  EXPECT_EQ(histogram.ValueAtQuantile(std::nextafter(1.0, 0.0)), microseconds(9));
  histogram.RecordMany(microseconds(5), uint64_t{1} << 63);
  EXPECT_NEAR(static_cast<double>(histogram.ValueAtQuantile(std::nextafter(1.0, 0.0)).count()),
              5000, 5);
}

TEST(Histogram, MergeEqualsRecordingIntoOne) {
  Random random(3);
  Histogram a;
  Histogram b;
  Histogram both;
  for (int i = 0; i < 5000; ++i) {
    const Duration value(static_cast<int64_t>(random.Uniform(1u << (1 + i % 30))) - 1);
    (i % 3 == 0 ? a : b).Record(value);
    both.Record(value);
  }
  a.Merge(b);
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.min(), both.min());
  EXPECT_EQ(a.max(), both.max());
  EXPECT_EQ(a.mean(), both.mean());
  EXPECT_EQ(a.clamped_low(), both.clamped_low());
  for (double q = 0; q <= 1; q += 0.01) {
    EXPECT_EQ(a.ValueAtQuantile(q), both.ValueAtQuantile(q)) << q;
  }
}

TEST(Histogram, MergeWithEmptyAndWithItself) {
  Histogram histogram;
  histogram.Record(milliseconds(3));
  histogram.Merge(Histogram());
  EXPECT_EQ(histogram.count(), 1u);
  EXPECT_EQ(histogram.min(), milliseconds(3));
  histogram.Merge(histogram);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.mean(), milliseconds(3));
  Histogram lower;
  lower.Record(milliseconds(1));
  histogram.Merge(lower);
  EXPECT_EQ(histogram.min(), milliseconds(1));
  EXPECT_EQ(histogram.max(), milliseconds(3));
}

TEST(Histogram, BucketsAscendCoverAllValuesAndAddUp) {
  Random random(4);
  Histogram histogram;
  for (int i = 0; i < 5000; ++i) {
    histogram.Record(Duration(static_cast<int64_t>(random.Next() >> (22 + i % 40))));
  }
  uint64_t total = 0;
  Duration last_upper = Duration::zero();
  histogram.ForEachBucket([&](const HistogramBucket& bucket) {
    EXPECT_GE(bucket.lower, last_upper);
    EXPECT_GT(bucket.upper, bucket.lower);
    EXPECT_GT(bucket.count, 0u);
    last_upper = bucket.upper;
    total += bucket.count;
  });
  EXPECT_EQ(total, histogram.count());
  EXPECT_GT(last_upper, histogram.max());
}

TEST(Histogram, ClearForgetsEverything) {
  Histogram histogram;
  histogram.Record(Duration::max());
  histogram.Record(Duration(-1));
  histogram.Clear();
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.clamped_high() + histogram.clamped_low(), 0u);
  histogram.Record(milliseconds(2));
  EXPECT_EQ(histogram.min(), milliseconds(2));
  EXPECT_EQ(histogram.max(), milliseconds(2));
  EXPECT_EQ(histogram.mean(), milliseconds(2));
}

TEST(Histogram, MeanOfHugeSumsDoesNotOverflow) {
  Histogram histogram;
  histogram.RecordMany(hours(1), uint64_t{1} << 40);
  EXPECT_EQ(histogram.mean(), hours(1));
}

TEST(Histogram, CopyIsASnapshot) {
  Histogram histogram;
  histogram.Record(milliseconds(1));
  const Histogram snapshot = histogram;
  histogram.Record(milliseconds(9));
  EXPECT_EQ(snapshot.count(), 1u);
  EXPECT_EQ(snapshot.max(), milliseconds(1));
}

TEST(Histogram, PartsMakeTheSameHistogram) {
  Random random(4);
  Histogram histogram;
  for (int bits = 0; bits < 45; ++bits) {
    for (int i = 0; i < 20; ++i) {
      histogram.Record(Duration(static_cast<int64_t>(random.Next() >> (63 - bits) >> 1) - 1));
    }
  }
  const std::optional<Histogram> copy = Histogram::FromParts(histogram.ToParts());
  ASSERT_TRUE(copy.has_value());
  EXPECT_EQ(copy->count(), histogram.count());
  EXPECT_EQ(copy->min(), histogram.min());
  EXPECT_EQ(copy->max(), histogram.max());
  EXPECT_EQ(copy->mean(), histogram.mean());
  EXPECT_EQ(copy->clamped_low(), histogram.clamped_low());
  EXPECT_EQ(copy->clamped_high(), histogram.clamped_high());
  EXPECT_GT(copy->clamped_high(), 0u);
  for (double quantile = 0; quantile <= 1; quantile += 0.01) {
    EXPECT_EQ(copy->ValueAtQuantile(quantile), histogram.ValueAtQuantile(quantile)) << quantile;
  }
  const std::optional<Histogram> empty = Histogram::FromParts(Histogram().ToParts());
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(empty->count(), 0u);
}

TEST(Histogram, PartsThatDoNotFitTogetherAreRefused) {
  Histogram histogram;
  histogram.Record(milliseconds(1));
  histogram.RecordMany(milliseconds(5), 3);
  const HistogramParts good = histogram.ToParts();
  const auto refused = [&](auto change) {
    HistogramParts parts = good;
    change(parts);
    return !Histogram::FromParts(parts).has_value();
  };
  EXPECT_FALSE(refused([](HistogramParts&) {}));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.buckets.clear(); }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.buckets[0].count = 0; }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.buckets[0].lower += Duration(1); }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.buckets[0].lower = Duration(-1); }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.buckets[1].lower = Duration::max(); }));
  EXPECT_TRUE(refused([](HistogramParts& p) { std::swap(p.buckets[0], p.buckets[1]); }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.buckets[1] = p.buckets[0]; }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.buckets[1].count = UINT64_MAX; }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.min = microseconds(900); }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.max = milliseconds(6); }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.mean = milliseconds(6); }));
  EXPECT_TRUE(refused([](HistogramParts& p) { p.mean = Duration(-1); }));
}

}  // namespace
}  // namespace spindle
