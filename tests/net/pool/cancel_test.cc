// An Acquire that is given up: answered once, by kCancelled or by what came first.

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "net/pool/connection_pool.h"
#include "tests/net/pool/pool_world.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class PoolCancelTest : public PoolWorld {
 protected:
  // An Acquire and what came of it.
  struct Asked {
    AcquireId id;
    int answers = 0;
    std::optional<AcquireError> error;
    ConnectionLease lease;
  };
  void Ask(EventLoop& loop, Asked& asked, const AcquireOptions& options = {}) {
    asked.id = pool_->Acquire(loop, options, [&asked](AcquireResult result) {
      ++asked.answers;
      asked.error = result.error;
      asked.lease = std::move(result.lease);
    });
    EXPECT_TRUE(asked.id.valid());
    EXPECT_EQ(asked.answers, 0) << "inside the call";
  }
  void ExpectCancelled(const Asked& asked) {
    EXPECT_EQ(asked.answers, 1);
    EXPECT_EQ(asked.error, AcquireError::kCancelled);
    EXPECT_FALSE(asked.lease);
  }
  // In a turn of `loop`.
  void On(EventLoop& loop, std::function<void()> function) {
    bool done = false;
    loop.Post([&] {
      function();
      done = true;
    });
    EXPECT_TRUE(RunUntil([&] { return done; }));
  }
};

TEST_F(PoolCancelTest, WhoWaitsIsAnsweredOnceAndTheNextOneIsServed) {
  MakeSmallPool({.max_connections = 1});
  leases_.push_back(Get().lease);
  Asked first;
  Asked second;
  Ask(*a_, first);
  Ask(*a_, second);
  EXPECT_NE(first.id, second.id);
  pool_->Cancel(first.id);
  EXPECT_EQ(first.answers, 0) << "inside the call";
  Settle();
  ExpectCancelled(first);
  EXPECT_EQ(Stats().waiting, 1u);
  EXPECT_EQ(Stats().cancelled, 1u);
  leases_.clear();
  Settle();
  EXPECT_EQ(second.error, AcquireError::kNone);
  EXPECT_TRUE(second.lease);
  sim_->RunFor(seconds(10));
  EXPECT_EQ(first.answers, 1) << "its deadline is forgotten";
  EXPECT_EQ(Stats().timeouts, 0u);
}

TEST_F(PoolCancelTest, ALeaseOnItsWayGoesToTheNextOne) {
  MakeSmallPool({.max_connections = 1});
  Get().lease.Return();
  Settle();
  Asked first;
  Asked second;
  On(*a_, [&] {
    Ask(*a_, first);  // The idle one is his; he is told in a later task.
    Ask(*a_, second);
    EXPECT_EQ(Stats().leased, 1u);
    pool_->Cancel(first.id);
    EXPECT_EQ(first.answers, 0);
  });
  Settle();
  ExpectCancelled(first);
  EXPECT_EQ(second.error, AcquireError::kNone);
  EXPECT_EQ(second.lease.uses_before(), 1u) << "nobody else had it meanwhile";
}

TEST_F(PoolCancelTest, ALeaseOnItsWayBecomesIdleIfNobodyWaits) {
  MakeSmallPool({});
  Get().lease.Return();
  Settle();
  Asked asked;
  On(*a_, [&] {
    Ask(*a_, asked);
    pool_->Cancel(asked.id);
  });
  Settle();
  ExpectCancelled(asked);
  EXPECT_EQ(Stats().idle, 1u);
  EXPECT_EQ(Stats().leased, 0u);
}

// The connection that was on its way to him has ended: he is in the queue again, and can be found.
TEST_F(PoolCancelTest, OneThatWasPutBackCanBeCancelled) {
  MakeSmallPool({.max_connections = 1});
  Get().lease.Return();
  Settle();
  server_.reset();  // Closes the idle one; nobody has told the pool yet.
  Asked asked;
  Ask(*a_, asked);
  sim_->RunFor(milliseconds(500));
  ASSERT_EQ(asked.answers, 0);
  pool_->Cancel(asked.id);
  Settle();
  ExpectCancelled(asked);
}

