#include "net/session/internal/heartbeat.h"

#include <chrono>

#include "gtest/gtest.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using Verdict = Heartbeat::Verdict;

constexpr TimePoint kStart{};

// Ticks until found dead; returns how many that took.
int TicksToDeath(Heartbeat& beat, uint32_t misses, const Heartbeat::Line& line = {}) {
  for (int ticks = 1; ticks < 100; ++ticks) {
    const Verdict verdict = beat.Tick(line, misses);
    if (verdict == Verdict::kDead) return ticks;
    if (verdict == Verdict::kPing) beat.Ping(kStart);
  }
  return -1;
}

TEST(HeartbeatTest, EachMissIsAnIntervalAfterAQuestion) {
  for (const uint32_t misses : {1u, 2u, 3u, 10u}) {
    Heartbeat fresh;
    EXPECT_EQ(TicksToDeath(fresh, misses), static_cast<int>(misses) + 1);
    Heartbeat heard;
    EXPECT_EQ(heard.Tick({}, misses), Verdict::kPing);
    heard.Ping(kStart);
    heard.Heard();
    EXPECT_EQ(TicksToDeath(heard, misses), static_cast<int>(misses) + 1);
  }
}

TEST(HeartbeatTest, MissesMustBeInARow) {
  Heartbeat beat;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_NE(beat.Tick({}, 2), Verdict::kDead) << i;
    if (i % 2 == 0) beat.Heard();
  }
  EXPECT_EQ(beat.missed(), 0u);
}

TEST(HeartbeatTest, OutputThatThePeerTakesIsASignOfLife) {
  Heartbeat beat;
  uint64_t sent = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(beat.Tick({.queued = 1000, .sent = sent += 10}, 1), Verdict::kDead);
  }
  EXPECT_EQ(TicksToDeath(beat, 3, {.queued = 1000, .sent = sent}), 3);
  // What the kernel takes at once proves nothing.
  Heartbeat idle;
  sent = 0;
  int ticks = 0;
  while (idle.Tick({.queued = 0, .sent = sent += 10}, 3) != Verdict::kDead) ++ticks;
  EXPECT_EQ(ticks, 3);
}

TEST(HeartbeatTest, WhoDoesNotListenMissesNothingAndIsHeard) {
  Heartbeat beat;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(beat.Tick({.listening = false}, 1), Verdict::kPing);
    beat.Ping(kStart);
  }
  EXPECT_EQ(TicksToDeath(beat, 2), 2);
}

TEST(HeartbeatTest, OneQuestionInTheQueueIsEnough) {
  Heartbeat beat;
  ASSERT_EQ(beat.Tick({.queued = 5}, 9), Verdict::kPing);
  beat.Ping(kStart);
  ASSERT_EQ(beat.Tick({.queued = 5}, 9), Verdict::kWait);
  beat.Pong(1, kStart);
  ASSERT_EQ(beat.Tick({.queued = 5}, 9), Verdict::kPing);
}

TEST(HeartbeatTest, RoundTripTimeIsSmoothed) {
  Heartbeat beat;
  EXPECT_LT(beat.last_rtt(), Duration::zero());
  EXPECT_LT(beat.smoothed_rtt(), Duration::zero());
  beat.Pong(beat.Ping(kStart), kStart + milliseconds(80));
  EXPECT_EQ(beat.last_rtt(), milliseconds(80));
  EXPECT_EQ(beat.smoothed_rtt(), milliseconds(80));
  beat.Pong(beat.Ping(kStart), kStart + milliseconds(160));
  EXPECT_EQ(beat.last_rtt(), milliseconds(160));
  EXPECT_EQ(beat.smoothed_rtt(), milliseconds(90));
}

TEST(HeartbeatTest, AnswersToNoQuestionMeasureNothing) {
  Heartbeat beat;
  beat.Pong(0, kStart + milliseconds(1));
  beat.Pong(1, kStart + milliseconds(1));
  EXPECT_LT(beat.last_rtt(), Duration::zero());
  const uint64_t token = beat.Ping(kStart);
  beat.Pong(token + 1, kStart + milliseconds(1));
  EXPECT_LT(beat.last_rtt(), Duration::zero());
  beat.Pong(token, kStart + milliseconds(2));
  beat.Pong(token, kStart + milliseconds(9));
  EXPECT_EQ(beat.last_rtt(), milliseconds(2));
}

}  // namespace
}  // namespace spindle
