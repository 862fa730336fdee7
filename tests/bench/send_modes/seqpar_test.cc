#include "bench/send_modes/seqpar.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/load/local_server.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

class SeqparTest : public LeakCheckTest {
 protected:
  void SetUp() override {
    auto loop = EventLoop::Create();
    ASSERT_TRUE(loop.ok()) << loop.status();
    loop_ = *std::move(loop);
  }
  void TearDown() override {
    server_.reset();
    loop_.reset();
    LeakCheckTest::TearDown();
  }
  void StartServer(LocalServerOptions options) {
    auto server = LocalServer::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  Watchdog watchdog_{std::chrono::seconds(120)};
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<LocalServer> server_;
};

TEST_F(SeqparTest, CountsBlocksMessagesAndConnections) {
  StartServer({.mode = ServiceMode::kAck, .workers = 2});
  SeqparOptions options{.connections = {1, 4}, .messages = 5, .blocks = 6};
  options.accepted_per_loop = [&] { return server_->stats().accepted_per_loop; };
  uint64_t reports = 0;
  options.on_progress = [&](const SeqparProgress& at) { reports += at.blocks_done > 0; };
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->errors.empty());
  EXPECT_FALSE(result->interrupted);
  EXPECT_EQ(reports, 12u);
  ASSERT_EQ(result->points.size(), 2u);
  ASSERT_EQ(result->arms.size(), 4u);
  EXPECT_EQ(result->arms[0].name, "sequential");
  EXPECT_EQ(result->arms[3].name, "parallel");
  for (const ArmRecord& arm : result->arms) {
    ASSERT_EQ(arm.blocks.size(), 6u) << "the one that warms up is not among them";
    EXPECT_EQ(arm.latency.count(), 6 * 5 * arm.setting.connections);
    for (const BlockRecord& block : arm.blocks)
      EXPECT_EQ(block.messages, 5 * arm.setting.connections);
  }
  EXPECT_EQ(result->points[1].speedup.blocks, 6u);
  // Dealt out in turn: the second loop had its turn after the first connection.
  EXPECT_EQ(result->points[0].accepted_per_loop, (std::vector<uint64_t>{1, 0}));
  EXPECT_EQ(result->points[1].accepted_per_loop, (std::vector<uint64_t>{2, 2}));
  EXPECT_FALSE(result->noise_floor.has_value());
  EXPECT_TRUE(result->timeline.empty());
}

TEST_F(SeqparTest, EachBlockRunsEveryArmOnceAndEachIsComparedWithTheFirst) {
  StartServer({.mode = ServiceMode::kAck, .workers = 2});
  SeqparOptions options{
      .connections = {2, 4},
      .message_bytes = {100, 2000},
      .arms = {"parallel", "sequential", "window-2", "pipeline-3", "parallel-loops"},
      .messages = 6,
      .blocks = 6};
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->errors.empty()) << result->errors.begin()->first;
  ASSERT_EQ(result->arms.size(), 4u * 5u);
  ASSERT_EQ(result->points.size(), 4u * 4u);
  for (size_t setting = 0; setting < 4; ++setting) {
    std::vector<std::vector<uint64_t>> orders(6);
    for (size_t i = 0; i < 5; ++i) {
      const ArmRecord& arm = result->arms[setting * 5 + i];
      EXPECT_EQ(arm.name, options.arms[i]);
      EXPECT_EQ(arm.setting.message_bytes, setting < 2 ? 100u : 2000u);
      EXPECT_EQ(arm.setting.connections, setting % 2 == 0 ? 2u : 4u);
      EXPECT_EQ(arm.setting.messages, 6u);
      ASSERT_EQ(arm.blocks.size(), 6u);
      for (const BlockRecord& block : arm.blocks) {
        orders[block.block - 1].push_back(block.order);
        EXPECT_EQ(block.messages, 6 * arm.setting.connections);
        EXPECT_EQ(block.bytes, block.messages * arm.setting.message_bytes);
        EXPECT_GT(block.system_calls.value_or(0), 0u);
      }
    }
    for (std::vector<uint64_t>& order : orders) {
      std::sort(order.begin(), order.end());
      EXPECT_EQ(order, (std::vector<uint64_t>{0, 1, 2, 3, 4}));
    }
    for (size_t i = 0; i < 4; ++i) {
      const PointRecord& point = result->points[setting * 4 + i];
      EXPECT_EQ(point.base_arm, "parallel");
      EXPECT_EQ(point.arm, options.arms[i + 1]);
      EXPECT_EQ(point.setting, result->arms[setting * 5].setting);
      EXPECT_EQ(point.speedup.blocks, 6u);
    }
  }
}

