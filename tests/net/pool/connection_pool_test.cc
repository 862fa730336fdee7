// What a pool promises its users, on a simulated machine: to the nanosecond.

#include "net/pool/connection_pool.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/net/pool/pool_world.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class ConnectionPoolTest : public PoolWorld {};

TEST_F(ConnectionPoolTest, OpensOnDemandAndLendsAgainWhatCameBack) {
  MakePool({});
  AcquireResult first = Get();
  ASSERT_TRUE(first.ok());
  const ConnectionId id = first.lease.id();
  EXPECT_EQ(first.lease.uses_before(), 0u);
  EXPECT_EQ(&first.lease.connection()->loop(), a_);
  first.lease.Return();
  EXPECT_FALSE(first.lease);
  Settle();  // Returned outside of a turn: it takes effect in the next.
  AcquireResult second = Get();
  EXPECT_EQ(second.lease.id(), id);
  EXPECT_EQ(second.lease.uses_before(), 1u);
  EXPECT_EQ(Stats().opened, 1u);
  EXPECT_EQ(Stats().leases, 2u);
  EXPECT_EQ(Stats().reused, 1u);
}

TEST_F(ConnectionPoolTest, TakesWhatIsIdleAtOnceOrNothing) {
  MakePool({});
  EXPECT_FALSE(pool_->TryAcquire(*a_));
  Get().lease.Return();
  Settle();
  EXPECT_FALSE(pool_->TryAcquire(*b_)) << "it lives on the other loop";
  ConnectionLease lease = pool_->TryAcquire(*a_);
  EXPECT_TRUE(lease);
  EXPECT_FALSE(pool_->TryAcquire(*a_));
}

TEST_F(ConnectionPoolTest, ServesWaitersInOrderAndNeverExceedsTheMaximum) {
  MakeSmallPool({.max_connections = 2});
  std::vector<int> order;
  for (int i = 0; i < 10; ++i) {
    pool_->Acquire(*a_, {}, [&, i](AcquireResult result) {
      ASSERT_TRUE(result.ok());
      order.push_back(i);
      leases_.push_back(std::move(result.lease));
    });
  }
  ASSERT_TRUE(RunUntil([&] { return order.size() == 2; }));
  Settle();
  EXPECT_EQ(Stats().leased, 2u);
  EXPECT_EQ(Stats().waiting, 8u);
  while (order.size() < 10) {
    const size_t before = order.size();
    leases_.erase(leases_.begin());
    ASSERT_TRUE(RunUntil([&] { return order.size() > before; }));
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_EQ(Stats().opened, 2u);
}

TEST_F(ConnectionPoolTest, DeadlinesAreNeverEarlyAndAnswerOnce) {
  MakeSmallPool({.max_connections = 1});
  AcquireResult held = Get();
  const TimePoint start = sim_->now();
  std::vector<std::pair<int, TimePoint>> answers;
  for (const int timeout : {30, 10, 20}) {
    pool_->Acquire(*a_, {.timeout = milliseconds(timeout)}, [&, timeout](AcquireResult result) {
      EXPECT_EQ(result.error, AcquireError::kTimeout);
      answers.emplace_back(timeout, sim_->now());
    });
  }
  ASSERT_TRUE(RunUntil([&] { return answers.size() == 3; }));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answers[i].first, 10 * (static_cast<int>(i) + 1));
    EXPECT_EQ(answers[i].second, start + milliseconds(answers[i].first));
  }
  held.lease.Return();
  Settle();
  EXPECT_EQ(answers.size(), 3u);
  EXPECT_EQ(Stats().timeouts, 3u);
  EXPECT_EQ(Stats().idle, 1u) << "it went to nobody";
  // No time at all: only what is there.
  EXPECT_TRUE(Get(*a_, {.timeout = Duration::zero()}).ok());
}

