#include "bench/send_modes/seqpar.h"

#include <memory>
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
    for (const BlockRecord& block : arm.blocks) EXPECT_EQ(block.messages, 5 * arm.setting.connections);
  }
  EXPECT_EQ(result->points[1].speedup.blocks, 6u);
  // Dealt out in turn: the second loop had its turn after the first connection.
  EXPECT_EQ(result->points[0].accepted_per_loop, (std::vector<uint64_t>{1, 0}));
  EXPECT_EQ(result->points[1].accepted_per_loop, (std::vector<uint64_t>{2, 2}));
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
