// The loop-free parts of a pool: back-off, circuit breaker, the queue of waiters, and the herd
// after a server's restart. Catalogue C4.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "net/pool/circuit_breaker.h"
#include "net/pool/waiter_queue.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(BackoffTest, CeilingDoublesUpToTheMaximum) {
  Random random(1);
  Backoff backoff({.initial = milliseconds(100),
                   .max = milliseconds(700),
                   .multiplier = 2,
                   .jitter = Jitter::kNone});
  for (const int want : {100, 200, 400, 700, 700}) {
    EXPECT_EQ(backoff.Next(random), milliseconds(want));
  }
  EXPECT_EQ(backoff.failures(), 5u);
  backoff.Reset();
  EXPECT_EQ(backoff.Next(random), milliseconds(100));
}

TEST(BackoffTest, FullJitterCoversTheWholeRangeEvenly) {
  Random random(2);
  std::vector<int> tenths(10);
  for (int i = 0; i < 10000; ++i) {
    Backoff backoff({.initial = milliseconds(1000)});
    const Duration delay = backoff.Next(random);
    ASSERT_GE(delay, Duration::zero());
    ASSERT_LT(delay, milliseconds(1000));
    ++tenths[static_cast<size_t>(delay / milliseconds(100))];
  }
  for (const int count : tenths) EXPECT_NEAR(count, 1000, 150);
}

TEST(BackoffTest, DecorrelatedStaysBetweenInitialAndMaximum) {
  Random random(3);
  Backoff backoff(
      {.initial = milliseconds(100), .max = seconds(3), .jitter = Jitter::kDecorrelated});
  Duration previous = milliseconds(100);
  Duration largest{0};
  for (int i = 0; i < 2000; ++i) {
    const Duration delay = backoff.Next(random);
    EXPECT_GE(delay, milliseconds(100));
    EXPECT_LE(delay, std::min<Duration>(seconds(3), 3 * previous));
    previous = delay;
    largest = std::max(largest, delay);
  }
  EXPECT_GT(largest, seconds(2));
}

TEST(BackoffTest, ExtremePoliciesNeitherOverflowNorHang) {
  Random random(4);
  for (const Jitter jitter : {Jitter::kNone, Jitter::kFull, Jitter::kDecorrelated}) {
    Backoff huge({.initial = Duration::max() / 2,
                  .max = Duration::max(),
                  .multiplier = 1e9,
                  .jitter = jitter});
    Backoff none({.initial = Duration::zero(), .max = Duration::zero(), .jitter = jitter});
    for (int i = 0; i < 2000; ++i) {
      EXPECT_GE(huge.Next(random), Duration::zero());
      EXPECT_EQ(none.Next(random), Duration::zero());
    }
  }
}

class CircuitBreakerTest : public testing::Test {
 protected:
  void Fail(CircuitBreaker& breaker, int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(breaker.Allow(clock_.Now()));
      breaker.OnFailure(clock_.Now(), random_);
    }
  }

  ManualClock clock_{TimePoint(seconds(10))};
  Random random_{5};
  const CircuitBreakerOptions options_{.failures_to_open = 3, .open_for = seconds(2), .jitter = 0};
};

TEST_F(CircuitBreakerTest, OpensAfterFailuresInARowOnly) {
  CircuitBreaker breaker(options_);
  Fail(breaker, 2);
  breaker.OnSuccess();
  Fail(breaker, 2);
  EXPECT_EQ(breaker.state(clock_.Now()), CircuitState::kClosed);
  Fail(breaker, 1);
  EXPECT_EQ(breaker.state(clock_.Now()), CircuitState::kOpen);
  EXPECT_FALSE(breaker.Allow(clock_.Now()));
  EXPECT_EQ(breaker.half_open_at(), clock_.Now() + seconds(2));
}

