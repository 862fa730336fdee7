// The loads against a server in this process. Nothing here depends on how fast anything is.

#include "bench/load/load.h"

#include <memory>
#include <string>
#include <utility>

#include "bench/load/churn_load.h"
#include "bench/load/echo_load.h"
#include "bench/load/load_team.h"
#include "bench/load/local_server.h"
#include "bench/load/measured_load.h"
#include "bench/load/send_schedule.h"
#include "bench/load/service.h"
#include "bench/load/stream_load.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "tests/bench/load/load_fixture.h"

namespace spindle::bench {
namespace {

class LoadTest : public LoadFixture {
 protected:
  void TearDown() override {
    server_.reset();
    LoadFixture::TearDown();
  }

  void StartServer(LocalServerOptions options) {
    auto server = LocalServer::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

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
  load.Start(loop_->Now());
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
  load.Start(loop_->Now());
  Until([&] { return TotalErrors(load.errors()) >= 4; });
  StartServer({.address = address, .workers = 0});
  Until([&] { return load.counts().messages >= 10; });
  load.Stop();
  Until([&] { return load.idle(); });
}

TEST_F(LoadTest, OpenLoopSendsWhatIsDue) {
  StartServer({.workers = 1});
  EchoLoadOptions options{.connections = 3};
  options.rate = SendRate{.per_second = 5000};
  EchoLoad load(*loop_, server_->address(), options);
  RunFor(load, 200);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
  EXPECT_EQ(load.counts().latency.count(), load.counts().messages);
  EXPECT_EQ(load.counts().send_lag.count(), load.counts().messages);
}

TEST_F(LoadTest, OpenLoopEndsWithItsLastConnection) {
  StartServer({.mode = ServiceMode::kChargen, .workers = 1});
  EchoLoadOptions options{.connections = 3};
  options.rate = SendRate{.per_second = 5000};
  EchoLoad load(*loop_, server_->address(), options);
  RunFor(load, 1);
  EXPECT_TRUE(load.dead());
  EXPECT_TRUE(load.idle());
  EXPECT_EQ(TotalErrors(load.errors()), 3u);
}

TEST_F(LoadTest, OpenChurnBeginsWhatIsDue) {
  StartServer({.workers = 1});
  ChurnLoadOptions options{.lanes = 50, .local = LoopbackSpread(32)};
  options.rate = SendRate{.per_second = 1000};
  ChurnLoad load(*loop_, server_->address(), options);
  RunFor(load, 100);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
  EXPECT_EQ(load.counts().latency.count(), load.counts().messages);
  EXPECT_EQ(server_->stats().accepted, load.counts().messages);
}

TEST_F(LoadTest, StreamsThroughAnEchoServerAreCompared) {
  StartServer({.workers = 2});
  // Neither a power of two nor a divisor of anything.
  StreamLoad load(*loop_, server_->address(), {.connections = 3, .block_bytes = 50001});
  RunFor(load, 100);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
  EXPECT_EQ(load.counts().bytes, load.counts().messages * 50001);
  EXPECT_EQ(load.counts().latency.count(), 0u);
  EXPECT_EQ(load.open(), 3u);
}

TEST_F(LoadTest, StreamsOfBlocksBeyondThePeriodOfTheData) {
  StartServer({.workers = 1});
  StreamLoad load(*loop_, server_->address(), {.block_bytes = size_t{3} << 20});
  RunFor(load, 4);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
}

TEST_F(LoadTest, StreamsIntoASink) {
  StartServer({.mode = ServiceMode::kDiscard, .workers = 1});
  StreamLoad load(*loop_, server_->address(), {.connections = 2, .way = StreamWay::kSend});
  RunFor(load, 100);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
}

TEST_F(LoadTest, AStreamIntoASinkThatAnswersIsAnError) {
  StartServer({.workers = 1});
  StreamLoad load(*loop_, server_->address(), {.connections = 2, .way = StreamWay::kSend});
  RunFor(load, 1000000);
  EXPECT_TRUE(load.dead());
  EXPECT_EQ(load.errors().at("bytes that nobody asked for"), 2u);
}

TEST_F(LoadTest, StreamsFromCharacterGenerators) {
  StartServer({.mode = ServiceMode::kChargen, .workers = 1});
  StreamLoad load(*loop_, server_->address(), {.connections = 2, .way = StreamWay::kReceive});
  RunFor(load, 100);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
  Until([&] { return load.open() == 0; });
}

TEST_F(LoadTest, AStreamFromSomethingElseIsAnError) {
  StartServer({.mode = ServiceMode::kChargen, .workers = 1});
  StreamLoad load(*loop_, server_->address(), {.connections = 2});
  RunFor(load, 1000000);
  EXPECT_TRUE(load.dead());
  EXPECT_EQ(TotalErrors(load.errors()), 2u);
}

// A whole run of several threads.
class LoadTeamTest : public LoadTest {
 protected:
  LoadTeamOptions Options(Duration duration) {
    LoadTeamOptions options{.threads = 2};
    options.plan.warmup = std::chrono::milliseconds(50);
    options.plan.duration = duration;
    return options;
  }
  std::unique_ptr<LoadTeam> MakeTeam(LoadTeamOptions options, size_t idle_connections = 0) {
    const LoadPlan plan = options.plan;
    auto team = LoadTeam::Create(*loop_, std::move(options), [&](EventLoop& loop, size_t part) {
      const SocketAddress& server = server_->address();
      auto load = std::make_unique<EchoLoad>(
          loop, server, EchoLoadOptions{.connections = 2, .first_connection = 2 * part});
      std::unique_ptr<Load> idle;
      if (idle_connections > 0) {
        idle = std::make_unique<EchoLoad>(loop, server,
                                          EchoLoadOptions{.connections = idle_connections});
      }
      return std::make_unique<MeasuredLoad>(loop, std::move(load), std::move(idle), plan);
    });
    EXPECT_TRUE(team.ok()) << team.status();
    return *std::move(team);
  }
};

TEST_F(LoadTeamTest, CountsOnlyTheMeasuredPartOfAllThreads) {
  StartServer({.workers = 1});
  LoadTeamOptions options = Options(std::chrono::milliseconds(350));
  int begun = 0;
  int ended = 0;
  options.on_begin = [&] { ++begun; };
  options.on_end = [&] { ++ended; };
  const std::unique_ptr<LoadTeam> team = MakeTeam(std::move(options));
  ASSERT_TRUE(team->Connect([] { return false; }).ok());
  EXPECT_EQ(team->open(), 4u);
  const absl::StatusOr<LoadOutcome> outcome = team->Run([] { return false; });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_GE(outcome->wall, std::chrono::milliseconds(350));
  EXPECT_EQ(outcome->unanswered, 0u);
  EXPECT_TRUE(outcome->errors.empty());
  EXPECT_LE(outcome->first_half_messages, outcome->counts.messages);
  EXPECT_EQ(outcome->counts.latency.count(), outcome->counts.messages);
  uint64_t in_slices = 0;
  for (const LoadOutcome::Slice& slice : outcome->slices) in_slices += slice.messages;
  EXPECT_EQ(in_slices, outcome->counts.messages);
  EXPECT_GE(outcome->slices.size(), 4u);
  EXPECT_GT(outcome->cpu.total(), Duration(0));
  // One read and one write for each message, but for those at the edges of the measured part.
  EXPECT_NEAR(static_cast<double>(outcome->reads), static_cast<double>(outcome->counts.messages),
              8.0 + 0.1 * static_cast<double>(outcome->counts.messages));
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(ended, 1);
}

TEST_F(LoadTeamTest, InterruptedItReportsWhatThereWas) {
  StartServer({.workers = 1});
  LoadTeamOptions options = Options(std::chrono::hours(1));
  options.progress_every = std::chrono::milliseconds(10);
  bool enough = false;
  int ended = 0;
  options.on_progress = [&](const LoadProgress& at) {
    EXPECT_EQ(at.open, 4u);
    EXPECT_EQ(at.errors, 0u);
    enough = !at.warming_up && at.messages >= 100;
  };
  options.on_end = [&] { ++ended; };
  const std::unique_ptr<LoadTeam> team = MakeTeam(std::move(options));
  ASSERT_TRUE(team->Connect([] { return false; }).ok());
  const absl::StatusOr<LoadOutcome> outcome = team->Run([&] { return enough; });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_GE(outcome->counts.messages, 100u);
  EXPECT_EQ(ended, 1);
}

TEST_F(LoadTeamTest, EndsEarlyWhenNoConnectionIsLeft) {
  StartServer({.workers = 1});
  const std::unique_ptr<LoadTeam> team = MakeTeam(Options(std::chrono::hours(1)));
  ASSERT_TRUE(team->Connect([] { return false; }).ok());
  server_.reset();
  const absl::StatusOr<LoadOutcome> outcome = team->Run([] { return false; });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(TotalErrors(outcome->errors), 4u);
}

TEST_F(LoadTeamTest, IdleConnectionsEchoBeforeAndAfter) {
  StartServer({.workers = 1});
  const std::unique_ptr<LoadTeam> team = MakeTeam(Options(std::chrono::milliseconds(50)), 10);
  ASSERT_TRUE(team->Connect([] { return false; }).ok());
  EXPECT_EQ(server_->stats().accepted, 24u);
  EXPECT_EQ(team->open(), 4u) << "those that do something";
  const absl::StatusOr<LoadOutcome> outcome = team->Run([] { return false; });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->errors.empty()) << outcome->errors.begin()->first;
}

TEST_F(LoadTeamTest, AnIdleConnectionThatEndsIsAnError) {
  StartServer({.workers = 1});
  const std::unique_ptr<LoadTeam> team = MakeTeam(Options(std::chrono::hours(1)), 10);
  ASSERT_TRUE(team->Connect([] { return false; }).ok());
  server_.reset();
  const absl::StatusOr<LoadOutcome> outcome = team->Run([] { return false; });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  uint64_t idle = 0;
  for (const auto& [what, count] : outcome->errors) {
    if (what.starts_with("idle connection: ")) idle += count;
  }
  EXPECT_EQ(idle, 20u);
}

}  // namespace
}  // namespace spindle::bench