TEST_F(ConnectionPoolTest, RefusesMoreWaitersThanItMayHave) {
  MakeSmallPool({.max_connections = 1, .max_waiters = 2});
  leases_.push_back(Get().lease);
  // The others are answered when the pool goes, after this test's end.
  const auto full = std::make_shared<int>(0);
  for (int i = 0; i < 3; ++i) {
    pool_->Acquire(*a_, {}, [full](AcquireResult result) {
      *full += result.error == AcquireError::kQueueFull ? 1 : 0;
    });
  }
  ASSERT_TRUE(RunUntil([&] { return *full == 1; }));
  EXPECT_EQ(Stats().waiting, 2u);
}

TEST_F(ConnectionPoolTest, OpensTheCircuitAnswersAllAndRecovers) {
  server_.reset();
  MakeSmallPool({.circuit = {.failures_to_open = 2, .open_for = seconds(3), .jitter = 0}});
  EXPECT_EQ(Get(*a_, {.timeout = minutes(1)}).error, AcquireError::kCircuitOpen);
  EXPECT_EQ(Stats().circuit, CircuitState::kOpen);
  EXPECT_EQ(Stats().circuit_opened, 1u);
  const uint64_t failures = Stats().connect_failures;
  EXPECT_EQ(Get().error, AcquireError::kCircuitOpen) << "at once";
  EXPECT_EQ(Stats().connect_failures, failures) << "nothing was tried";
  StartServer();
  sim_->RunFor(seconds(3));
  EXPECT_EQ(Stats().circuit, CircuitState::kHalfOpen);
  AcquireResult result = Get(*a_, {.timeout = minutes(1)});
  ASSERT_TRUE(result.ok());
  sim_->RunFor(milliseconds(300));  // It has proved itself.
  EXPECT_EQ(Stats().circuit, CircuitState::kClosed);
}

TEST_F(ConnectionPoolTest, FailuresOfOneBurstCountOnce) {
  server_.reset();
  MakeSmallPool({.max_connections = 8, .max_connecting = 8, .circuit = {.failures_to_open = 2}});
  for (int i = 0; i < 8; ++i) {
    pool_->Acquire(*a_, {.timeout = seconds(9)}, [](AcquireResult) {});
  }
  ASSERT_TRUE(RunUntil([&] { return Stats().connect_failures == 8; }));
  EXPECT_EQ(Stats().circuit, CircuitState::kClosed);
}

TEST_F(ConnectionPoolTest, WarmsUpAndKeepsTheMinimum) {
  MakePool({.min_connections = 3, .idle_timeout = seconds(1)});
  std::optional<bool> warm;
  pool_->WarmUp(*b_, seconds(9), [&](bool result) { warm = result; });
  ASSERT_TRUE(RunUntil([&] { return warm.has_value(); }));
  EXPECT_TRUE(*warm);
  EXPECT_EQ(Stats().idle, 3u);
  for (int i = 0; i < 5; ++i) leases_.push_back(Get().lease);
  EXPECT_GE(Stats().total(), 5u);
  leases_.clear();
  sim_->RunFor(seconds(10));
  EXPECT_EQ(Stats().idle, 3u) << "reaped down to the minimum, not below";
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kIdleTimeout), Stats().opened - 3);
}

TEST_F(ConnectionPoolTest, WarmUpGivesUpInTime) {
  server_.reset();
  MakePool({.min_connections = 1});
  std::optional<bool> warm;
  pool_->WarmUp(*a_, seconds(1), [&](bool result) { warm = result; });
  ASSERT_TRUE(RunUntil([&] { return warm.has_value(); }));
  EXPECT_FALSE(*warm);
}