TEST_F(CircuitBreakerTest, HalfOpenAllowsOneTrialAtATime) {
  CircuitBreaker breaker(options_);
  Fail(breaker, 3);
  clock_.Advance(seconds(2) - Duration(1));
  EXPECT_FALSE(breaker.Allow(clock_.Now()));
  clock_.Advance(Duration(1));
  EXPECT_EQ(breaker.state(clock_.Now()), CircuitState::kHalfOpen);
  EXPECT_TRUE(breaker.Allow(clock_.Now()));
  EXPECT_FALSE(breaker.Allow(clock_.Now()));
  breaker.OnAbandoned();  // Says nothing: another may try.
  EXPECT_TRUE(breaker.Allow(clock_.Now()));
  breaker.OnSuccess();
  EXPECT_EQ(breaker.state(clock_.Now()), CircuitState::kClosed);
}

TEST_F(CircuitBreakerTest, FailedTrialOpensItAgain) {
  CircuitBreaker breaker(options_);
  Fail(breaker, 3);
  clock_.Advance(seconds(2));
  Fail(breaker, 1);
  EXPECT_EQ(breaker.state(clock_.Now()), CircuitState::kOpen);
  EXPECT_EQ(breaker.times_opened(), 2u);
}

TEST_F(CircuitBreakerTest, ClosesAfterSeveralSuccessesIfAskedTo) {
  CircuitBreakerOptions options = options_;
  options.successes_to_close = 2;
  CircuitBreaker breaker(options);
  Fail(breaker, 3);
  clock_.Advance(seconds(2));
  ASSERT_TRUE(breaker.Allow(clock_.Now()));
  breaker.OnSuccess();
  EXPECT_EQ(breaker.state(clock_.Now()), CircuitState::kHalfOpen);
  ASSERT_TRUE(breaker.Allow(clock_.Now()));
  breaker.OnSuccess();
  EXPECT_EQ(breaker.state(clock_.Now()), CircuitState::kClosed);
}

TEST_F(CircuitBreakerTest, ZeroNeverOpensAndJitterShortensTheWait) {
  CircuitBreaker never({.failures_to_open = 0});
  Fail(never, 1000);
  CircuitBreaker jittered({.failures_to_open = 1, .open_for = seconds(2), .jitter = 0.5});
  std::set<TimePoint> ends;
  for (int i = 0; i < 100; ++i) {
    Fail(jittered, 1);
    const Duration wait = jittered.half_open_at() - clock_.Now();
    EXPECT_GE(wait, seconds(1));
    EXPECT_LE(wait, seconds(2));
    ends.insert(TimePoint(wait));
    clock_.Set(jittered.half_open_at());
  }
  EXPECT_GT(ends.size(), 90u);
}

using Queue = WaiterQueue<std::unique_ptr<int>>;

Queue::Waiter MakeWaiter(uint64_t number, int deadline, bool picky = false) {
  return {.number = number,
          .deadline = TimePoint(seconds(deadline)),
          .since = TimePoint(),
          .picky = picky,
          .payload = std::make_unique<int>(static_cast<int>(number))};
}

TEST(WaiterQueueTest, ServesInOrderOfArrivalWhateverTheDeadlines) {
  Queue queue;
  for (const auto& [number, deadline] : {std::pair(1, 9), {2, 1}, {3, 5}}) {
    queue.Add(MakeWaiter(static_cast<uint64_t>(number), deadline));
  }
  EXPECT_EQ(queue.next_deadline(), TimePoint(seconds(1)));
  EXPECT_EQ(*queue.PopAny()->payload, 1);
  EXPECT_EQ(*queue.PopEasy()->payload, 2);
  EXPECT_EQ(queue.next_deadline(), TimePoint(seconds(5)));
  EXPECT_EQ(*queue.PopAny()->payload, 3);
  EXPECT_FALSE(queue.PopAny().has_value());
  EXPECT_EQ(queue.next_deadline(), kNever);
}

