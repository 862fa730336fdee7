// PoolOptions::greet: nobody gets a connection that was not made ready.

#include <chrono>
#include <cstddef>
#include <memory>
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

class PoolGreetTest : public PoolWorld {
 protected:
  // Says "user" and is ready when the server has echoed it.
  static void Login(ConnectionLease lease) {
    auto held = std::make_shared<ConnectionLease>(std::move(lease));
    held->connection()->Write("user");
    held->SetCallbacks({.on_bytes = [held](Connection&, Buffer& input) {
      if (input.size() < 4) return;
      input.Consume(4);
      held->Return();
    }});
  }
  // A server that speaks first, and answers "pass" by "ok".
  void StartGreetingServer() {
    server_.reset();
    StartServer({.on_open =
                     [this](Connection& c) {
                       accepted_.push_back(c.handle());
                       if (greets_) c.Write("220 hello\r\n");
                     },
                 .on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }});
  }

  bool greets_ = true;
  int ends_ = 0;
};

TEST_F(PoolGreetTest, ALoginComesBeforeTheFirstLease) {
  size_t greeted = 0;
  MakeSmallPool({.max_connections = 1, .greet = [&](ConnectionLease lease) {
                   EXPECT_EQ(lease.uses_before(), 0u);
                   ++greeted;
                   Login(std::move(lease));
                 }});
  ConnectionLease lease = Get().lease;
  ASSERT_TRUE(lease);
  EXPECT_EQ(greeted, 1u);
  EXPECT_EQ(lease.uses_before(), 0u) << "the greeting is none of its uses";
  EXPECT_EQ(lease.traffic().written, 0u) << "nor any of its traffic";
  EXPECT_EQ(lease.traffic().received, 0u);
  lease.Return();
  Settle();
  EXPECT_EQ(Get().lease.uses_before(), 1u);
  EXPECT_EQ(greeted, 1u) << "once for each connection";
  EXPECT_EQ(Stats().opened, 1u);
  EXPECT_EQ(Stats().greet_failures, 0u);
}

// Without a greeting, what the server says first would make each connection stale.
TEST_F(PoolGreetTest, AServerThatSpeaksFirst) {
  StartGreetingServer();
  MakeSmallPool({.max_connections = 2, .greet = [](ConnectionLease lease) {
                   auto held = std::make_shared<ConnectionLease>(std::move(lease));
                   held->SetCallbacks({.on_bytes = [held](Connection&, Buffer& input) {
                     if (!input.ToString().ends_with("\r\n")) return;
                     input.Clear();
                     held->Return();
                   }});
                 }});
  leases_.push_back(Get().lease);
  leases_.push_back(Get().lease);
  ASSERT_TRUE(leases_[0] && leases_[1]);
  EXPECT_EQ(Ask("question").error, PoolCallError::kTimeout) << "both are taken";
  leases_.clear();
  EXPECT_TRUE(Ask("question").ok());
  EXPECT_EQ(Stats().closed_by(PoolCloseCause::kStale), 0u);
}

TEST_F(PoolGreetTest, ItCountsAsConnectingMeanwhile) {
  std::vector<ConnectionLease> greeting;
  MakeSmallPool({.min_connections = 3,
                 .max_connections = 3,
                 .max_connecting = 2,
                 .greet = [&](ConnectionLease lease) { greeting.push_back(std::move(lease)); },
                 .greet_timeout = seconds(60)});
  ASSERT_TRUE(RunUntil([&] { return greeting.size() == 2; }));
  sim_->RunFor(seconds(1));
  EXPECT_EQ(greeting.size(), 2u) << "max_connecting";
  EXPECT_EQ(Stats().connecting, 2u);
  EXPECT_EQ(Stats().opened, 0u);
  greeting.erase(greeting.begin());
  ASSERT_TRUE(RunUntil([&] { return greeting.size() == 2; }));
  EXPECT_EQ(Stats().idle, 1u);
  greeting.clear();
  Settle();
  EXPECT_EQ(Stats().idle, 3u);
}

// Refused, or input left: no connection, and the next attempt waits as after any failure.
TEST_F(PoolGreetTest, OneThatIsDiscardedIsAFailedAttempt) {
  size_t greeted = 0;
  MakeSmallPool({.greet =
                     [&](ConnectionLease lease) {
                       ++greeted;
                       lease.Discard();
                     },
                 .circuit = {.failures_to_open = 3}});
  EXPECT_EQ(Get(*a_, {.timeout = seconds(600)}).error, AcquireError::kCircuitOpen);
  EXPECT_EQ(greeted, 3u);
  EXPECT_EQ(Stats().greet_failures, 3u);
  EXPECT_EQ(Stats().connect_failures, 3u);
  EXPECT_EQ(Stats().opened, 0u);
  sim_->RunFor(seconds(1));
  EXPECT_EQ(Stats().total() + Stats().closing, 0u);
}

