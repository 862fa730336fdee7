#include "net/stream/rate_limit.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

__extension__ using Wide = unsigned __int128;
constexpr uint64_t kNanos = 1'000'000'000;

TimePoint At(uint64_t nanos) { return TimePoint(nanoseconds(nanos)); }

// A bucket as the books have it, in units of a billionth of a byte: exact, and slow to overflow.
class ModelBucket {
 public:
  ModelBucket(uint64_t rate, uint64_t burst) : rate_(rate), full_(Wide{burst} * kNanos) {}
  uint64_t Available(uint64_t nanos) {
    const Wide earned = Wide{nanos - last_} * rate_;
    last_ = nanos;
    level_ = std::min(full_, level_ + earned);
    return static_cast<uint64_t>(level_ / kNanos);
  }
  void Take(uint64_t bytes) { level_ -= Wide{bytes} * kNanos; }

 private:
  const uint64_t rate_;
  const Wide full_;
  Wide level_ = full_;
  uint64_t last_ = 0;
};

TEST(TokenBucketTest, FollowsTheModelWithinOneByte) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Random random(seed);
    const uint64_t rate = 1 + (random.Next() >> (28 + random.Uniform(36)));
    const uint64_t burst = 1 + (random.Next() >> (34 + random.Uniform(30)));
    TokenBucket bucket(RateLimit{rate, burst});
    ModelBucket model(rate, burst);
    uint64_t now = random.Next() >> 8;  // Years of uptime.
    model.Available(now);
    for (int step = 0; step < 200; ++step) {
      now += random.OneIn(3) ? random.Uniform(100) : random.Next() >> (26 + random.Uniform(36));
      const uint64_t expected = model.Available(now);
      const uint64_t available = bucket.Available(At(now));
      // The model keeps a part of a byte that was earned before the bucket was full.
      ASSERT_LE(available, expected + 1) << "seed " << seed;
      ASSERT_LE(expected, available + 1) << "seed " << seed;
      const uint64_t wanted = random.Uniform(burst + 1);
      const TimePoint when = bucket.When(wanted, At(now));
      ASSERT_GE(bucket.Available(when), wanted) << "seed " << seed;
      if (when > At(now)) {
        ASSERT_LT(bucket.Available(when - nanoseconds(1)), wanted) << "seed " << seed;
      }
      const uint64_t taken = random.Uniform(std::min(available, expected) + 1);
      bucket.Take(taken, At(now));
      model.Take(taken);
    }
  }
}

TEST(TokenBucketTest, DoesNotDrift) {
  TokenBucket bucket(RateLimit{.bytes_per_second = 1'000'003, .burst = 1000});
  TimePoint now = At(5 * kNanos);
  const TimePoint start = now;
  uint64_t taken = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    now = bucket.When(7, now);
    bucket.Take(7, now);
    taken += 7;
  }
  const Wide nanos = Wide{taken - 1000} * kNanos / 1'000'003;
  EXPECT_NEAR(static_cast<double>((now - start).count()), static_cast<double>(nanos), 1000.0);
}

TEST(TokenBucketTest, BurstOfZeroIsATenthOfASecond) {
  EXPECT_EQ(TokenBucket(RateLimit{5000}).burst(), 500u);
  EXPECT_EQ(TokenBucket(RateLimit{3}).burst(), 1u);
  EXPECT_EQ(TokenBucket(RateLimit{3, 10}).burst(), 10u);
}

TEST(TokenBucketTest, HugeRatesAndAgesDoNotWrap) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  TokenBucket bucket(RateLimit{kMax, kMax});
  EXPECT_EQ(bucket.burst(), RateLimit::kMaxBurst);
  for (const uint64_t day : {0, 1, 100, 1000, 2000, 4000}) {
    const TimePoint now = At(day * 86'400 * kNanos);
    ASSERT_EQ(bucket.Available(now), bucket.burst()) << day;
    bucket.Take(bucket.burst(), now);
    ASSERT_EQ(bucket.Available(now), 0u);
    ASSERT_EQ(bucket.Available(now + seconds(1)), RateLimit::kMaxRate);
  }
  TokenBucket slow(RateLimit{1, 1});
  slow.Take(kMax, At(0));
  EXPECT_EQ(slow.Available(At(kMax / 4)), 0u);
  EXPECT_EQ(slow.When(1, At(1)), kNever);
}

