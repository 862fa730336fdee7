#include "bench/send_modes/send_model.h"

#include <chrono>

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr uint64_t kMbit = 1'000'000;

double Millis(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

TEST(SendModelTest, ThinkTimeOverlapsInParallel) {
  const SendModel model{.connections = 8, .messages = 3, .think = milliseconds(5)};
  EXPECT_EQ(Predict(model, 1).wall, milliseconds(120));
  EXPECT_EQ(Predict(model, 1).limit, SendLimit::kThinkTime);
  EXPECT_EQ(Predict(model, 8).wall, milliseconds(15));
  EXPECT_DOUBLE_EQ(PredictedSpeedup(model), 8);
}

TEST(SendModelTest, AWindowGoesInBatches) {
  const SendModel model{.connections = 8, .think = milliseconds(5)};
  EXPECT_EQ(Predict(model, 2).wall, milliseconds(20));
  EXPECT_EQ(Predict(model, 3).wall, milliseconds(15));
  EXPECT_EQ(Predict(model, 100).wall, milliseconds(5));
}

TEST(SendModelTest, PipelinedMessagesShareTheirRoundTrips) {
  const SendModel model{.messages = 10,
                        .pipeline = 4,
                        .rtt = milliseconds(10),
                        .think = milliseconds(1),
                        .overhead = microseconds(100)};
  EXPECT_EQ(Predict(model, 1).wall, microseconds(3 * 11'000 + 10 * 100));
}

TEST(SendModelTest, RoundTripsOverlapInParallel) {
  const SendModel model{
      .connections = 16, .messages = 2, .message_bytes = 1024, .rtt = milliseconds(10)};
  EXPECT_EQ(Predict(model, 1).wall, milliseconds(320));
  EXPECT_EQ(Predict(model, 1).limit, SendLimit::kRoundTrip);
  EXPECT_DOUBLE_EQ(PredictedSpeedup(model), 16);
}

// The figures of a link of 50 Mbit/s and 10 ms with eight connections that were warm before.
TEST(SendModelTest, AFullLinkTakesTheGainAway) {
  SendModel model{.connections = 8, .rtt = milliseconds(10), .bits_per_second = 50 * kMbit};
  const auto speedup = [&](uint64_t bytes) {
    model.message_bytes = bytes;
    return PredictedSpeedup(model);
  };
  EXPECT_NEAR(speedup(1024), 7.2, 0.05);
  EXPECT_NEAR(speedup(64 * 1024), 1.74, 0.01);
  EXPECT_NEAR(speedup(256 * 1024), 1.20, 0.01);
  EXPECT_NEAR(speedup(1024 * 1024), 1.05, 0.01);
  EXPECT_EQ(Predict(model, 8).limit, SendLimit::kWire);
  EXPECT_EQ(CrossoverBytes(model), 62'500u);
}

TEST(SendModelTest, WithoutWaitingTheCoresAreTheCeiling) {
  const SendModel model{.connections = 16,
                        .messages = 100,
                        .overhead = microseconds(40),
                        .cpu = microseconds(40),
                        .cores = 2};
  EXPECT_DOUBLE_EQ(PredictedSpeedup(model), 2);
  EXPECT_EQ(Predict(model, 1).limit, SendLimit::kOverhead);
  EXPECT_EQ(Predict(model, 16).limit, SendLimit::kCores);
}

TEST(SendModelTest, MessagesUnderWayShareTheirWakeUps) {
  const SendModel model{.connections = 4,
                        .messages = 10,
                        .overhead = std::chrono::microseconds(50),
                        .cpu = std::chrono::microseconds(40),
                        .wake_cpu = std::chrono::microseconds(20),
                        .cores = 1};
  EXPECT_EQ(Predict(model, 1).wall, Duration(std::chrono::microseconds(2000)));
  EXPECT_EQ(Predict(model, 2).wall, Duration(std::chrono::microseconds(40 * 30)));
  EXPECT_EQ(Predict(model, 4).wall, Duration(std::chrono::microseconds(40 * 25)));
  EXPECT_EQ(Predict(model, 4).limit, SendLimit::kCores);
  SendModel pipelined = model;
  pipelined.pipeline = 100;
  EXPECT_EQ(MessagesUnderWay(pipelined, 9), 40u);
}

TEST(SendModelTest, OneConnectionGainsNothing) {
  const SendModel model{.messages = 7,
                        .message_bytes = 100'000,
                        .rtt = milliseconds(3),
                        .bits_per_second = 10 * kMbit,
                        .think = milliseconds(1),
                        .overhead = microseconds(100),
                        .cpu = microseconds(90)};
  EXPECT_DOUBLE_EQ(PredictedSpeedup(model), 1);
}

TEST(SendModelTest, NeverBeyondTheNumberOfConnections) {
  for (uint64_t n : {1u, 2u, 5u, 64u}) {
    for (uint64_t bytes : {uint64_t{1}, uint64_t{100'000}, uint64_t{10'000'000}}) {
      const SendModel model{.connections = n,
                            .messages = 4,
                            .message_bytes = bytes,
                            .rtt = milliseconds(20),
                            .bits_per_second = 100 * kMbit,
                            .think = milliseconds(2),
                            .fresh = true,
                            .overhead = microseconds(50),
                            .cpu = microseconds(30),
                            .cores = 2};
      EXPECT_LE(PredictedSpeedup(model), static_cast<double>(n) + 1e-9);
      EXPECT_GE(PredictedSpeedup(model), 1 - 1e-9);
    }
  }
}

TEST(SendModelTest, AServerThatBlocksServesAsManyAsItHasLoops) {
  const SendModel model{
      .connections = 8, .think = milliseconds(5), .think_blocks = true, .server_loops = 2};
  EXPECT_EQ(Predict(model, 8).wall, milliseconds(20));
  EXPECT_EQ(Predict(model, 8).limit, SendLimit::kThinkTime);
  EXPECT_DOUBLE_EQ(PredictedSpeedup(model), 2);
}

TEST(SendModelTest, AFreshConnectionPaysForItsHandshakeOnce) {
  const SendModel model{.connections = 4,
                        .messages = 3,
                        .message_bytes = 1000,
                        .rtt = milliseconds(10),
                        .fresh = true};
  EXPECT_EQ(Predict(model, 1).wall, milliseconds(4 * (10 + 30)));
  EXPECT_EQ(Predict(model, 4).wall, milliseconds(40));
}

TEST(SendModelTest, AFreshConnectionSlowlyOpensItsWindow) {
  const SendModel model{
      .connections = 1, .message_bytes = 100 * 1448, .rtt = milliseconds(10), .fresh = true};
  // 10, 20, 40, 80 segments: three more round trips than the one that counts anyway.
  EXPECT_NEAR(Millis(Predict(model, 1).wall), 10 + 10 + 30, 1e-9);
  EXPECT_EQ(Predict(model, 1).limit, SendLimit::kWindow);
}

TEST(SlowStartRoundsTest, DoublesFromTenSegments) {
  const auto rounds = [](uint64_t segments) {
    return SlowStartRounds(segments * 1000, 1000, milliseconds(10), std::nullopt);
  };
  EXPECT_EQ(rounds(0), 0u);
  EXPECT_EQ(rounds(1), 0u);
  EXPECT_EQ(rounds(10), 0u);
  EXPECT_EQ(rounds(11), 1u);
  EXPECT_EQ(rounds(30), 1u);
  EXPECT_EQ(rounds(31), 2u);
  EXPECT_EQ(rounds(70), 2u);
  EXPECT_EQ(rounds(71), 3u);
}

TEST(SlowStartRoundsTest, EndsWhenTheLinkIsFull) {
  // 10 ms at 12 Mbit/s hold 15,000 bytes: 15 segments.
  EXPECT_EQ(SlowStartRounds(100'000'000, 1000, milliseconds(10), 12 * kMbit), 1u);
  // On a link without delay there is nothing to wait for.
  EXPECT_EQ(SlowStartRounds(100'000'000, 1000, Duration(0), 12 * kMbit), 0u);
}

TEST(SendModelTest, WithoutALimitThereIsNoCrossover) {
  EXPECT_EQ(CrossoverBytes({.rtt = milliseconds(10)}), std::nullopt);
}

TEST(SendModelTest, TimesBeyondADurationSaturate) {
  const SendModel model{.connections = 1'000'000,
                        .messages = 1'000'000'000,
                        .message_bytes = uint64_t{1} << 40,
                        .bits_per_second = 1};
  EXPECT_GT(Predict(model, 1).wall, std::chrono::hours(24 * 365 * 200));
}

TEST(SendLimitTest, HasANameForEach) {
  EXPECT_EQ(SendLimitName(SendLimit::kRoundTrip), "round trip");
  EXPECT_EQ(SendLimitName(SendLimit::kThinkTime), "think time");
  EXPECT_EQ(SendLimitName(SendLimit::kWindow), "window");
  EXPECT_EQ(SendLimitName(SendLimit::kWire), "wire");
  EXPECT_EQ(SendLimitName(SendLimit::kCores), "cores");
  EXPECT_EQ(SendLimitName(SendLimit::kOverhead), "overhead");
}

}  // namespace
}  // namespace spindle::bench
