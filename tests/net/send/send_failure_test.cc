// What goes wrong with one connection, and what the others make of it.

#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "net/send/send_plan.h"
#include "tests/net/send/send_simulation.h"

namespace spindle {
namespace {

using Fault = LineServer::Fault;

class SendFailure : public SendSimulation {
 protected:
  // Three connections of two messages each, one after the other; the answer to the second line
  // (the first one of connection 1) fails.
  SendResult RunWith(Fault fault) {
    Build(kMs);
    server_->FailLine(1, fault);
    MakePlan({.connections = 3});
    SendRun run = Numbered(2, SendMode::Sequential());
    run.reply_timeout = 50 * kMs;
    const SendResult result = Run(std::move(run));
    EXPECT_EQ(result.status, SendStatus::kPartial);
    EXPECT_EQ(result.failed(), 1u);
    EXPECT_EQ(result.answered, result.connections[1].answered + 4);
    for (const size_t healthy : {0, 2}) {
      EXPECT_EQ(result.connections[healthy].answered, 2u);
      EXPECT_EQ(result.connections[healthy].error, "");
    }
    return result;
  }
};

TEST_F(SendFailure, WrongBytesEndTheirConnectionOnly) {
  const SendResult result = RunWith(Fault::kWrongByte);
  EXPECT_EQ(result.connections[1].error, "wrong bytes in the reply to message 0");
  EXPECT_EQ(result.connections[1].sent, 1u);
  EXPECT_EQ(result.connections[1].answered, 0u);
  EXPECT_EQ(result.FirstError(), "connection 1: wrong bytes in the reply to message 0");
}

TEST_F(SendFailure, BytesBeyondTheReplyAreAnError) {
  EXPECT_EQ(RunWith(Fault::kExtraByte).connections[1].error, "bytes that nobody asked for");
}

TEST_F(SendFailure, AResetIsReported) {
  const SendResult result = RunWith(Fault::kAbort);
  EXPECT_TRUE(result.connections[1].error.starts_with("ended: peer_reset")) << result.ToString();
  EXPECT_EQ(result.connections[1].close.kind, CloseKind::kPeerReset);
}

TEST_F(SendFailure, AnEarlyCloseIsReported) {
  const SendResult result = RunWith(Fault::kClose);
  EXPECT_EQ(result.connections[1].error, "ended: peer_closed");
  EXPECT_EQ(result.connections[1].close.kind, CloseKind::kPeerClosed);
}

TEST_F(SendFailure, ASilentServerIsGivenUpAfterTheReplyTimeout) {
  const SendResult result = RunWith(Fault::kSilence);
  EXPECT_EQ(result.connections[1].error, "no reply within 50.0 ms");
  // 1 for connection 0, 50 for the silent one, 1 for each other message.
  EXPECT_EQ(result.wall, (1 + 50 + 3) * kMs);
}

TEST_F(SendFailure, TheReplyTimeoutIsOfEachMessage) {
  Build(10 * kMs);
  MakePlan({.connections = 1});
  SendRun run = Numbered(20, SendMode::Sequential());
  run.reply_timeout = 11 * kMs;
  EXPECT_TRUE(Run(std::move(run)).ok());
  run = Numbered(20, SendMode::Sequential());
  run.reply_timeout = 9 * kMs;
  EXPECT_EQ(Run(std::move(run)).FirstError(), "connection 0: no reply within 9.00 ms");
}

TEST_F(SendFailure, FreshConnectionsFailOneByOneToo) {
  Build(kMs);
  server_->FailLine(1, Fault::kAbort);
  server_->FailLine(2, Fault::kSilence);
  MakePlan({.connections = 4, .kind = SendConnections::kFresh});
  SendRun run = Numbered(1, SendMode::Sequential());
  run.reply_timeout = 50 * kMs;
  const SendResult result = Run(std::move(run));
  EXPECT_EQ(result.status, SendStatus::kPartial);
  EXPECT_TRUE(result.connections[1].error.starts_with("ended: peer_reset"));
  EXPECT_EQ(result.connections[2].error, "no reply within 50.0 ms");
  EXPECT_EQ(result.answered, 2u);
  EXPECT_EQ(result.wall, (1 + 1 + 50 + 1) * kMs);
}

TEST_F(SendFailure, NobodyListens) {
  for (const SendConnections kind : {SendConnections::kPooled, SendConnections::kFresh}) {
    Build(kMs);
    server_->server().StopAccepting();
    MakePlan({.connections = 3, .kind = kind});
    const SendResult result = Run(Numbered(2, SendMode::Sequential()));
    EXPECT_EQ(result.status, SendStatus::kPartial);
    EXPECT_EQ(result.failed(), 3u);
    EXPECT_NE(result.FirstError().find("ECONNREFUSED"), std::string::npos) << result.ToString();
    EXPECT_EQ(result.wall, Duration::zero());
    if (kind == SendConnections::kPooled) {
      const OpenResult opened = Open();
      EXPECT_EQ(opened.open, 0u);
      ASSERT_EQ(opened.failures.size(), 3u);
      EXPECT_EQ(opened.failures[2].connection, 2u);
    } else {
      EXPECT_FALSE(plan_->Open(nullptr).ok());
    }
    plan_.reset();
    server_.reset();
  }
}

TEST_F(SendFailure, TheDeadlineEndsTheRunAndKeepsWhatIsAnswered) {
  Build(10 * kMs);
  MakePlan({.connections = 2});
  Open();
  SendRun run = Numbered(10, SendMode::Sequential());
  run.deadline = 35 * kMs;
  const TimePoint before = sim_->now();
  const SendResult result = Run(std::move(run));
  EXPECT_EQ(sim_->now() - before, 35 * kMs);
  EXPECT_EQ(result.status, SendStatus::kDeadline);
  EXPECT_EQ(result.answered, 3u);
  EXPECT_EQ(result.connections[1].sent, 2u);
  EXPECT_EQ(result.connections[1].answered, 1u);
  EXPECT_EQ(result.connections[1].error, "the deadline of the run passed");
  // The connection that awaited nothing stayed open, the other one is opened again.
  sim_->RunFor(kMs);
  EXPECT_EQ(server_->open(), 1u);
  EXPECT_TRUE(Run(Numbered(2, SendMode::Parallel())).ok());
  EXPECT_EQ(server_->open(), 2u);
}

TEST_F(SendFailure, CancelFromInsideARunEndsIt) {
  Build(kMs);
  MakePlan({.connections = 4});
  auto lines = std::make_shared<NumberedLines>(4, 10);
  const SendResult result = Run({.messages = 10,
                                 .mode = SendMode::Parallel(),
                                 .message = [&, lines](size_t connection, uint64_t index) {
                                   if (index == 5) plan_->Cancel();
                                   return MessageBytes{lines->Line(connection, index)};
                                 }});
  EXPECT_EQ(result.status, SendStatus::kCancelled);
  EXPECT_EQ(result.FirstError(), "connection 0: cancelled");
  EXPECT_LT(result.answered, 40u);
  EXPECT_GE(result.answered, 20u);
  plan_->Cancel();  // Nothing is under way.
  EXPECT_TRUE(Run(Numbered(1, SendMode::Parallel())).ok());
}

TEST_F(SendFailure, CancelWhileConnectingEndsOpenAndRun) {
  Build(kMs, /*delay=*/100 * kMs);
  MakePlan({.connections = 3, .connects_at_once = 1});
  bool opened = false;
  ASSERT_TRUE(plan_
                  ->Open([&](const OpenResult& result) {
                    opened = true;
                    EXPECT_EQ(result.open, 1u);
                    EXPECT_EQ(result.failures.size(), 2u);
                    EXPECT_EQ(result.failures[0].error, "cancelled");
                  })
                  .ok());
  home_->RunAfter(250 * kMs, [&] { plan_->Cancel(); });
  EXPECT_TRUE(sim_->RunUntil([&] { return opened; }, kMs * 10000));
  SendRun run = Numbered(1, {});
  run.deadline = 50 * kMs;
  const SendResult result = Run(std::move(run));
  EXPECT_EQ(result.status, SendStatus::kDeadline);
  EXPECT_EQ(result.start, TimePoint());
  EXPECT_EQ(result.failed(), 3u);
}

TEST_F(SendFailure, ALostConnectionIsOpenedAgainByTheNextRun) {
  Build(kMs);
  server_->FailLine(1, Fault::kAbort);
  MakePlan({.connections = 3});
  EXPECT_EQ(Run(Numbered(2, SendMode::Sequential())).failed(), 1u);
  EXPECT_TRUE(Run(Numbered(2, SendMode::Sequential())).ok());
  EXPECT_EQ(server_->open(), 3u);
}

TEST_F(SendFailure, BytesBetweenTwoRunsAreAnErrorOfTheSecond) {
  Build(kMs);
  server_->FailLine(1, Fault::kLate);
  server_->FailLine(3, Fault::kLate);
  MakePlan({.connections = 2});
  // Two lines of which the run awaits one.
  EXPECT_TRUE(Run({.message = "x\nx\n", .reply = "x\n"}).ok());
  sim_->RunFor(20 * kMs);
  const SendResult second = Run({.message = "y\n"});
  EXPECT_EQ(second.failed(), 2u);
  EXPECT_EQ(second.FirstError(), "connection 0: bytes that nobody asked for");
  EXPECT_TRUE(Run({.message = "y\n"}).ok()) << "and of the second only";
}

TEST_F(SendFailure, AReplyThatWouldBeEmptyIsNotWaitedFor) {
  Build(kMs);
  MakePlan({.connections = 1});
  const SendResult result =
      Run({.message = "x\n", .reply = [](size_t, uint64_t) { return MessageBytes{}; }});
  EXPECT_EQ(result.FirstError(), "connection 0: the reply to message 0 would be empty");
}

}  // namespace
}  // namespace spindle