TEST_F(PoolGreetTest, TheDeadlineEndsIt) {
  echo_ = false;
  MakeSmallPool({.greet = &PoolGreetTest::Login,
                 .greet_timeout = milliseconds(100),
                 .circuit = {.failures_to_open = 1}});
  const TimePoint began = sim_->now();
  EXPECT_EQ(Get(*a_, {.timeout = seconds(600)}).error, AcquireError::kCircuitOpen);
  EXPECT_GE(sim_->now() - began, milliseconds(100));
  EXPECT_LE(sim_->now() - began, milliseconds(200));
  EXPECT_EQ(Stats().greet_failures, 1u);
}

TEST_F(PoolGreetTest, AServerThatClosesMeanwhileIsAFailedAttempt) {
  MakeSmallPool({.greet =
                     [this](ConnectionLease lease) {
                       auto held = std::make_shared<ConnectionLease>(std::move(lease));
                       held->SetCallbacks({.on_close = [this, held](const LeaseEnd&) {
                         ++ends_;
                         held->Return();  // Too late, and harmless.
                       }});
                     },
                 .circuit = {.failures_to_open = 1}});
  AcquireError error = AcquireError::kNone;
  pool_->Acquire(*a_, {.timeout = seconds(60)},
                 [&](AcquireResult result) { error = result.error; });
  ASSERT_TRUE(RunUntil([&] { return !accepted_.empty(); }));
  accepted_[0].Close();
  ASSERT_TRUE(RunUntil([&] { return error != AcquireError::kNone; }));
  EXPECT_EQ(error, AcquireError::kCircuitOpen);
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(Stats().greet_failures, 1u);
  EXPECT_EQ(Stats().early_losses, 0u);
}

TEST_F(PoolGreetTest, ReturnedWithInputLeftItIsNotReady) {
  StartGreetingServer();
  MakeSmallPool({.greet =
                     [](ConnectionLease lease) {
                       auto held = std::make_shared<ConnectionLease>(std::move(lease));
                       held->SetCallbacks(
                           {.on_bytes = [held](Connection&, Buffer&) { held->Return(); }});
                     },
                 .circuit = {.failures_to_open = 1}});
  EXPECT_EQ(Get(*a_, {.timeout = seconds(60)}).error, AcquireError::kCircuitOpen);
  EXPECT_EQ(Stats().greet_failures, 1u);
}

TEST_F(PoolGreetTest, DrainAndDestructionEndIt) {
  int begins = 0;
  int ends = 0;
  const auto greet = [&](ConnectionLease lease) {
    ++begins;
    auto held = std::make_shared<ConnectionLease>(std::move(lease));
    held->SetCallbacks({.on_close = [&, held](const LeaseEnd&) { ++ends; }});
  };
  MakeSmallPool({.min_connections = 1, .greet = greet});
  ASSERT_TRUE(RunUntil([&] { return begins == 1; }));
  bool drained = false;
  a_->Post([&] {
    pool_->Drain(*a_, seconds(60), [&](const PoolDrainResult& result) {
      drained = true;
      EXPECT_EQ(result.finished + result.forced, 0u) << "it was never one of the pool's";
    });
  });
  ASSERT_TRUE(RunUntil([&] { return drained; }));
  EXPECT_EQ(ends, 1);
  MakeSmallPool({.min_connections = 1, .greet = greet});
  ASSERT_TRUE(RunUntil([&] { return begins == 2; }));
  pool_.reset();
  EXPECT_EQ(ends, 2);
}

// The pool goes inside the greeting.
TEST_F(PoolGreetTest, MayDestroyThePool_H1) {
  AcquireError error = AcquireError::kNone;
  MakeSmallPool({.greet = [&](ConnectionLease lease) {
    pool_.reset();
    EXPECT_EQ(lease.connection(), nullptr);
  }});
  pool_->Acquire(*a_, {}, [&](AcquireResult result) { error = result.error; });
  ASSERT_TRUE(RunUntil([&] { return error != AcquireError::kNone; }));
  EXPECT_EQ(error, AcquireError::kStopped);
}

}  // namespace
}  // namespace spindle