TEST(WaiterQueueTest, ExpiresAtTheDeadlineAndNotBefore) {
  Queue queue;
  queue.Add(MakeWaiter(1, 7));
  queue.Add(MakeWaiter(2, 5));
  EXPECT_TRUE(queue.TakeExpired(TimePoint(seconds(5)) - Duration(1)).empty());
  EXPECT_EQ(queue.TakeExpired(TimePoint(seconds(5))).size(), 1u);
  EXPECT_EQ(*queue.first()->payload, 1);
  EXPECT_EQ(queue.TakeExpired(TimePoint(seconds(99))).size(), 1u);
  EXPECT_TRUE(queue.empty());
}

TEST(WaiterQueueTest, OneThatIsPutBackKeepsItsPlace) {
  Queue queue;
  for (const uint64_t number : {1, 2, 3}) queue.Add(MakeWaiter(number, 9));
  std::optional<Queue::Waiter> first = queue.PopAny();
  queue.Add(*std::move(first));
  EXPECT_EQ(*queue.PopAny()->payload, 1);
}

TEST(WaiterQueueTest, PickyOnesArePassedOverButNotForgotten) {
  Queue queue;
  queue.Add(MakeWaiter(1, 9, true));
  EXPECT_FALSE(queue.has_easy());
  EXPECT_FALSE(queue.PopEasy().has_value());
  queue.Add(MakeWaiter(2, 9));
  EXPECT_TRUE(queue.has_easy());
  EXPECT_EQ(*queue.PopEasy()->payload, 2);
  EXPECT_EQ(*queue.PopAny()->payload, 1);
}

// ---- The herd: N clients lose their server at once; it is back after `down`. Each tries after the
// delays of its Backoff; the first try at or after the return succeeds. The largest part of them
// that comes back within any 100 ms.
double LargestPart(uint64_t seed, size_t clients, Duration down, const BackoffPolicy& policy,
                   Duration* last) {
  Random random(seed);
  std::vector<Duration> back;
  for (size_t i = 0; i < clients; ++i) {
    Random own = random.Fork();
    Backoff backoff(policy);
    // What a pool does when its last connection is lost: it waits for a part of the spread.
    Duration at = RandomDuration(own, policy.initial);
    while (at < down) at += backoff.Next(own);
    back.push_back(at);
  }
  std::sort(back.begin(), back.end());
  *last = back.back() - down;
  size_t most = 0;
  for (size_t first = 0, end = 0; first < back.size(); ++first) {
    while (end < back.size() && back[end] < back[first] + milliseconds(100)) ++end;
    most = std::max(most, end - first);
  }
  return static_cast<double>(most) / static_cast<double>(clients);
}

TEST(HerdTest, AtMostAFifthComesBackInAny100Ms_C4) {
  double worst = 0;
  Duration slowest{0};
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    for (const int down : {0, 50, 300, 1000, 3000, 20000}) {
      Duration last{0};
      worst = std::max(worst, LargestPart(seed, 200, milliseconds(down), BackoffPolicy(), &last));
      slowest = std::max(slowest, last);
    }
  }
  EXPECT_LE(worst, 0.2);
  EXPECT_LE(slowest, seconds(8));
  RecordProperty("worst_percent", std::to_string(100 * worst));
  std::printf("worst 100 ms: %.1f %% of 200 clients; the last is back %.2f s after the server\n",
              100 * worst, static_cast<double>(slowest.count()) / 1e9);
}

TEST(HerdTest, WithoutJitterTheyWouldComeTogether_C4) {
  Duration last{0};
  BackoffPolicy policy{.jitter = Jitter::kNone};
  Random random(1);
  Backoff a(policy);
  Backoff b(policy);
  EXPECT_EQ(a.Next(random), b.Next(random));
  // A short back-off is no better: this is why `initial` is 2 s.
  policy = {.initial = milliseconds(100)};
  EXPECT_GT(LargestPart(1, 200, milliseconds(1), policy, &last), 0.2);
}

}  // namespace
}  // namespace spindle