TEST_F(SeqparTest, FreshConnectionsAreMadeForEachArmOfEachBlock) {
  StartServer({.mode = ServiceMode::kAck, .workers = 2});
  SeqparOptions options{.connections = {3}, .messages = 2, .pooled = false, .blocks = 6};
  options.accepted_per_loop = [&] { return server_->stats().accepted_per_loop; };
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->errors.empty()) << result->errors.begin()->first;
  EXPECT_FALSE(result->points[0].setting.pooled);
  // Two arms in six blocks and in the one before them.
  EXPECT_EQ(result->points[0].accepted_per_loop, (std::vector<uint64_t>{21, 21}));
  EXPECT_EQ(result->arms[1].latency.count(), 6u * 6u);
}

TEST_F(SeqparTest, TheTimelineIsOfOneBlockOfTheLastSetting) {
  const Duration think = std::chrono::milliseconds(2);
  StartServer({.mode = ServiceMode::kAck, .think = think, .workers = 2});
  SeqparOptions options{.connections = {1, 2}, .messages = 3, .blocks = 1};
  options.timeline = true;
  options.think = think;
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  std::map<size_t, size_t> acks;
  std::map<size_t, Duration> thinking;
  for (const TimelineSpan& span : result->timeline) {
    acks[span.arm] += span.phase == TimelineSpan::Phase::kAck;
    if (span.phase == TimelineSpan::Phase::kThink) thinking[span.arm] += span.length;
    EXPECT_LT(span.connection, 2u);
  }
  EXPECT_EQ(acks, (std::map<size_t, size_t>{{2, 6}, {3, 6}}));
  EXPECT_EQ(thinking[2], 6 * think);
}

TEST_F(SeqparTest, TheFirstArmTwiceGivesTheNoiseFloor) {
  StartServer({.mode = ServiceMode::kAck, .think = std::chrono::milliseconds(1), .workers = 1});
  SeqparOptions options{.connections = {2}, .messages = 1, .blocks = 6, .aa = true};
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->arms.size(), 3u);
  EXPECT_EQ(result->arms[2].name, "sequential-again");
  ASSERT_EQ(result->points.size(), 2u);
  ASSERT_TRUE(result->noise_floor.has_value());
  const RatioEstimate& floor = *result->noise_floor;
  EXPECT_EQ(floor.ratio, result->points[1].speedup.ratio);
  // Whether an arm differs from itself is up to the machine; what follows from that is not.
  EXPECT_EQ(result->warnings.size(), DiffersFromItself(floor) ? 1u : 0u);
  EXPECT_EQ(result->points[0].verdict, JudgeAbove(floor, result->points[0].speedup, 0.05));
  options = {.connections = {1}, .arms = {"parallel"}, .messages = 1, .blocks = 1, .aa = true};
  EXPECT_TRUE(RunSeqpar(*loop_, server_->address(), options).ok());
}

TEST_F(SeqparTest, BlocksAreAddedUntilTheIntervalIsNarrowOrTimeIsUp) {
  StartServer({.mode = ServiceMode::kAck, .think = std::chrono::milliseconds(1), .workers = 1});
  SeqparOptions options{.connections = {2}, .messages = 1, .blocks = 6};
  options.target_ci = 100.0;
  auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->points[0].speedup.blocks, 6u) << "wide enough from the start";
  ASSERT_EQ(result->warnings.size(), 1u);
  EXPECT_NE(result->warnings[0].find("as asked for"), std::string::npos) << result->warnings[0];

  options.target_ci = 1e-12;
  options.max_time = std::chrono::milliseconds(100);
  result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->warnings.size(), 1u);
  EXPECT_NE(result->warnings[0].find("when time was up"), std::string::npos);
  EXPECT_GE(result->points[0].speedup.blocks, 6u);
}

TEST_F(SeqparTest, TheRoundTripIsMeasuredForEachSetting) {
  StartServer({.mode = ServiceMode::kAck, .workers = 0});
  SeqparOptions options{.connections = {1, 2}, .messages = 1, .blocks = 1};
  options.rtt = std::chrono::milliseconds(10);
  Duration next = std::chrono::milliseconds(10);
  options.measure_rtt = [&] { return next += std::chrono::milliseconds(1); };
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->points[0].rtt, std::chrono::milliseconds(11));
  EXPECT_EQ(result->points[1].rtt, std::chrono::milliseconds(12));
  EXPECT_EQ(result->points[1].setting.rtt, std::chrono::milliseconds(10));
}