TEST_F(ConnectionPoolTest, ReplacesOldOnesEachAtItsOwnTime) {
  MakePool({.min_connections = 4, .idle_timeout = {}, .max_age = seconds(100)});
  ASSERT_TRUE(RunUntil([&] { return Stats().idle == 4; }));
  const TimePoint start = sim_->now();
  std::vector<Duration> ends;
  ASSERT_TRUE(RunUntil([&] {
    const uint64_t old = Stats().closed_by(PoolCloseCause::kMaxAge);
    while (ends.size() < old) ends.push_back(sim_->now() - start);
    return ends.size() >= 4;
  }));
  for (const Duration end : ends) {
    EXPECT_GE(end, seconds(80));
    EXPECT_LE(end, seconds(100));
  }
  EXPECT_GT(ends.back() - ends.front(), seconds(1)) << "not all at once";
  Settle();
  EXPECT_EQ(Stats().idle, 4u);
  // One that is lent is closed when it comes back, not before.
  AcquireResult held = Get();
  sim_->RunFor(seconds(200));
  EXPECT_NE(held.lease.connection(), nullptr);
  const uint64_t before = Stats().closed_by(PoolCloseCause::kMaxAge);
  held.lease.Return();
  Settle();
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kMaxAge), before + 1);
}

TEST_F(ConnectionPoolTest, DiscardedAndDirtyOnesAreNotLentAgain) {
  MakeSmallPool({});
  AcquireResult first = Get();
  const ConnectionId id = first.lease.id();
  first.lease.Discard();
  Settle();
  AcquireResult second = Get();
  EXPECT_NE(second.lease.id(), id);
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kDiscarded), 1u);
  // An answer is on its way when it is returned: it comes to nobody's lease.
  second.lease.connection()->Write("late");
  second.lease.Return();
  Settle();
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kStale), 1u);
  // Input unread.
  AcquireResult third = Get();
  third.lease.connection()->Write("x");
  ASSERT_TRUE(RunUntil([&] { return !third.lease.connection()->unread_input().empty(); }));
  third.lease.Return();
  Settle();
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kDirty), 1u);
  EXPECT_EQ(Stats().idle, 0u);
}

TEST_F(ConnectionPoolTest, InputLeftInTheCallbackThatReturnsTheLeaseMakesItDirty) {
  MakeSmallPool({});
  leases_.push_back(Get().lease);
  bool done = false;
  leases_[0].SetCallbacks({.on_bytes = [&](Connection&, Buffer& input) {
    input.Consume(2);
    leases_.clear();
    done = true;
  }});
  leases_[0].connection()->Write("abc");
  ASSERT_TRUE(RunUntil([&] { return done; }));
  Settle();
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kDirty), 1u);
}

TEST_F(ConnectionPoolTest, LateCallbacksSeeWhatCameBefore) {
  MakeSmallPool({});
  AcquireResult result = Get();
  result.lease.connection()->Write("early");
  ASSERT_TRUE(RunUntil([&] { return !result.lease.connection()->unread_input().empty(); }));
  std::string seen;
  ASSERT_TRUE(result.lease.SetCallbacks({.on_bytes = [&](Connection&, Buffer& input) {
    seen += input.ToString();
    input.Clear();
  }}));
  ASSERT_TRUE(RunUntil([&] { return seen == "early"; }));
  EXPECT_EQ(result.lease.traffic().written, 5u);
  EXPECT_EQ(result.lease.traffic().sent, 5u);
  EXPECT_EQ(result.lease.traffic().received, 5u);
}

TEST_F(ConnectionPoolTest, IdleOnesThatTheServerClosesAreNeverLent) {
  MakeSmallPool({});
  Get().lease.Return();
  Settle();
  accepted_.at(0).Close();
  ASSERT_TRUE(RunUntil([&] { return Stats().idle == 0; }));
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kPeerClosed), 1u);
  AcquireResult next = Get();
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next.lease.uses_before(), 0u);
}

TEST_F(ConnectionPoolTest, LossInUseIsToldOnceAndTheLeaseIsHarmlessAfterwards) {
  MakeSmallPool({});
  AcquireResult result = Get();
  std::vector<LeaseEnd> ends;
  result.lease.SetCallbacks({.on_close = [&](const LeaseEnd& end) { ends.push_back(end); }});
  Settle();
  accepted_.at(0).Abort();
  ASSERT_TRUE(RunUntil([&] { return !ends.empty(); }));
  EXPECT_EQ(ends[0].reason.kind, CloseKind::kPeerReset);
  EXPECT_TRUE(ends[0].nothing_sent());
  EXPECT_FALSE(ends[0].reused);
  EXPECT_EQ(result.lease.connection(), nullptr);
  EXPECT_FALSE(result.lease.SetCallbacks({}));
  result.lease.Return();
  Settle();
  EXPECT_EQ(ends.size(), 1u);
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kLostInUse), 1u);
  EXPECT_EQ(Stats().leased, 0u);
}