TEST_F(PoolCancelTest, FromAnotherLoopAndFromNone) {
  MakePool({.max_connections = 1});
  leases_.push_back(Get(*a_).lease);
  Asked from_b;
  Asked from_outside;
  Ask(*a_, from_b);
  Ask(*b_, from_outside);
  On(*b_, [&] {
    pool_->Cancel(from_b.id);
    EXPECT_EQ(from_b.answers, 0);
  });
  pool_->Cancel(from_outside.id);
  Settle();
  ExpectCancelled(from_b);
  ExpectCancelled(from_outside);
  EXPECT_EQ(Stats().waiting, 0u);
}

TEST_F(PoolCancelTest, TooLateAndUnknownMeanNothing) {
  MakeSmallPool({.max_connections = 1});
  pool_->Cancel(AcquireId());
  pool_->Cancel({.number = 12345, .loop = 0});
  pool_->Cancel({.number = 1, .loop = 99});
  Asked served;
  Ask(*a_, served);
  ASSERT_TRUE(RunUntil([&] { return served.answers == 1; }));
  pool_->Cancel(served.id);
  Asked late;
  Ask(*a_, late, {.timeout = milliseconds(20)});
  ASSERT_TRUE(RunUntil([&] { return late.answers == 1; }));
  pool_->Cancel(late.id);
  Settle();
  EXPECT_EQ(served.answers, 1);
  EXPECT_TRUE(served.lease) << "a lease that was handed out stays";
  EXPECT_EQ(late.answers, 1);
  EXPECT_EQ(late.error, AcquireError::kTimeout);
  EXPECT_EQ(Stats().cancelled, 0u);
}

TEST_F(PoolCancelTest, TwiceIsOnce) {
  MakeSmallPool({.max_connections = 1});
  leases_.push_back(Get().lease);
  Asked asked;
  Ask(*a_, asked);
  pool_->Cancel(asked.id);
  pool_->Cancel(asked.id);
  Settle();
  pool_->Cancel(asked.id);
  Settle();
  ExpectCancelled(asked);
  EXPECT_EQ(Stats().cancelled, 1u);
}

// Each in the callback of the other: only one comes in time.
TEST_F(PoolCancelTest, InsideTheAnswerOfAnother) {
  MakeSmallPool({.max_connections = 2, .max_waiters = 10});
  leases_.push_back(Get().lease);
  leases_.push_back(Get().lease);
  AcquireId ids[2];
  int answers[2] = {0, 0};
  AcquireError errors[2] = {};
  for (const int mine : {0, 1}) {
    ids[mine] = pool_->Acquire(*a_, {}, [&, mine](AcquireResult result) {
      ++answers[mine];
      errors[mine] = result.error;
      pool_->Cancel(ids[1 - mine]);
    });
  }
  leases_.clear();
  Settle();
  EXPECT_EQ(answers[0], 1);
  EXPECT_EQ(answers[1], 1);
  EXPECT_EQ(errors[0], AcquireError::kNone);
  EXPECT_EQ(errors[1], AcquireError::kCancelled);
  Settle();
  EXPECT_EQ(Stats().idle, 2u);
}

TEST_F(PoolCancelTest, StatisticsAreOneLine) {
  MakeSmallPool({.max_connections = 1});
  leases_.push_back(Get().lease);
  Asked asked;
  Ask(*a_, asked);
  EXPECT_EQ(
      Stats().ToString(),
      "idle 0, leased 1, connecting 0, closing 0, waiting 1; opened 1, failed 0, greetings "
      "failed 0, lost early 0; leases 1, reused 0, requeued 0, timeouts 0, cancelled 0, queue "
      "full 0; circuit closed, refused 0; closed");
  pool_->Cancel(asked.id);
  leases_.back().Discard();
  Settle();
  const std::string after = Stats().ToString();
  EXPECT_NE(after.find(", cancelled 1, "), std::string::npos) << after;
  EXPECT_TRUE(after.ends_with("; closed discarded 1")) << after;
}

TEST_F(PoolCancelTest, DestroyedRightAfterwardsItStillAnswersOnce) {
  MakePool({.max_connections = 1});
  leases_.push_back(Get(*a_).lease);
  Asked here;
  Asked there;
  Ask(*a_, here);
  Ask(*b_, there);
  On(*a_, [&] {
    pool_->Cancel(here.id);
    pool_->Cancel(there.id);  // An order to b, which does not come to it.
    pool_.reset();
  });
  Settle();
  EXPECT_EQ(here.answers, 1);
  EXPECT_EQ(there.answers, 1);
  EXPECT_EQ(there.error, AcquireError::kStopped);
}

}  // namespace
}  // namespace spindle
