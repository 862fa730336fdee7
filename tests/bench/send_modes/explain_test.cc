#include "bench/send_modes/explain.h"

#include <chrono>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Cost {
  Duration wall;
  Duration client_cpu{0};
  Duration server_cpu{0};
};

// An arm of five equal blocks.
ArmRecord Arm(const std::string& name, const Setting& setting, const Cost& cost) {
  ArmRecord arm{.name = name, .setting = setting};
  for (uint64_t i = 0; i < 5; ++i) {
    arm.blocks.push_back({.block = i,
                          .wall = cost.wall,
                          .messages = setting.connections * setting.messages,
                          .cpu = {.user = cost.client_cpu},
                          .server_cpu = CpuTime{.user = cost.server_cpu}});
  }
  return arm;
}

PointRecord Point(const Setting& setting, const std::string& arm = "parallel") {
  return {.setting = setting, .base_arm = "sequential", .arm = arm};
}

TEST(ExplainTest, PredictsFromTheCostOfOneConnection) {
  Setting one{.connections = 1, .message_bytes = 1024, .messages = 10, .rtt = milliseconds(10)};
  Setting eight = one;
  eight.connections = 8;
  // 10.1 ms for each exchange, of which 10 ms are the network's.
  const std::vector<ArmRecord> arms = {
      Arm("sequential", one, {milliseconds(101), microseconds(100), microseconds(100)}),
      Arm("parallel", one, {milliseconds(101)}), Arm("sequential", eight, {milliseconds(810)}),
      Arm("parallel", eight, {milliseconds(104)})};
  std::vector<PointRecord> points = {Point(one), Point(eight)};
  Explain({.network = true, .cores = 2}, arms, points);
  EXPECT_EQ(points[1].predicted_base_wall, Duration(milliseconds(808)));
  EXPECT_EQ(points[1].predicted_arm_wall, Duration(milliseconds(101)));
  EXPECT_DOUBLE_EQ(*points[1].predicted, 8);
  EXPECT_EQ(points[1].limit, "round trip");
  EXPECT_DOUBLE_EQ(*points[0].predicted, 1);
}

TEST(ExplainTest, AMeasuredRoundTripCountsMoreThanTheOneAskedFor) {
  const Setting setting{
      .connections = 4, .message_bytes = 1, .messages = 1, .rtt = milliseconds(10)};
  const std::vector<ArmRecord> arms = {Arm("sequential", setting, {milliseconds(48)}),
                                       Arm("parallel", setting, {milliseconds(12)})};
  std::vector<PointRecord> points = {Point(setting)};
  points[0].rtt = milliseconds(12);
  Explain({.network = true}, arms, points);
  EXPECT_EQ(points[0].predicted_arm_wall, Duration(milliseconds(12)));
}

TEST(ExplainTest, OnOneMachineTheRoundTripIsACostOfTheMessage) {
  const Setting setting{.connections = 4, .message_bytes = 1, .messages = 10};
  // 50 us for each, of which 40 us keep a processor busy.
  const std::vector<ArmRecord> arms = {
      Arm("sequential", setting, {milliseconds(2), microseconds(800), microseconds(800)}),
      Arm("parallel", setting, {microseconds(800), microseconds(800), microseconds(800)})};
  std::vector<PointRecord> points = {Point(setting)};
  points[0].rtt = microseconds(45);
  Explain({.network = false, .cores = 2, .server_loops = 1}, arms, points);
  EXPECT_EQ(points[0].predicted_arm_wall, Duration(microseconds(800)));
  EXPECT_DOUBLE_EQ(*points[0].predicted, 2.5);
  EXPECT_EQ(points[0].limit, "sender core");
}

TEST(ExplainTest, MessagesUnderWayShareTheWakeUps) {
  const Setting eight{.connections = 8, .message_bytes = 1, .messages = 10};
  Setting two = eight;
  two.connections = 2;
  // Alone a message keeps the processors busy for 40 us; as one of eight for 19 us, so 24 us of the
  // 40 us are for wake-ups, and as one of two it is 28 us.
  const std::vector<ArmRecord> arms = {
      Arm("sequential", two, {milliseconds(1), microseconds(400), microseconds(400)}),
      Arm("parallel", two, {microseconds(500)}), Arm("sequential", eight, {milliseconds(4)}),
      Arm("parallel", eight, {microseconds(800), microseconds(760), microseconds(760)})};
  std::vector<PointRecord> points = {Point(two), Point(eight)};
  Explain({.network = false, .cores = 2, .server_loops = 1}, arms, points);
  EXPECT_EQ(points[1].predicted_base_wall, Duration(milliseconds(4)));
  EXPECT_EQ(points[1].predicted_arm_wall, Duration(microseconds(760)));
  EXPECT_EQ(points[1].limit, "sender core");
  // Two connections: the longer of 10 messages of 50 us in turn, and 20 of 28 us on two cores.
  EXPECT_EQ(points[0].predicted_arm_wall, Duration(microseconds(500)));
}