TEST_F(ConnectionPoolTest, ProbesIdleOnesAndClosesThoseThatDoNotAnswer) {
  int answered = 0;
  PoolOptions options{.min_connections = 2, .idle_timeout = {}};
  options.probe_interval = seconds(10);
  options.probe = [&](ConnectionLease lease) {
    Connection* const connection = lease.connection();
    auto held = std::make_shared<ConnectionLease>(std::move(lease));
    held->SetCallbacks({.on_bytes = [&answered, held](Connection&, Buffer& input) {
      input.Clear();
      ++answered;
      held->Return();
    }});
    connection->Write("ping");
  };
  MakePool(std::move(options));
  ASSERT_TRUE(RunUntil([&] { return answered == 6; }));
  EXPECT_EQ(Stats().probes, 6u);
  EXPECT_EQ(Stats().closed_in_all(), 0u);
  echo_ = false;
  ASSERT_TRUE(RunUntil([&] { return Stats().closed_by(PoolCloseCause::kProbeFailed) == 2; }));
  EXPECT_EQ(answered, 6);
}

TEST_F(ConnectionPoolTest, DoesNotProbeOneThatHasJustEnded) {
  PoolOptions options{.min_connections = 2, .idle_timeout = {}};
  options.probe_interval = seconds(10);
  std::vector<ConnectionHandle> all;
  options.probe = [&](ConnectionLease lease) {
    // The other one ends while the pool goes through them; on_close follows at the end of the turn.
    for (const ConnectionHandle& handle : all) {
      Connection* const other = handle.Get();
      if (other != nullptr && other != lease.connection()) other->Abort();
    }
    lease.Discard();
  };
  MakeSmallPool(std::move(options));
  for (int i = 0; i < 2; ++i) leases_.push_back(Get().lease);
  for (const ConnectionLease& lease : leases_) all.push_back(lease.connection()->handle());
  leases_.clear();
  ASSERT_TRUE(RunUntil([&] { return Stats().probes > 0; }));
  Settle();
  EXPECT_EQ(Stats().probes, 1u);
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kProbeFailed), 1u);
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kStale), 1u) << Stats().ToString();
}

TEST_F(ConnectionPoolTest, PlacesMoveBetweenLoopsOnlyIfTheLimitForcesIt) {
  MakePool({.max_connections = 2});
  AcquireResult on_a = Get(*a_);
  on_a.lease.Return();
  AcquireResult on_b = Get(*b_);
  Settle();
  EXPECT_EQ(Stats().opened, 2u) << "there was room";
  EXPECT_EQ(Stats().idle, 1u);
  // No room: the idle one of a is closed, and b gets its place.
  AcquireResult more = Get(*b_);
  ASSERT_TRUE(more.ok());
  EXPECT_EQ(&more.lease.connection()->loop(), b_);
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kMoved), 1u);
  // None is idle: what b returns goes to a, where nobody has any.
  bool served = false;
  pool_->Acquire(*b_, {}, [&](AcquireResult result) {
    EXPECT_TRUE(served) << "a's loop has none and comes first";
    leases_.push_back(std::move(result.lease));
  });
  pool_->Acquire(*a_, {}, [&](AcquireResult result) {
    served = result.ok();
    EXPECT_EQ(&result.lease.connection()->loop(), a_);
    leases_.push_back(std::move(result.lease));
  });
  Settle();
  EXPECT_FALSE(served);
  more.lease.Return();
  ASSERT_TRUE(RunUntil([&] { return served; }));
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kMoved), 2u);
  on_b.lease.Return();
  ASSERT_TRUE(RunUntil([&] { return leases_.size() == 2; }));
}

