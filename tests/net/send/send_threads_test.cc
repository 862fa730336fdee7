// A plan over the loops of a pool of threads, against a server on threads of its own.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "net/loop/event_loop_thread.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/send/send_plan.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

class SendThreads : public LeakCheckTest {
 protected:
  void SetUp() override {
    home_ = *EventLoop::Create({.name = "home"});
    acceptor_ = *EventLoopThread::Start({.loop = {.name = "acceptor"}});
    server_pool_ = *EventLoopThreadPool::Start(acceptor_->loop(), {.workers = 2, .name = "server"});
    ConnectionCallbacks callbacks;
    callbacks.on_bytes = [](Connection& connection, Buffer& input) {
      connection.Write(std::move(input));
    };
    acceptor_->ref().CallAndWait([&] {
      server_ =
          *StreamServer::Listen(*server_pool_, SocketAddress::LoopbackV4(0), std::move(callbacks));
    });
    client_pool_ = *EventLoopThreadPool::Start(*home_, {.workers = 3, .name = "client"});
  }
  void TearDown() override {
    plan_.reset();
    client_pool_.reset();
    server_.reset();
    server_pool_.reset();
    acceptor_.reset();
    home_.reset();
    LeakCheckTest::TearDown();
  }
  void MakePlan(SendPlanOptions options) {
    plan_ = std::make_unique<SendPlan>(*home_, client_pool_->loops(), server_->address(),
                                       std::move(options));
  }
  static SendRun Lines(uint64_t messages) {
    return {.messages = messages, .message = [](size_t connection, uint64_t index) {
              static const std::string bytes(1200, 'x');
              return MessageBytes{
                  std::string_view(bytes).substr(0, 1 + (connection + index) % 1000), "\n"};
            }};
  }
  SendResult Run(SendRun run) {
    std::optional<SendResult> result;
    EXPECT_TRUE(plan_
                    ->Run(std::move(run),
                          [&](const SendResult& done) {
                            result = done;
                            home_->Quit();
                          })
                    .ok());
    EXPECT_TRUE(home_->Run().ok());
    return result.value_or(SendResult());
  }

  Watchdog watchdog_{std::chrono::seconds(120)};
  std::unique_ptr<EventLoop> home_;
  std::unique_ptr<EventLoopThread> acceptor_;
  std::unique_ptr<EventLoopThreadPool> server_pool_;
  std::unique_ptr<StreamServer> server_;
  std::unique_ptr<EventLoopThreadPool> client_pool_;
  std::unique_ptr<SendPlan> plan_;
};

TEST_F(SendThreads, AllLoopsSendAndTheirResultsAreOne) {
  for (const SendConnections kind : {SendConnections::kPooled, SendConnections::kFresh}) {
    MakePlan({.connections = 17, .kind = kind, .timeline = Timeline::kOn});
    for (const size_t pipeline : {1, 5}) {
      SendRun run = Lines(40);
      run.mode = SendMode::Pipelined(pipeline);
      const SendResult result = Run(std::move(run));
      EXPECT_TRUE(result.ok()) << result.ToString();
      EXPECT_EQ(result.answered, 17u * 40u);
      EXPECT_EQ(result.latency.count(), result.answered);
      ASSERT_EQ(result.connections.size(), 17u);
      for (const SendOutcome& outcome : result.connections) EXPECT_EQ(outcome.answered, 40u);
      EXPECT_GT(result.wall, Duration::zero());
      EXPECT_GE(result.wall_to_close, result.wall);
      EXPECT_GE(result.start_lag, Duration::zero());
      size_t acks = 0;
      for (const SendSpan& span : result.timeline) {
        acks += span.phase == SendPhase::kAck;
        EXPECT_GE(span.start, Duration::zero());
        EXPECT_GE(span.length, Duration::zero());
        EXPECT_LE(span.start + span.length, result.wall_to_close);
      }
      EXPECT_EQ(acks, result.answered);
    }
  }
}

TEST_F(SendThreads, CancelFromAnotherThread) {
  MakePlan({.connections = 12});
  std::atomic<uint64_t> calls{0};
  std::thread other([&] {
    while (calls.load() < 500) std::this_thread::yield();
    plan_->Cancel();
  });
  const SendResult result = Run({.messages = uint64_t{1} << 40, .message = [&](size_t, uint64_t) {
                                   calls.fetch_add(1);
                                   return MessageBytes{"again\n"};
                                 }});
  other.join();
  EXPECT_EQ(result.status, SendStatus::kCancelled);
  EXPECT_EQ(result.failed(), 12u);
  EXPECT_GT(result.answered, 0u);
  EXPECT_TRUE(Run(Lines(3)).ok()) << "and the plan goes on";
}

TEST_F(SendThreads, DestroyedByAnotherThread) {
  for (uint64_t round = 0; round < 20; ++round) {
    MakePlan({.connections = 12});
    std::atomic<uint64_t> calls{0};
    std::atomic<bool> gone{false};
    SendRun run{.messages = uint64_t{1} << 40, .message = [&](size_t, uint64_t) {
                  EXPECT_FALSE(gone);
                  calls.fetch_add(1);
                  return MessageBytes{"again\n"};
                }};
    ASSERT_TRUE(
        plan_->Run(std::move(run), [](const SendResult&) { ADD_FAILURE() << "nobody to tell"; })
            .ok());
    std::thread other([&] {
      while (calls.load() < round * 50) std::this_thread::yield();
      plan_.reset();
      gone = true;
      home_->Quit();
    });
    ASSERT_TRUE(home_->Run().ok());
    other.join();
  }
}

TEST_F(SendThreads, DestroyedByAFunctionOnAWorker) {
  for (int round = 0; round < 20; ++round) {
    MakePlan({.connections = 12});
    std::atomic<uint64_t> calls{0};
    std::atomic<bool> gone{false};
    ASSERT_TRUE(plan_
                    ->Run({.messages = uint64_t{1} << 40,
                           .message =
                               [&, at = 20 + 30 * round](size_t connection, uint64_t) {
                                 if (connection == 4 &&
                                     calls.fetch_add(1) == static_cast<uint64_t>(at)) {
                                   plan_.reset();
                                   gone = true;
                                   home_->Quit();
                                 }
                                 return MessageBytes{"again\n"};
                               }},
                          [](const SendResult&) { ADD_FAILURE() << "nobody to tell"; })
                    .ok());
    ASSERT_TRUE(home_->Run().ok());
    EXPECT_TRUE(gone);
  }
}

}  // namespace
}  // namespace spindle
