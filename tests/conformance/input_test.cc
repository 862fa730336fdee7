// What becomes of input that on_bytes has left, on every machine.

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/served_test.h"

namespace spindle {
namespace {

// The server is on the test's own loop: what its callbacks note needs no lock.
class InputTest : public ServedTest {
 protected:
  void Start(ConnectionCallbacks server, ConnectionCallbacks client,
             ConnectionOptions server_options = {}) {
    server_ = *StreamServer::Listen(env_->server_loop(), SocketAddress::LoopbackV4(0),
                                    server_audit_.Watch(std::move(server)),
                                    {.connection = server_options});
    client_ = &Connect(std::move(client));
  }

  bool resumed_ = false;
  StreamClient* client_ = nullptr;  // Of clients_.
};

TEST_P(InputTest, ResumeReadingBringsAgainWhatWasLeft_R9) {
  std::vector<std::string> seen;
  Start({.on_bytes =
             [&](Connection& c, Buffer& in) {
               seen.push_back(in.ToString());
               if (in.size() < 5) return;
               if (!c.reading_paused() && seen.back() == "hello" && !resumed_) {
                 c.PauseReading();
                 c.loop().RunAfter(std::chrono::milliseconds(1), [this, handle = c.handle()] {
                   resumed_ = true;
                   handle.ResumeReading();
                 });
                 return;
               }
               in.Clear();
               c.Close();
             }},
        {.on_open = [](Connection& c) { c.Write("hello"); }});
  ASSERT_TRUE(RunUntilClosed());
  ASSERT_GE(seen.size(), 2u);
  EXPECT_EQ(seen[seen.size() - 2], "hello");
  EXPECT_EQ(seen.back(), "hello");
  EXPECT_EQ(server_audit_.dropped(), 0u);
}

TEST_P(InputTest, PausedInputIsNotBroughtAgainBeforeResume) {
  int calls_while_paused = 0;
  bool paused = false;
  Start({.on_bytes =
             [&](Connection& c, Buffer& in) {
               if (paused) ++calls_while_paused;
               if (in.size() < 5) return;
               c.PauseReading();
               paused = true;
               c.handle().Run([](Connection& again) {
                 again.ResumeReading();
                 again.PauseReading();
                 again.handle().Run([](Connection& last) { last.Close(); });
               });
             }},
        {.on_open = [](Connection& c) { c.Write("hello"); }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(calls_while_paused, 0);
}

TEST_P(InputTest, FallingToTheLowMarkBringsAgainWhatWasLeft_R9) {
  bool answered = false;
  int high = 0;
  Start({.on_bytes =
             [&](Connection& c, Buffer& in) {
               if (high == 0) {
                 c.Write(std::string(8 << 20, 'x'));  // Far above the mark: reading pauses.
                 return;
               }
               in.Clear();
               answered = true;
               c.Close();
             },
         .on_pause = [&](Connection&) { ++high; }},
        {.on_open = [](Connection& c) { c.Write("question"); },
         .on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.high_water_mark = 10'000, .low_water_mark = 1000});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(high, 1);
  EXPECT_TRUE(answered);
}

TEST_P(InputTest, ALastLineWithoutItsEndIsThereWhenThePeerHasEnded) {
  std::string last;
  Start({.on_bytes = [](Connection&, Buffer&) {},
         .on_read_closed =
             [&](Connection& c) {
               last = c.unread_input().ToString();
               c.Write("seen");
               c.Close();
             }},
        {.on_open =
             [](Connection& c) {
               c.Write("no newline");
               c.ShutdownWrite();
             },
         .on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.peer_fin = PeerFinPolicy::kKeepWriting});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(last, "no newline");
  EXPECT_EQ(client_audit_.received(), 4u);
}

TEST_P(InputTest, UnreadInputCanBeSeenInOnClose) {
  std::string last;
  Start(
      {.on_bytes = [](Connection&, Buffer&) {},
       .on_close = [&](Connection& c, const CloseReason&) { last = c.unread_input().ToString(); }},
      {.on_open = [](Connection& c) {
        c.Write("cut off");
        c.Close();
      }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(last, "cut off");
  EXPECT_EQ(server_audit_.dropped(), 7u);
}

INSTANTIATE_TEST_SUITE_P(Machines, InputTest,
                         testing::ValuesIn(std::vector<Machine>{{Machine::Kind::kKernel, 0},
                                                                {Machine::Kind::kSim},
                                                                {Machine::Kind::kSimMild}}),
                         MachineName);

}  // namespace
}  // namespace spindle