TEST(TokenBucketTest, DebtIsPaidBeforeAnythingIsThere) {
  TokenBucket bucket(RateLimit{1000, 100});
  bucket.Take(600, At(0));
  EXPECT_EQ(bucket.Available(At(0) + milliseconds(500)), 0u);
  EXPECT_EQ(bucket.Available(At(0) + milliseconds(510)), 10u);
  EXPECT_EQ(bucket.When(10, At(0)), At(0) + milliseconds(510));
}

TEST(TokenBucketTest, AnotherLimitKeepsWhatIsThere) {
  TokenBucket bucket;
  EXPECT_TRUE(bucket.unlimited());
  const TimePoint now = At(kNanos);
  bucket.SetLimit({1000, 100}, now);
  EXPECT_EQ(bucket.Available(now), 100u);
  bucket.Take(70, now);
  bucket.SetLimit({10, 1000}, now);
  EXPECT_EQ(bucket.Available(now), 30u);
  bucket.SetLimit({10, 20}, now);
  EXPECT_EQ(bucket.Available(now), 20u);
  bucket.SetLimit({}, now);
  EXPECT_EQ(bucket.Available(now), std::numeric_limits<uint64_t>::max());
}

TEST(RateGroupTest, PlacesAreGivenInOrderAndBackDated) {
  RateGroup group(RateLimit{800, 80});  // A share is 10 bytes.
  const TimePoint now = At(kNanos);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(group.Reserve(1000, now).when, now);
  EXPECT_EQ(group.counters().waits, 0u);
  // One share each 12.5 ms.
  for (int i = 1; i <= 100; ++i) {
    const RateGroup::Grant grant = group.Reserve(1000, now);
    EXPECT_EQ(grant.bytes, 10u);
    EXPECT_EQ(grant.when, now + nanoseconds(12'500'000) * i);
  }
  EXPECT_EQ(group.counters().waits, 100u);
  EXPECT_EQ(group.counters().bytes, 1080u);
  // Places given back are given again.
  group.Return(1000);
  EXPECT_EQ(group.Reserve(10, now).when, now + nanoseconds(12'500'000));
  EXPECT_EQ(group.counters().bytes, 90u);
}

TEST(RateGroupTest, TakesOnlyWhatIsThere) {
  RateGroup group(RateLimit{10, 2});
  const TimePoint now = At(kNanos);
  EXPECT_TRUE(group.TryTake(1, now));
  EXPECT_TRUE(group.TryTake(1, now));
  EXPECT_FALSE(group.TryTake(1, now));
  EXPECT_FALSE(group.TryTake(1, now + milliseconds(99)));
  EXPECT_TRUE(group.TryTake(1, now + milliseconds(100)));
  EXPECT_EQ(group.counters().bytes, 3u);
}

// Four threads reserve, give back a part, and wait (each in a time of its own that the reservations
// set): in all no more passes than burst + rate * time.
TEST(RateGroupTest, ThreadsTogetherStayWithinTheRate) {
  constexpr uint64_t kRate = 1'000'000;
  constexpr uint64_t kBurst = 100'000;
  RateGroup group(RateLimit{kRate, kBurst});
  const TimePoint start = At(kNanos);
  std::vector<std::thread> threads;
  std::vector<TimePoint> ends(4, start);
  std::vector<uint64_t> used(4, 0);
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(t + 1);
      TimePoint now = start;
      for (int i = 0; i < 20'000; ++i) {
        const RateGroup::Grant grant = group.Reserve(1 + random.Uniform(20'000), now);
        now = std::max(now, grant.when);
        const uint64_t bytes = random.Uniform(grant.bytes + 1);
        group.Return(grant.bytes - bytes);
        used[t] += bytes;
      }
      ends[t] = now;
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t total = 0;
  for (const uint64_t bytes : used) total += bytes;
  EXPECT_EQ(group.counters().bytes, total);
  const TimePoint end = *std::max_element(ends.begin(), ends.end());
  const double earned = std::chrono::duration<double>(end - start).count() * kRate;
  EXPECT_LE(static_cast<double>(total), earned + kBurst);
}

}  // namespace
}  // namespace spindle
