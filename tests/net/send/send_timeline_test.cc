// What each connection did when, on virtual time.

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/send/send_plan.h"
#include "tests/net/send/send_simulation.h"

namespace spindle {
namespace {

class SendTimeline : public SendSimulation {
 protected:
  // "phase start+length" in ms, of one connection.
  static std::vector<std::string> Of(const SendResult& result, size_t connection) {
    std::vector<std::string> spans;
    for (const SendSpan& span : result.timeline) {
      if (span.connection != connection) continue;
      spans.push_back(std::to_string(span.message) + " " + std::string(SendPhaseName(span.phase)) +
                      " " + std::to_string(span.start / kMs) + "+" +
                      std::to_string(span.length / kMs));
    }
    return spans;
  }
};

using Spans = std::vector<std::string>;

TEST_F(SendTimeline, SequentialIsAStaircase) {
  Build(5 * kMs, /*delay=*/1 * kMs);
  MakePlan({.connections = 2, .timeline = Timeline::kOn});
  SendRun run = Numbered(2, SendMode::Sequential());
  run.think = 5 * kMs;
  const SendResult result = Run(std::move(run));
  EXPECT_EQ(Of(result, 0),
            (Spans{"0 write 0+0", "0 in flight 0+1", "0 think 1+5", "0 in flight 6+1", "0 ack 7+0",
                   "1 write 14+0", "1 in flight 14+1", "1 think 15+5", "1 in flight 20+1",
                   "1 ack 21+0"}));
  EXPECT_EQ(Of(result, 1)[0], "0 write 7+0");
  EXPECT_EQ(Of(result, 1)[5], "1 write 21+0");
}

TEST_F(SendTimeline, ThinkTimeThatIsNotKnownIsPartOfTheFlight) {
  Build(5 * kMs, /*delay=*/1 * kMs);
  MakePlan({.connections = 1, .timeline = Timeline::kOn});
  EXPECT_EQ(Of(Run(Numbered(1, {})), 0), (Spans{"0 write 0+0", "0 in flight 0+7", "0 ack 7+0"}));
}

TEST_F(SendTimeline, FreshConnectionsConnectAndClose) {
  Build(5 * kMs, /*delay=*/1 * kMs);
  MakePlan({.connections = 2, .kind = SendConnections::kFresh, .timeline = Timeline::kOn});
  const SendResult result = Run(Numbered(1, SendMode::Sequential()));
  EXPECT_EQ(Of(result, 0),
            (Spans{"0 connect 0+2", "0 write 2+0", "0 in flight 2+7", "0 ack 9+0", "0 close 9+2"}));
  EXPECT_EQ(Of(result, 1), (Spans{"0 connect 11+2", "0 write 13+0", "0 in flight 13+7",
                                  "0 ack 20+0", "0 close 20+2"}));
}

TEST_F(SendTimeline, ALongMessageTakesTimeToWriteAndItsReplyToArrive) {
  Build(5 * kMs, /*delay=*/1 * kMs);
  MakePlan({.connections = 1, .timeline = Timeline::kOn});
  const SendResult result = Run({.message = std::string(1000000, 'x') + "\n"});
  ASSERT_TRUE(result.ok()) << result.ToString();
  ASSERT_EQ(result.timeline.size(), 3u);
  EXPECT_EQ(result.timeline[0].phase, SendPhase::kWrite);
  EXPECT_GT(result.timeline[0].length, Duration::zero());
  EXPECT_EQ(result.timeline[1].start, result.timeline[0].length);
  EXPECT_EQ(result.timeline[2].phase, SendPhase::kAck);
  EXPECT_GT(result.timeline[2].length, Duration::zero());
  EXPECT_EQ(result.timeline[2].start + result.timeline[2].length, result.wall);
}

TEST_F(SendTimeline, TheServersTimeIsWholeIfTheWriteWasNotedTooLateForIt) {
  Build(5 * kMs, /*delay=*/1 * kMs);
  MakePlan({.connections = 1, .timeline = Timeline::kOn});
  SendRun run = {.message = std::string(1000000, 'x') + "\n"};
  run.think = 8 * kMs;  // A millisecond more than there is between the write's end and the reply.
  const SendResult result = Run(std::move(run));
  ASSERT_TRUE(result.ok()) << result.ToString();
  ASSERT_EQ(result.timeline.size(), 5u);
  const SendSpan& write = result.timeline[0];
  const SendSpan& think = result.timeline[2];
  EXPECT_EQ(think.phase, SendPhase::kThink);
  EXPECT_EQ(think.length, 8 * kMs);
  EXPECT_EQ(think.start, write.start + write.length - 1 * kMs);
  EXPECT_EQ(result.timeline[4].start, think.start + think.length);
}

TEST_F(SendTimeline, AMessageWithoutReplyEndsWhenItsConnectionFails) {
  Build(5 * kMs, /*delay=*/1 * kMs);
  server_->FailLine(0, LineServer::Fault::kSilence);
  MakePlan({.connections = 1, .timeline = Timeline::kOn});
  SendRun run = Numbered(1, {});
  run.reply_timeout = 20 * kMs;
  EXPECT_EQ(Of(Run(std::move(run)), 0), (Spans{"0 write 0+0", "0 in flight 0+20"}));
}

TEST_F(SendTimeline, IsEmptyUnlessAskedFor) {
  Build(kMs);
  MakePlan({.connections = 2});
  EXPECT_TRUE(Run(Numbered(1, {})).timeline.empty());
}

}  // namespace
}  // namespace spindle
