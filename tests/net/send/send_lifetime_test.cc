// A plan that goes away at the worst moments. In the simulator, where the moment can be chosen; the
// fixture finds what is left behind.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "net/send/send_plan.h"
#include "tests/net/send/send_simulation.h"

namespace spindle {
namespace {

class SendLifetime : public SendSimulation {
 protected:
  void MakePlanOverThreeLoops(SendConnections kind) {
    std::vector<EventLoop*> loops = {home_, &sim_->AddLoop("a"), &sim_->AddLoop("b")};
    plan_ = std::make_unique<SendPlan>(*home_, loops, server_->address(),
                                       SendPlanOptions{.connections = 6, .kind = kind});
  }
  // Whatever still lives would show itself.
  void ExpectQuiet() {
    EXPECT_EQ(plan_, nullptr);
    sim_->RunFor(1000 * kMs);
    EXPECT_FALSE(result_.has_value()) << "called after its destruction";
    EXPECT_EQ(server_->open(), 0u);
  }
  void Start(SendRun run) {
    ASSERT_TRUE(
        plan_->Run(std::move(run), [this](const SendResult& result) { result_ = result; }).ok());
  }
};

TEST_F(SendLifetime, DestroyedAtAnyTurnOfARun) {
  for (const SendConnections kind : {SendConnections::kPooled, SendConnections::kFresh}) {
    for (int turns = 0;; ++turns) {
      SCOPED_TRACE(turns);
      Build(kMs);
      MakePlanOverThreeLoops(kind);
      Start(Numbered(2, SendMode::Windowed(3)));
      bool more = true;
      for (int i = 0; i < turns && more; ++i) more = sim_->Step() && !result_.has_value();
      plan_.reset();
      if (result_.has_value()) break;
      ExpectQuiet();
      server_.reset();
    }
    server_.reset();
    result_.reset();
  }
}

TEST_F(SendLifetime, DestroyedByTheFunctionOfTheMessage) {
  for (const SendConnections kind : {SendConnections::kPooled, SendConnections::kFresh}) {
    for (const uint64_t at : {0, 1}) {
      for (const size_t who : {0, 4, 5}) {  // One on each loop.
        Build(kMs);
        MakePlanOverThreeLoops(kind);
        Start({.messages = 2, .message = [&, at, who](size_t connection, uint64_t index) {
                 if (connection == who && index == at) plan_.reset();
                 return MessageBytes{"line\n"};
               }});
        EXPECT_TRUE(sim_->RunUntil([&] { return plan_ == nullptr; }, kMs * 10000));
        ExpectQuiet();
        server_.reset();
      }
    }
  }
}

TEST_F(SendLifetime, DestroyedByTheFunctionsOfTheReply) {
  const auto judge = [&](size_t, uint64_t, Buffer& input) {
    input.Clear();
    plan_.reset();
    return MatchOutcome::kDone;
  };
  const auto expect = [&](size_t connection, uint64_t) {
    if (connection == 1) plan_.reset();
    return MessageBytes{"line\n"};
  };
  for (const bool judged : {true, false}) {
    Build(kMs);
    MakePlanOverThreeLoops(SendConnections::kPooled);
    SendRun run{.messages = 2, .message = "line\n"};
    if (judged) {
      run.reply = judge;
    } else {
      run.reply = expect;
    }
    Start(std::move(run));
    EXPECT_TRUE(sim_->RunUntil([&] { return plan_ == nullptr; }, kMs * 10000));
    ExpectQuiet();
    server_.reset();
  }
}

TEST_F(SendLifetime, DestroyedByItsReports) {
  Build(kMs);
  MakePlanOverThreeLoops(SendConnections::kPooled);
  ASSERT_TRUE(plan_->Open([&](const OpenResult&) { plan_.reset(); }).ok());
  EXPECT_TRUE(sim_->RunUntil([&] { return plan_ == nullptr; }, kMs * 10000));
  ExpectQuiet();

  MakePlanOverThreeLoops(SendConnections::kPooled);
  ASSERT_TRUE(plan_
                  ->Run(Numbered(1, {}),
                        [&](const SendResult& result) {
                          EXPECT_TRUE(result.ok());
                          plan_.reset();
                          EXPECT_EQ(result.answered, 6u) << "the result outlives the plan";
                        })
                  .ok());
  EXPECT_TRUE(sim_->RunUntil([&] { return plan_ == nullptr; }, kMs * 10000));
  ExpectQuiet();

  MakePlanOverThreeLoops(SendConnections::kPooled);
  ASSERT_TRUE(plan_->Close([&] { plan_.reset(); }).ok());
  EXPECT_TRUE(sim_->RunUntil([&] { return plan_ == nullptr; }, kMs * 10000));
  ExpectQuiet();
}

TEST_F(SendLifetime, AReportMayStartTheNextRun) {
  Build(kMs);
  MakePlan({.connections = 2});
  int runs = 0;
  std::function<void(const SendResult&)> again = [&](const SendResult& result) {
    EXPECT_TRUE(result.ok());
    if (++runs == 5) return;
    EXPECT_TRUE(plan_->Run(Numbered(2, {}), again).ok());
  };
  ASSERT_TRUE(plan_->Run(Numbered(2, {}), again).ok());
  EXPECT_TRUE(sim_->RunUntil([&] { return runs == 5; }, kMs * 10000));
}

TEST_F(SendLifetime, LoopsMayGoFirst) {
  Build(5 * kMs);
  EventLoop& other = sim_->AddLoop("other");
  std::vector<EventLoop*> loops = {home_, &other};
  plan_ = std::make_unique<SendPlan>(*home_, loops, server_->address(),
                                     SendPlanOptions{.connections = 4});
  Start(Numbered(3, {}));
  home_->RunAfter(7 * kMs, [] {});
  sim_->RunFor(7 * kMs);
  sim_->DestroyLoop(other);
  EXPECT_TRUE(sim_->RunUntil([&] { return result_.has_value(); }, kMs * 10000));
  EXPECT_EQ(result_->status, SendStatus::kPartial);
  EXPECT_EQ(result_->connections[1].error, "ended: loop_stopped");
  EXPECT_EQ(result_->connections[1].answered, 1u);
  EXPECT_EQ(result_->connections[2].answered, 3u);
  // A run that finds a loop gone.
  const SendResult second = Run(Numbered(1, {}));
  EXPECT_EQ(second.connections[3].error, "its loop is gone");
  EXPECT_EQ(second.connections[2].answered, 1u);
  // The home loop goes, and nothing is left to tell anybody.
  result_.reset();
  Start(Numbered(3, {}));
  sim_->DestroyLoop(*home_);
  plan_.reset();
  EXPECT_FALSE(result_.has_value());
}

}  // namespace
}  // namespace spindle
