// Who sends when, on virtual time: the walls are exact.

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/send/send_plan.h"
#include "tests/net/send/send_simulation.h"

namespace spindle {
namespace {

using Lines = std::vector<std::string>;

class SendModes : public SendSimulation {};

TEST_F(SendModes, EachModeTakesTheThinkTimesThatItCannotOverlap) {
  Build(5 * kMs);
  MakePlan({.connections = 8});
  EXPECT_EQ(Run(Numbered(1, SendMode::Sequential())).wall, 8 * 5 * kMs);
  EXPECT_EQ(Run(Numbered(1, SendMode::Windowed(2))).wall, 4 * 5 * kMs);
  EXPECT_EQ(Run(Numbered(1, SendMode::Windowed(3))).wall, 3 * 5 * kMs);
  EXPECT_EQ(Run(Numbered(1, SendMode::Parallel())).wall, 5 * kMs);
  EXPECT_EQ(Run(Numbered(4, SendMode::Parallel())).wall, 4 * 5 * kMs);
  EXPECT_EQ(Run(Numbered(4, SendMode::Pipelined(4))).wall, 5 * kMs);
  EXPECT_EQ(Run(Numbered(5, SendMode::Pipelined(4))).wall, 2 * 5 * kMs);
  EXPECT_EQ(Run(Numbered(4, {.window = 1, .pipeline = 2})).wall, 8 * 2 * 5 * kMs);
  EXPECT_EQ(server_->open(), 8u) << "pooled connections stay";
}

TEST_F(SendModes, RoundTripsAddUpSequentiallyOnly) {
  Build(5 * kMs, /*delay=*/1 * kMs);
  MakePlan({.connections = 4});
  EXPECT_EQ(Run(Numbered(2, SendMode::Sequential())).wall, 4 * 2 * 7 * kMs);
  const SendResult parallel = Run(Numbered(2, SendMode::Parallel()));
  EXPECT_EQ(parallel.wall, 2 * 7 * kMs);
  EXPECT_EQ(parallel.latency.count(), 8u);
  EXPECT_EQ(parallel.latency.min(), 7 * kMs);
  EXPECT_EQ(parallel.latency.max(), 7 * kMs);
}

TEST_F(SendModes, SequentialGoesRoundAndHasOneUnderWay) {
  Build(kMs);
  MakePlan({.connections = 3});
  const SendResult result = Run(Numbered(2, SendMode::Sequential()));
  EXPECT_EQ(server_->lines(), (Lines{"0.0", "1.0", "2.0", "0.1", "1.1", "2.1"}));
  EXPECT_EQ(server_->peak(), 1u);
  EXPECT_EQ(result.status, SendStatus::kComplete);
  EXPECT_EQ(result.answered, 6u);
  EXPECT_EQ(result.bytes, 6u * 4u);
  EXPECT_EQ(result.latency.count(), 6u);
  for (const SendOutcome& outcome : result.connections) {
    EXPECT_EQ(outcome.sent, 2u);
    EXPECT_EQ(outcome.answered, 2u);
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.close.kind, CloseKind::kNone);
  }
}

TEST_F(SendModes, ParallelHasAllUnderWayAtOnce) {
  Build(kMs);
  MakePlan({.connections = 5});
  EXPECT_EQ(Run(Numbered(4, SendMode::Parallel())).answered, 20u);
  EXPECT_EQ(server_->peak(), 5u);
  for (size_t i = 0; i < server_->lines().size(); ++i) {
    EXPECT_EQ(server_->lines()[i].substr(2), std::to_string(i / 5));
  }
}

TEST_F(SendModes, AWindowIsNeverExceededAndAlwaysUsed) {
  Build(kMs);
  MakePlan({.connections = 6});
  const SendResult result = Run(Numbered(5, SendMode::Windowed(2)));
  EXPECT_EQ(server_->peak(), 2u);
  EXPECT_EQ(result.answered, 30u);
  EXPECT_EQ(result.wall, 15 * kMs);
}

TEST_F(SendModes, APipelineIsNeverExceededAndKeepsItsOrder) {
  Build(kMs);
  MakePlan({.connections = 2});
  const SendResult result = Run(Numbered(7, {.window = 1, .pipeline = 3}));
  EXPECT_EQ(result.answered, 14u);
  EXPECT_EQ(server_->peak(), 3u);
  EXPECT_EQ(server_->lines(), (Lines{"0.0", "0.1", "0.2", "1.0", "1.1", "1.2", "0.3", "0.4", "0.5",
                                     "1.3", "1.4", "1.5", "0.6", "1.6"}));
}

TEST_F(SendModes, FreshConnectionsAreOpenedAndClosedInTheirTurn) {
  Build(5 * kMs, /*delay=*/1 * kMs);
  MakePlan({.connections = 4, .kind = SendConnections::kFresh});
  SendResult result = Run(Numbered(2, SendMode::Sequential()));
  // Connect, two exchanges, our FIN there and the server's back.
  EXPECT_EQ(result.wall_to_close, 4 * (2 + 2 * 7 + 2) * kMs);
  EXPECT_EQ(result.wall, result.wall_to_close - 2 * kMs);
  EXPECT_EQ(server_->lines(), (Lines{"0.0", "0.1", "1.0", "1.1", "2.0", "2.1", "3.0", "3.1"}));
  EXPECT_EQ(server_->peak_open(), 1u);
  EXPECT_EQ(server_->open(), 0u);
  for (const SendOutcome& outcome : result.connections) {
    EXPECT_EQ(outcome.close.kind, CloseKind::kLocalClose);
    EXPECT_EQ(outcome.error, "");
  }
  result = Run(Numbered(2, SendMode::Parallel()));
  EXPECT_EQ(result.wall_to_close, (2 + 2 * 7 + 2) * kMs);
  EXPECT_EQ(server_->peak_open(), 4u);
  result = Run(Numbered(2, SendMode::Windowed(2)));
  EXPECT_EQ(result.wall_to_close, 2 * (2 + 2 * 7 + 2) * kMs);
  EXPECT_EQ(result.status, SendStatus::kComplete);
}

TEST_F(SendModes, OpenTakesTheConnectionsOutOfTheRun) {
  Build(0 * kMs, /*delay=*/1 * kMs);
  MakePlan({.connections = 3});
  const OpenResult opened = Open();
  EXPECT_EQ(opened.open, 3u);
  EXPECT_TRUE(opened.failures.empty());
  const TimePoint before = sim_->now();
  EXPECT_EQ(Run(Numbered(1, SendMode::Parallel())).wall, 2 * kMs);
  EXPECT_EQ(sim_->now() - before, 2 * kMs) << "nothing else took time";
}

TEST_F(SendModes, CloseEndsPooledConnectionsAndRunOpensThemAgain) {
  Build(kMs);
  MakePlan({.connections = 3});
  EXPECT_TRUE(Run(Numbered(1, SendMode::Parallel())).ok());
  bool closed = false;
  ASSERT_TRUE(plan_->Close([&] { closed = true; }).ok());
  EXPECT_FALSE(plan_->Run(Numbered(1, {}), nullptr).ok()) << "one thing at a time";
  EXPECT_TRUE(sim_->RunUntil([&] { return closed && server_->open() == 0; }, kMs * 1000));
  EXPECT_TRUE(Run(Numbered(1, SendMode::Parallel())).ok());
  EXPECT_EQ(server_->open(), 3u);
}

TEST_F(SendModes, LoopsShareTheLanesAndTheWindow) {
  Build(5 * kMs);
  std::vector<EventLoop*> loops = {&sim_->AddLoop("a"), &sim_->AddLoop("b"), home_};
  plan_ = std::make_unique<SendPlan>(*home_, loops, server_->address(),
                                     SendPlanOptions{.connections = 8});
  SendResult result = Run(Numbered(2, SendMode::Parallel()));
  EXPECT_EQ(result.wall, 2 * 5 * kMs);
  EXPECT_EQ(result.answered, 16u);
  EXPECT_EQ(loops[0]->Stats().connections_opened, 3u);
  EXPECT_EQ(loops[1]->Stats().connections_opened, 3u);
  EXPECT_EQ(loops[2]->Stats().connections_opened, 2u);
  result = Run(Numbered(3, SendMode::Windowed(3)));
  EXPECT_EQ(result.wall, 3 * 3 * 5 * kMs) << "one at a time on each loop";
  EXPECT_EQ(result.answered, 24u);
  EXPECT_FALSE(plan_->Run(Numbered(1, SendMode::Windowed(2)), nullptr).ok());
}

TEST_F(SendModes, EveryKindOfMessageAndReply) {
  Build(kMs);
  MakePlan({.connections = 2});
  EXPECT_TRUE(Run({.messages = 3, .message = "same\n"}).ok());
  EXPECT_TRUE(Run({.messages = 3, .message = "same\n", .reply = "same\n"}).ok());
  const std::string longer(100000, 'x');
  EXPECT_TRUE(Run({.messages = 2, .message = longer + "\n"}).ok()) << "shared, not copied";
  EXPECT_TRUE(Run({.messages = 2,
                   .mode = SendMode::Pipelined(2),
                   .message =
                       [](size_t, uint64_t) {
                         return MessageBytes{"two ", "pieces\n"};
                       },
                   .reply =
                       [](size_t, uint64_t) {
                         return MessageBytes{"two pieces", "\n"};
                       }})
                  .ok());
  std::vector<uint64_t> judged;
  const SendResult result = Run({.messages = 3,
                                 .mode = SendMode::Sequential(),
                                 .message = "a line\n",
                                 .reply = [&](size_t, uint64_t index, Buffer& input) {
                                   if (input.size() < 7) return MatchOutcome::kMore;
                                   judged.push_back(index);
                                   input.Consume(7);
                                   return MatchOutcome::kDone;
                                 }});
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(judged, (std::vector<uint64_t>{0, 0, 1, 1, 2, 2}));
}

TEST_F(SendModes, RunsThatMakeNoSenseAreRefused) {
  Build(kMs);
  MakePlan({.connections = 2});
  EXPECT_FALSE(plan_->Run({}, nullptr).ok()) << "no message";
  EXPECT_FALSE(plan_->Run({.message = "x\n", .reply = std::string()}, nullptr).ok());
  EXPECT_FALSE(plan_->Run({.mode = {.window = 0}, .message = "x\n"}, nullptr).ok());
  EXPECT_FALSE(plan_->Run({.mode = {.pipeline = 0}, .message = "x\n"}, nullptr).ok());
  EXPECT_TRUE(Run({.messages = 0, .message = "x\n"}).ok()) << "nothing to do is done";
  EXPECT_EQ(result_->wall, Duration::zero());
}

}  // namespace
}  // namespace spindle