TEST_F(ConnectionPoolTest, DrainFinishesWhatComesBackAndForcesTheRest) {
  MakePool({.min_connections = 2, .max_connections = 4});
  ASSERT_TRUE(RunUntil([&] { return Stats().idle == 2; }));
  AcquireResult back = Get(*a_);
  AcquireResult kept = Get(*b_);
  CloseReason end;
  kept.lease.SetCallbacks({.on_close = [&](const LeaseEnd& e) { end = e.reason; }});
  std::optional<PoolDrainResult> drained;
  const TimePoint start = sim_->now();
  EXPECT_TRUE(pool_->Drain(*a_, seconds(5), [&](const PoolDrainResult& r) { drained = r; }));
  EXPECT_FALSE(pool_->Drain(*a_, seconds(5), [&](const PoolDrainResult&) { FAIL(); }));
  EXPECT_EQ(Get().error, AcquireError::kDraining);
  sim_->RunFor(seconds(1));
  back.lease.Return();
  ASSERT_TRUE(RunUntil([&] { return drained.has_value(); }));
  EXPECT_EQ(sim_->now() - start, seconds(5));
  EXPECT_EQ(drained->forced, 1u);
  EXPECT_EQ(drained->finished, 1u);
  EXPECT_EQ(end.kind, CloseKind::kLocalAbort);
  EXPECT_EQ(Stats().total(), 0u);
}

TEST_F(ConnectionPoolTest, DrainAnswersWaitersAndOfAnIdlePoolIsDoneAtOnce) {
  MakeSmallPool({.min_connections = 1, .max_connections = 1});
  AcquireResult held = Get();
  AcquireError error = AcquireError::kNone;
  pool_->Acquire(*a_, {}, [&](AcquireResult result) { error = result.error; });
  std::optional<PoolDrainResult> drained;
  pool_->Drain(*a_, seconds(5), [&](const PoolDrainResult& r) {
    drained = r;
    pool_.reset();
  });
  Settle();
  EXPECT_EQ(error, AcquireError::kDraining);
  held.lease.Return();
  Settle();
  ASSERT_TRUE(drained.has_value());
  EXPECT_EQ(drained->finished, 1u);
  EXPECT_EQ(drained->forced, 0u);
}

TEST_F(ConnectionPoolTest, DestroyedItAnswersWhoWaitsAndEndsWhatIsLent) {
  MakePool({.max_connections = 1});
  AcquireResult held = Get();
  int ended = 0;
  held.lease.SetCallbacks({.on_close = [&](const LeaseEnd& end) {
    EXPECT_EQ(end.reason.kind, CloseKind::kServerStopped);
    ++ended;
  }});
  int answered = 0;
  for (EventLoop* const loop : {a_, b_, a_}) {
    pool_->Acquire(*loop, {}, [&](AcquireResult result) {
      EXPECT_EQ(result.error, AcquireError::kStopped);
      ++answered;
    });
  }
  pool_.reset();
  EXPECT_EQ(answered, 3);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(held.lease.connection(), nullptr);
  EXPECT_EQ(held.lease.id().loop, a_->index());
  held.lease.Return();
}

TEST_F(ConnectionPoolTest, MayBeDestroyedInsideItsCallbacks_H1) {
  for (int where = 0; where < 6; ++where) {
    SCOPED_TRACE(where);
    PoolOptions options{.max_connections = 1};
    options.idle_timeout = {};
    options.probe_interval = seconds(1);
    if (where == 5) options.probe = [&](ConnectionLease) { pool_.reset(); };
    MakeSmallPool(std::move(options));
    int answers = 0;
    pool_->Acquire(*a_, {}, [&](AcquireResult result) {
      ++answers;
      ASSERT_TRUE(result.ok());
      if (where == 0) return pool_.reset();
      leases_.push_back(std::move(result.lease));
      leases_[0].SetCallbacks({
          .on_bytes =
              [&](Connection&, Buffer& input) {
                input.Clear();
                if (where == 1) pool_.reset();
                if (where == 2) {
                  leases_.clear();
                  pool_.reset();
                }
                if (where == 3) accepted_.back().Close();
                if (where == 5) leases_.clear();
              },
          .on_close = [&](const LeaseEnd&) { pool_.reset(); },
      });
      leases_[0].connection()->Write("x");
    });
    pool_->Acquire(*a_, {.timeout = seconds(60)}, [&](AcquireResult result) {
      ++answers;
      if (where == 5) return;
      EXPECT_EQ(result.error, where == 4 ? AcquireError::kTimeout : AcquireError::kStopped);
      pool_.reset();
    });
    ASSERT_TRUE(RunUntil([&] { return pool_ == nullptr; }));
    EXPECT_EQ(answers, 2);
    leases_.clear();
    sim_->RunFor(seconds(3));
  }
}