TEST(ExplainTest, NamesTheSender) {
  const Setting setting{.connections = 4, .message_bytes = 1, .messages = 10};
  const std::vector<ArmRecord> arms = {
      Arm("sequential", setting, {milliseconds(2), microseconds(800), microseconds(400)}),
      Arm("parallel", setting, {milliseconds(1), microseconds(950), microseconds(400)})};
  std::vector<PointRecord> points = {Point(setting)};
  Explain({.cores = 2, .server_loops = 2}, arms, points);
  EXPECT_EQ(points[0].limit, "sender core");
}

TEST(ExplainTest, NamesTheWireWhereTheLinkIsFull) {
  const Setting setting{.connections = 8,
                        .message_bytes = 1 << 20,
                        .messages = 1,
                        .rtt = milliseconds(10),
                        .bits_per_second = 50'000'000};
  const std::vector<ArmRecord> arms = {Arm("sequential", setting, {milliseconds(1430)}),
                                       Arm("parallel", setting, {milliseconds(1360)}),
                                       Arm("window-2", setting, {milliseconds(1360)})};
  std::vector<PointRecord> points = {Point(setting), Point(setting, "window-2")};
  Explain({.network = true, .cores = 2}, arms, points);
  EXPECT_EQ(points[0].limit, "wire");
  EXPECT_NEAR(*points[0].predicted, 1.05, 0.01);
  EXPECT_NEAR(*points[1].predicted, 1.05, 0.01);
  // Replies that fill the link as well are not in the model.
  points = {Point(setting)};
  Explain({.network = true, .echo = true, .cores = 2}, arms, points);
  EXPECT_EQ(points[0].predicted, std::nullopt);
}

TEST(ExplainTest, ThinkTimeIsALimit) {
  const Setting setting{
      .connections = 4, .message_bytes = 1, .messages = 2, .think = milliseconds(5)};
  const std::vector<ArmRecord> arms = {
      Arm("sequential", setting, {milliseconds(40), microseconds(80), microseconds(80)}),
      Arm("parallel", setting, {milliseconds(10), microseconds(80), microseconds(80)})};
  std::vector<PointRecord> points = {Point(setting)};
  Explain({.cores = 2, .server_loops = 2}, arms, points);
  EXPECT_DOUBLE_EQ(*points[0].predicted, 4);
  EXPECT_EQ(points[0].limit, "think time");
}

TEST(ExplainTest, WithoutBlocksOrWithUnknownArmsNothingIsSaid) {
  const Setting setting{.connections = 4, .message_bytes = 1, .messages = 2};
  std::vector<ArmRecord> arms = {Arm("sequential", setting, {milliseconds(4)}),
                                 ArmRecord{.name = "parallel", .setting = setting},
                                 Arm("sequential-again", setting, {milliseconds(4)})};
  std::vector<PointRecord> points = {Point(setting), Point(setting, "sequential-again"),
                                     Point(setting, "window-3")};
  Explain({}, arms, points);
  for (const PointRecord& point : points) {
    EXPECT_EQ(point.predicted, std::nullopt);
    EXPECT_EQ(point.limit, "");
  }
}

TEST(ExplainTest, OtherSizesAreNoReference) {
  const Setting small{.connections = 1, .message_bytes = 1, .messages = 1};
  Setting large = small;
  large.message_bytes = 1000;
  large.connections = 2;
  const std::vector<ArmRecord> arms = {Arm("sequential", small, {milliseconds(1)}),
                                       Arm("sequential", large, {milliseconds(20)}),
                                       Arm("parallel", large, {milliseconds(10)})};
  std::vector<PointRecord> points = {Point(large)};
  Explain({.cores = 2}, arms, points);
  EXPECT_EQ(points[0].predicted_base_wall, Duration(milliseconds(20)));
}

}  // namespace
}  // namespace spindle::bench