TEST_F(SeqparTest, ArmsThatMakeNoComparisonAreRefused) {
  StartServer({.mode = ServiceMode::kAck, .workers = 0});
  for (const std::vector<std::string>& arms : std::vector<std::vector<std::string>>{
           {}, {"parallel"}, {"parallel", "parallel"}, {"parallel", "perpendicular"}}) {
    SeqparOptions options{.connections = {1}, .arms = arms};
    const auto result = RunSeqpar(*loop_, server_->address(), options);
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(SeqparTest, EachBlockHasBothArmsInAnOrderThatTheSeedDecides) {
  StartServer({.mode = ServiceMode::kAck, .workers = 0});
  const auto orders = [&](uint64_t seed) {
    SeqparOptions options{.connections = {2}, .messages = 1, .blocks = 30, .seed = seed};
    const auto result = RunSeqpar(*loop_, server_->address(), options);
    std::vector<uint64_t> orders;
    for (size_t i = 0; i < result->arms[0].blocks.size(); ++i) {
      EXPECT_EQ(result->arms[0].blocks[i].order + result->arms[1].blocks[i].order, 1u);
      orders.push_back(result->arms[0].blocks[i].order);
    }
    return orders;
  };
  const std::vector<uint64_t> first = orders(1);
  EXPECT_EQ(orders(1), first);
  EXPECT_NE(orders(2), first);
  EXPECT_NE(first, std::vector<uint64_t>(30, first[0])) << "always the same arm first";
}

TEST_F(SeqparTest, ThinkTimeAddsUpSequentiallyOnly) {
  const Duration think = std::chrono::milliseconds(2);
  StartServer({.mode = ServiceMode::kEcho, .think = think, .workers = 2});
  SeqparOptions options{.connections = {4}, .messages = 2, .reply = ReplyMode::kEcho, .blocks = 6};
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->errors.empty()) << result->errors.begin()->first;
  // Timers are never early; how late they are is up to the machine.
  for (const BlockRecord& block : result->arms[0].blocks) EXPECT_GE(block.wall, 8 * think);
  for (const BlockRecord& block : result->arms[1].blocks) EXPECT_GE(block.wall, 2 * think);
}

TEST_F(SeqparTest, MessagesAreChosenWhenLeftOpen) {
  StartServer({.mode = ServiceMode::kAck, .think = std::chrono::milliseconds(20), .workers = 1});
  SeqparOptions options{.connections = {2}, .blocks = 1};
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->arms[0].blocks[0].messages, 2u * 2u) << "the fewest: one takes above 30 ms";
}

TEST_F(SeqparTest, WrongRepliesEndTheRunWithErrors) {
  StartServer({.mode = ServiceMode::kAck, .workers = 2});
  SeqparOptions options{
      .connections = {3, 6}, .messages = 1, .reply = ReplyMode::kEcho, .blocks = 3};
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->errors.empty());
  ASSERT_EQ(result->points.size(), 1u) << "the second one is not begun";
  EXPECT_EQ(result->points[0].speedup.blocks, 0u);
}

TEST_F(SeqparTest, ASilentServerEndsTheRun) {
  StartServer({.mode = ServiceMode::kDiscard, .workers = 1});
  SeqparOptions options{.connections = {2}, .messages = 1, .blocks = 1};
  options.reply_timeout = std::chrono::milliseconds(20);
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(TotalErrors(result->errors), 2u);
}

TEST_F(SeqparTest, NobodyListeningIsAnErrorOfTheWholeRun) {
  StartServer({.workers = 0});
  const SocketAddress address = server_->address();
  server_.reset();
  SeqparOptions options{.connections = {2}};
  EXPECT_FALSE(RunSeqpar(*loop_, address, options).ok());
}

TEST_F(SeqparTest, AnInterruptKeepsWhatIsComplete) {
  StartServer({.mode = ServiceMode::kAck, .workers = 1});
  SeqparOptions options{.connections = {2, 4}, .messages = 1, .blocks = 1000000};
  uint64_t done = 0;
  options.on_progress = [&](const SeqparProgress& at) { done = at.blocks_done; };
  options.interrupted = [&] { return done >= 7; };
  const auto result = RunSeqpar(*loop_, server_->address(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->interrupted);
  EXPECT_TRUE(result->errors.empty());
  ASSERT_EQ(result->points.size(), 1u);
  EXPECT_EQ(result->points[0].speedup.blocks, 7u);
}

}  // namespace
}  // namespace spindle::bench
