// Calls over a pool, and the server that closes an idle connection at the moment it is lent.

#include "net/pool/pool_call.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "tests/net/pool/pool_world.h"

namespace spindle {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class PoolCallTest : public PoolWorld {};

TEST_F(PoolCallTest, GivesTheConnectionBackAfterTheAnswer) {
  MakeSmallPool({.max_connections = 1});
  for (int i = 0; i < 5; ++i) {
    const PoolCallResult result = Ask("hello");
    EXPECT_TRUE(result.ok()) << PoolCallErrorName(result.error);
    EXPECT_EQ(result.attempts, 1u);
  }
  EXPECT_EQ(Stats().opened, 1u);
  EXPECT_EQ(Stats().reused, 4u);
}

TEST_F(PoolCallTest, TimesOutAndDoesNotReuseTheConnection) {
  echo_ = false;
  MakeSmallPool({});
  const TimePoint start = sim_->now();
  EXPECT_EQ(Ask("hello", {.timeout = seconds(1)}).error, PoolCallError::kTimeout);
  EXPECT_EQ(sim_->now() - start, seconds(1));
  Settle();
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kDiscarded), 1u);
}

TEST_F(PoolCallTest, SaysWhyThereIsNoConnection) {
  server_.reset();
  MakeSmallPool({.circuit = {.failures_to_open = 1}});
  const PoolCallResult result = Ask("hello");
  EXPECT_EQ(result.error, PoolCallError::kNoConnection);
  EXPECT_EQ(result.acquire, AcquireError::kCircuitOpen);
}

TEST_F(PoolCallTest, BadAnswersEndTheConnection) {
  MakeSmallPool({});
  PoolCallResult answer;
  bool done = false;
  CallOverPool(*pool_, *a_, {.request = "x", .on_reply = [](Buffer&) { return ReplyState::kBad; }},
               [&](const PoolCallResult& result) {
                 answer = result;
                 done = true;
               });
  ASSERT_TRUE(RunUntil([&] { return done; }));
  EXPECT_EQ(answer.error, PoolCallError::kBadReply);
  Settle();
  EXPECT_EQ(Stats().idle, 0u);
}

TEST_F(PoolCallTest, DestroyingThePoolEndsCallsOnce) {
  echo_ = false;
  MakeSmallPool({.max_connections = 1});
  std::vector<PoolCallResult> results;
  for (int i = 0; i < 2; ++i) {
    CallOverPool(*pool_, *a_,
                 {.request = "x", .on_reply = [](Buffer&) { return ReplyState::kMore; }},
                 [&](const PoolCallResult& result) { results.push_back(result); });
  }
  Settle();
  pool_.reset();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].error, PoolCallError::kLost);
  EXPECT_EQ(results[1].acquire, AcquireError::kStopped);
}

// The server closes idle connections after 1 s; requests come at 1 s, give or take. The network has
// a delay, so FIN and request cross. A request must never be seen twice by the server, and what was
// not sent at all must be answered.
TEST_F(PoolCallTest, ServerThatClosesAtTheMomentOfLendingSeesNoRequestTwice_P6) {
  struct Totals {
    uint64_t answered = 0, lost_after_sending = 0, retried = 0;
  } totals;
  for (const bool reset : {false, true}) {
    for (int offset = -400; offset <= 400; offset += 20) {
      SimOptions network;
      network.delay_min = network.delay_max = microseconds(100);
      Simulation sim(network);
      EventLoop& server_loop = sim.AddLoop("server");
      EventLoop& loop = sim.AddLoop("client");
      int seen = 0;
      auto server = *StreamServer::Listen(
          server_loop, SocketAddress::LoopbackV4(0),
          {.on_open =
               [&, reset](Connection& connection) {
                 connection.loop().RunAfter(seconds(1), [handle = connection.handle(), reset] {
                   reset ? handle.Abort() : handle.Close();
                 });
               },
           .on_bytes =
               [&](Connection& connection, Buffer& input) {
                 seen += static_cast<int>(input.size());
                 connection.Write(std::move(input));
               }},
          {.connection = {.linger_timeout = Duration::zero()}});
      ConnectionPool pool(loop, server->address(), {.min_connections = 1, .random_seed = 3});
      sim.RunFor(seconds(1) + microseconds(offset));
      bool done = false;
      PoolCallResult answer;
      CallOverPool(pool, loop,
                   {.request = "x",
                    .on_reply =
                        [](Buffer& input) {
                          input.Clear();
                          return ReplyState::kDone;
                        }},
                   [&](const PoolCallResult& result) {
                     answer = result;
                     done = true;
                   });
      ASSERT_TRUE(sim.RunUntil([&] { return done; }, seconds(60)));
      EXPECT_LE(seen, 1) << "sent twice at " << offset;
      if (answer.ok()) {
        EXPECT_EQ(seen, 1);
        ++totals.answered;
        totals.retried += answer.attempts > 1 ? 1 : 0;
      } else {
        EXPECT_EQ(answer.error, PoolCallError::kLost);
        EXPECT_FALSE(answer.end.nothing_sent()) << "it could have been tried again";
        ++totals.lost_after_sending;
      }
    }
  }
  // All three happen.
  EXPECT_GT(totals.answered, 40u);
  EXPECT_GT(totals.lost_after_sending, 5u);
}

TEST_F(PoolCallTest, WhatWasNotSentGoesOutOnAFreshConnection_P6) {
  MakeSmallPool({.borrow_check = BorrowCheck::kSeen});
  ASSERT_TRUE(Ask("warm").ok());
  Settle();
  // Both ends are reset in the very turn in which the connection is lent: the first write fails.
  bool lent = false;
  PoolCallResult answer;
  bool done = false;
  CallOverPool(*pool_, *a_,
               {.request = "again",
                .on_reply =
                    [&](Buffer& input) {
                      if (input.size() < 5) return ReplyState::kMore;
                      input.Consume(5);
                      return ReplyState::kDone;
                    }},
               [&](const PoolCallResult& result) {
                 answer = result;
                 done = true;
               });
  a_->Post([&] {
    // Behind the hand-over, before the flush at the end of the turn.
    for (const SimOpenFd& open : sim_->kernel().OpenFds()) {
      if (open.kind == SimFdKind::kTcp) sim_->kernel().ResetConnection(open.fd);
    }
    lent = true;
  });
  ASSERT_TRUE(RunUntil([&] { return done; }));
  EXPECT_TRUE(lent);
  EXPECT_TRUE(answer.ok()) << PoolCallErrorName(answer.error);
  EXPECT_EQ(answer.attempts, 2u);
  EXPECT_EQ(Stats().opened, 2u);
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kLostInUse), 1u);
}

TEST_F(PoolCallTest, FreshMeansNeverLentBefore) {
  MakeSmallPool({.max_connections = 1});
  Get().lease.Return();
  Settle();
  AcquireResult fresh = Get(*a_, {.want = AcquireOptions::Want::kFresh});
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ(fresh.lease.uses_before(), 0u);
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kMoved), 1u);
  // Also when all are lent: what comes back makes room.
  bool served = false;
  pool_->Acquire(*a_, {.want = AcquireOptions::Want::kFresh}, [&](AcquireResult result) {
    EXPECT_EQ(result.lease.uses_before(), 0u);
    served = true;
  });
  Settle();
  EXPECT_FALSE(served);
  fresh.lease.Return();
  ASSERT_TRUE(RunUntil([&] { return served; }));
}

}  // namespace
}  // namespace spindle