TEST_F(ConnectionPoolTest, AServerThatClosesWhatItAcceptsIsNotSpunOn) {
  server_.reset();
  StartServer({.on_open = [](Connection& connection) { connection.Close(); }});
  MakePool({.min_connections = 4});
  sim_->RunFor(seconds(60));
  // One attempt for each delay of the back-off, not one for each round trip.
  EXPECT_LT(Stats().opened, 60u);
  EXPECT_GT(Stats().early_losses, 5u);
  server_.reset();
  StartServer();
  sim_->RunFor(seconds(20));
  EXPECT_EQ(Stats().idle, 4u) << Stats().ToString();
}

TEST_F(ConnectionPoolTest, ServerRestartIsNotFollowedByAHerd_C4) {
  // Pools of two connections each; all lose both at the same time, and somebody wants one at once.
  constexpr size_t kPools = 60;
  std::vector<std::unique_ptr<ConnectionPool>> pools;
  for (size_t i = 0; i < kPools; ++i) {
    PoolOptions options{.min_connections = 2, .max_connections = 2};
    options.random_seed = i + 1;
    pools.push_back(std::make_unique<ConnectionPool>(*a_, address_, std::move(options)));
  }
  const auto full = [&] {
    for (const auto& pool : pools) {
      if (pool->Stats().idle + pool->Stats().leased < 2) return false;
    }
    return true;
  };
  ASSERT_TRUE(RunUntil(full));
  for (const int down : {0, 100, 2500}) {
    server_.reset();
    sim_->RunFor(milliseconds(down));
    StartServer();
    const TimePoint start = sim_->now();
    std::vector<Duration> back(kPools, Duration::zero());
    for (auto& pool : pools) {
      pool->Acquire(*a_, {.timeout = minutes(1)}, [](AcquireResult) {});
    }
    size_t there = 0;
    ASSERT_TRUE(RunUntil([&] {
      for (size_t i = 0; i < kPools; ++i) {
        const PoolStats stats = pools[i]->Stats();
        if (back[i] > Duration::zero() || stats.idle + stats.leased == 0) continue;
        back[i] = sim_->now() - start;
        ++there;
      }
      return there == kPools && full();
    }));
    std::sort(back.begin(), back.end());
    for (size_t i = 0; i + kPools / 5 < kPools; ++i) {
      EXPECT_GE(back[i + kPools / 5] - back[i], milliseconds(100)) << "down " << down;
    }
    EXPECT_LT(back.back(), seconds(10));
  }
}

TEST_F(ConnectionPoolTest, LoopsMayEndBeforeThePool) {
  MakePool({.min_connections = 4});
  ASSERT_TRUE(RunUntil([&] { return Stats().idle == 4; }));
  leases_.push_back(Get(*b_).lease);
  sim_->DestroyLoop(*b_);
  EXPECT_EQ(leases_[0].connection(), nullptr);
  ASSERT_TRUE(RunUntil([&] { return Stats().idle == 4; })) << "all on the other loop";
  EXPECT_TRUE(Get(*a_).ok());
  fds_ = 0;
  pool_.reset();
  leases_.clear();
  server_.reset();
  sim_->RunFor(seconds(5));
  fds_ = sim_->kernel().open_fds();
}

}  // namespace
}  // namespace spindle
