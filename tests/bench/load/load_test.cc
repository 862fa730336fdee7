// The loads against a server in this process. Nothing here depends on how fast anything is.

#include "bench/load/load.h"

#include <memory>
#include <string>
#include <utility>

#include "bench/load/churn_load.h"
#include "bench/load/echo_load.h"
#include "bench/load/local_server.h"
#include "bench/load/run_load.h"
#include "bench/load/run_until.h"
#include "bench/load/service.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

class LoadTest : public LeakCheckTest {
 protected:
  void SetUp() override {
    auto loop = EventLoop::Create({.name = "load"});
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
  void Until(absl::FunctionRef<bool()> done) { ASSERT_TRUE(RunUntil(*loop_, done).ok()); }

  // Runs `load` until it has counted `messages`, then to its end.
  void RunFor(Load& load, uint64_t messages) {
    load.Connect();
    Until([&] { return load.connected(); });
    load.Start();
    Until([&] { return load.counts().messages >= messages || load.idle(); });
    load.Stop();
    Until([&] { return load.idle(); });
  }

  Watchdog watchdog_{std::chrono::seconds(120)};
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<LocalServer> server_;
};

TEST_F(LoadTest, EchoCountsEveryMessageOnce) {
  StartServer({.workers = 2});
  EchoLoad load(*loop_, server_->address(),
                {.connections = 5, .message_bytes = 1000, .pipeline = 3});
  RunFor(load, 500);
  EXPECT_GE(load.counts().messages, 500u);
  EXPECT_EQ(load.counts().bytes, load.counts().messages * 1000);
  EXPECT_EQ(load.counts().latency.count(), load.counts().messages);
  EXPECT_EQ(load.open(), 5u);
  EXPECT_TRUE(load.errors().empty());
  EXPECT_EQ(server_->stats().accepted, 5u);
}

TEST_F(LoadTest, EchoOfMessagesBeyondEveryBuffer) {
  StartServer({.workers = 1});
  EchoLoad load(*loop_, server_->address(),
                {.connections = 2, .message_bytes = size_t{8} << 20, .pipeline = 3});
  RunFor(load, 6);
  EXPECT_GE(load.counts().messages, 6u);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
}

TEST_F(LoadTest, EchoThroughADelayLineKeepsTheBytes) {
  StartServer({.think = std::chrono::milliseconds(1), .workers = 2});
  EchoLoad load(*loop_, server_->address(),
                {.connections = 3, .message_bytes = 100000, .pipeline = 4});
  RunFor(load, 24);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
  EXPECT_GE(load.counts().latency.min(), std::chrono::milliseconds(1));
}

TEST_F(LoadTest, WrongBytesAreAnErrorOfEachConnection) {
  StartServer({.mode = ServiceMode::kChargen, .workers = 1});
  EchoLoad load(*loop_, server_->address(), {.connections = 3});
  RunFor(load, 1);
  Until([&] { return load.open() == 0; });
  EXPECT_EQ(load.counts().messages, 0u);
  EXPECT_EQ(TotalErrors(load.errors()), 3u);
}

TEST_F(LoadTest, ConnectionsThatEndAreErrors) {
  StartServer({.workers = 2});
  EchoLoad load(*loop_, server_->address(), {.connections = 4});
  load.Connect();
  Until([&] { return load.connected(); });
  load.Start();
  Until([&] { return load.counts().messages >= 100; });
  server_.reset();
  Until([&] { return load.open() == 0; });
  EXPECT_TRUE(load.idle());
  EXPECT_EQ(TotalErrors(load.errors()), 4u);
}

TEST_F(LoadTest, NobodyListening) {
  StartServer({.workers = 0});
  const SocketAddress address = server_->address();
  server_.reset();
  EchoLoad load(*loop_, address, {.connections = 3});
  load.Connect();
  Until([&] { return load.connected(); });
  EXPECT_EQ(load.open(), 0u);
  EXPECT_EQ(TotalErrors(load.errors()), 3u);
}

TEST_F(LoadTest, ChurnOpensOneConnectionForEachMessage) {
  StartServer({.workers = 2});
  ChurnLoad load(*loop_, server_->address(), {.lanes = 4, .local = LoopbackSpread(32)});
  RunFor(load, 200);
  EXPECT_GE(load.counts().messages, 200u);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
  EXPECT_EQ(load.open(), 0u);
  EXPECT_EQ(server_->stats().accepted, load.counts().messages);
}

TEST_F(LoadTest, ChurnGoesOnAfterErrors) {
  StartServer({.workers = 0});
  const SocketAddress address = server_->address();
  server_.reset();
  ChurnLoad load(*loop_, address, {.lanes = 2});
  load.Start();
  Until([&] { return TotalErrors(load.errors()) >= 4; });
  StartServer({.address = address, .workers = 0});
  Until([&] { return load.counts().messages >= 10; });
  load.Stop();
  Until([&] { return load.idle(); });
}

TEST_F(LoadTest, RunLoadCountsOnlyTheMeasuredPart) {
  StartServer({.workers = 1});
  EchoLoad load(*loop_, server_->address(), {.connections = 2});
  load.Connect();
  Until([&] { return load.connected(); });
  LoadPlan plan{.warmup = std::chrono::milliseconds(50),
                .duration = std::chrono::milliseconds(100)};
  const auto outcome = RunLoad(*loop_, load, plan, [] { return false; });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_GE(outcome->wall, plan.duration);
  EXPECT_EQ(outcome->unanswered, 0u);
  EXPECT_FALSE(outcome->interrupted);
  EXPECT_LE(outcome->first_half_messages, outcome->counts.messages);
  // One read and one write for each message, but for those at the edges of the measured part.
  EXPECT_NEAR(static_cast<double>(outcome->reads), static_cast<double>(outcome->counts.messages),
              4.0 + 0.1 * static_cast<double>(outcome->counts.messages));
}

TEST_F(LoadTest, RunLoadStopsWhenInterrupted) {
  StartServer({.workers = 1});
  EchoLoad load(*loop_, server_->address(), {.connections = 2});
  load.Connect();
  Until([&] { return load.connected(); });
  LoadPlan plan{.warmup = Duration(0), .duration = std::chrono::hours(1)};
  const auto outcome = RunLoad(*loop_, load, plan, [&] { return load.counts().messages >= 100; });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->interrupted);
  EXPECT_GE(outcome->counts.messages, 100u);
}

}  // namespace
}  // namespace spindle::bench
