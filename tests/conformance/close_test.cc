// Every way to end a connection, on every machine.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/owned_fd.h"
#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/record_stream.h"
#include "tests/testing/served_test.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CloseTest : public ServedTest {
 protected:
  void Start(ConnectionCallbacks server, ConnectionCallbacks client,
             StreamServerOptions server_options = {}, StreamClientOptions client_options = {}) {
    Listen(std::move(server), std::move(server_options));
    client_ = &Connect(std::move(client), std::move(client_options));
  }

  StreamClient* client_ = nullptr;  // Of clients_.
};

constexpr size_t kBig = 5 * 1024 * 1024;

StreamServerOptions KeepWriting() {
  StreamServerOptions options;
  options.connection.peer_fin = PeerFinPolicy::kKeepWriting;
  return options;
}

// The client asks, half-closes, and reads an answer larger than the water marks.
TEST_P(CloseTest, AnswerAfterHalfCloseIsComplete_R4) {
  RecordReader answer;
  std::string request;
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               request += in.ToString();
               in.Clear();
             },
         .on_read_closed =
             [](Connection& c) {
               RecordWriter writer;
               for (int i = 0; i < 80; ++i) c.Write(writer.Next(65536));
               c.Close();
             }},
        {.on_open =
             [](Connection& c) {
               c.Write("request");
               c.ShutdownWrite();
               EXPECT_EQ(c.Write("late").code(), EPIPE);
             },
         .on_bytes =
             [&](Connection&, Buffer& in) {
               answer.Feed(in.ToString());
               in.Clear();
             }},
        KeepWriting());
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(request, "request");
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.records(), 80u);
  EXPECT_EQ(client_audit_.closed(CloseKind::kPeerClosed), 1u);
  EXPECT_EQ(server_audit_.closed(CloseKind::kLocalClose), 1u);
}

// Our half-close while more than the high water mark is queued: reading, paused by it, goes on when
// the output has gone.
TEST_P(CloseTest, HalfCloseAboveHighWaterStillReadsTheAnswer_R9) {
  size_t received = 0;
  std::string answer;
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               received += in.size();
               in.Clear();
             },
         .on_read_closed =
             [](Connection& c) {
               c.Write("answer");
               c.Close();
             }},
        {.on_open =
             [](Connection& c) {
               c.Write(std::string(kBig, 'u'));
               c.ShutdownWrite();
             },
         .on_bytes =
             [&](Connection&, Buffer& in) {
               answer += in.ToString();
               in.Clear();
             }},
        KeepWriting());
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, kBig);
  EXPECT_EQ(answer, "answer");
}

TEST_P(CloseTest, FinWithDefaultPolicyFlushesWhatIsQueued_R4) {
  size_t received = 0;
  Start({.on_bytes =
             [](Connection& c, Buffer& in) {
               in.Clear();
               c.Write(std::string(kBig, 'a'));
             }},
        {.on_open =
             [](Connection& c) {
               c.Write("go");
               c.ShutdownWrite();
             },
         .on_bytes =
             [&](Connection&, Buffer& in) {
               received += in.size();
               in.Clear();
             }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, kBig);
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerClosed), 1u);
}

// The server answers at once and closes while 10 MiB are still on their way to it.
TEST_P(CloseTest, AnswerReachesAClientThatIsStillUploading_R5) {
  RecordReader answer;
  Start({.on_bytes =
             [](Connection& c, Buffer&) {
               RecordWriter writer;
               c.Write(writer.Next(100'000));
               c.Close();
             }},
        {.on_open = [](Connection& c) { c.Write(std::string(10 * 1024 * 1024, 'u')); },
         .on_bytes =
             [&](Connection& c, Buffer& in) {
               answer.Feed(in.ToString());
               in.Clear();
               if (answer.records() == 1) c.Close();
             }},
        {}, {.connection = {.high_water_mark = 32 << 20, .low_water_mark = 0}});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.records(), 1u);
}

TEST_P(CloseTest, CloseFlushesAndBothSidesEndWithoutLoss) {
  size_t received = 0;
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               received += in.size();
               in.Clear();
             }},
        {.on_open = [](Connection& c) {
          c.Write(std::string(kBig, 'c'));
          c.Close();
          c.Close();
          EXPECT_TRUE(c.closing());
          EXPECT_FALSE(c.closed());
          EXPECT_EQ(c.Write("late").code(), EPIPE);
        }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, kBig);
  EXPECT_EQ(client_audit_.closed(CloseKind::kLocalClose), 1u);
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerClosed), 1u);
  EXPECT_EQ(client_audit_.discarded(), 0u);
}

TEST_P(CloseTest, BothSidesCloseAtOnce) {
  Start({.on_open =
             [](Connection& c) {
               c.Write("s");
               c.Close();
             }},
        {.on_open = [](Connection& c) {
          c.Write("c");
          c.Close();
        }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(client_audit_.closed(CloseKind::kLocalClose), 1u);
  EXPECT_EQ(server_audit_.closed(CloseKind::kLocalClose), 1u);
}

TEST_P(CloseTest, AbortTwiceDiscardsOnceAndResetsThePeer_D3) {
  Start({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.on_open = [](Connection& c) { c.Write("hello"); },
         .on_drained =
             [](Connection& c) {
               EXPECT_TRUE(c.Write(std::string(kBig, 'x')).ok());
               c.Abort();
               EXPECT_TRUE(c.closed());
               // Takes the number that has become free, unless the descriptors are the simulator's.
               const OwnedFd next(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
               c.Abort();
               c.Close();
               EXPECT_GE(fcntl(next.get(), F_GETFD), 0) << "closed by one who no longer owns it";
             }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(client_audit_.closed(CloseKind::kLocalAbort), 1u);
  EXPECT_EQ(client_audit_.discarded(), kBig);
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerReset), 1u);
}

TEST_P(CloseTest, ResetOfAPausedReaderIsSeen) {
  std::atomic<bool> paused{false};
  Start({.on_open =
             [&](Connection& c) {
               c.PauseReading();
               paused = true;
             },
         .on_bytes = [](Connection&, Buffer&) { ADD_FAILURE() << "reading is paused"; }},
        {.on_open = [](Connection& c) { c.Write("unread"); }});
  ASSERT_TRUE(env_->RunUntil([&] { return paused && client_audit_.opened() == 1; }));
  client_->connection()->Abort();
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerReset), 1u);
}

// A peer that never reads: the deadline ends it, and what was lost is told.
TEST_P(CloseTest, CloseAfterFlushGivesUpAtItsDeadline_Z2) {
  Start({.on_open = [](Connection& c) { c.PauseReading(); }}, {.on_open = [](Connection& c) {
          c.Write(std::string(30 * 1024 * 1024, 'x'));
          c.CloseAfterFlush(milliseconds(50));
        }});
  ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.closed() == 1; }));
  EXPECT_EQ(client_audit_.closed(CloseKind::kCloseTimeout), 1u);
  EXPECT_GT(client_audit_.discarded(), 0u);
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerReset), 1u);
}

TEST_P(CloseTest, CloseAfterFlushWithinItsDeadlineLosesNothing) {
  size_t received = 0;
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               received += in.size();
               in.Clear();
             }},
        {.on_open = [](Connection& c) {
          c.Write(std::string(kBig, 'x'));
          c.CloseAfterFlush(std::chrono::minutes(1));
        }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, kBig);
  EXPECT_EQ(client_audit_.closed(CloseKind::kLocalClose), 1u);
}

// The peer reads all and never closes: lingering ends by itself, and counts as a close of ours.
TEST_P(CloseTest, LingerEndsWithoutThePeersFin) {
  StreamClientOptions options;
  options.connection.linger_timeout = milliseconds(30);
  Start({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.on_open =
             [](Connection& c) {
               c.Write("bye");
               c.Close();
             }},
        KeepWriting(), options);
  ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.closed() == 1; }));
  EXPECT_EQ(client_audit_.closed(CloseKind::kLocalClose), 1u);
  EXPECT_EQ(server_audit_.closed(), 0u);
}

TEST_P(CloseTest, LingerOfZeroClosesAtOnce) {
  StreamClientOptions options;
  options.connection.linger_timeout = milliseconds(0);
  Start({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.on_open =
             [](Connection& c) {
               c.Write("bye");
               c.Close();
             }},
        KeepWriting(), options);
  ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.closed() == 1; }));
  EXPECT_EQ(client_audit_.closed(CloseKind::kLocalClose), 1u);
}

// Bytes that on_bytes left, and those that come after Close, are dropped and counted.
TEST_P(CloseTest, UnreadInputIsCountedAsDropped) {
  Start({.on_bytes =
             [](Connection& c, Buffer& in) {
               if (in.size() > 10) in.Consume(in.size() - 5);
               c.Close();
             }},
        {.on_open = [](Connection& c) {
          c.Write(std::string(1000, 'x'));
          c.ShutdownWrite();
        }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_GE(server_audit_.dropped(), 5u);
}

// Output that has drained also falls to the low mark: whoever aborts when told of the one does not
// hear of the other.
TEST_P(CloseTest, NothingButTheEndIsReportedAfterAbort_D2) {
  int drained = 0;
  Start({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.on_open = [](Connection& c) { c.Write(std::string(kBig, 'x')); },
         .on_resume = [](Connection&) { ADD_FAILURE() << "after the end"; },
         .on_drained =
             [&](Connection& c) {
               ++drained;
               c.Abort();
             }},
        {}, {.connection = {.high_water_mark = 1000, .low_water_mark = 0}});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(client_audit_.closed(CloseKind::kLocalAbort), 1u);
}

TEST_P(CloseTest, ServerDestroyedEndsEveryConnectionOnce_D2) {
  Start({.on_open = [](Connection& c) { c.Write(std::string(kBig, 'x')); }}, {});
  ASSERT_TRUE(
      env_->RunUntil([&] { return server_audit_.opened() == 1 && client_audit_.opened() == 1; }));
  server_.reset();
  EXPECT_EQ(server_audit_.closed(CloseKind::kServerStopped), 1u);
  ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.closed() == 1; }));
}

TEST_P(CloseTest, ClientDestroyedEndsItsConnectionOnce_D2) {
  Start({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.on_open = [](Connection& c) { c.Write("x"); }});
  ASSERT_TRUE(
      env_->RunUntil([&] { return server_audit_.received() + client_audit_.opened() > 0; }));
  clients_.clear();
  EXPECT_EQ(client_audit_.closed(CloseKind::kServerStopped), 1u);
  ASSERT_TRUE(RunUntilClosed());
}

INSTANTIATE_TEST_SUITE_P(Machines, CloseTest, testing::ValuesIn(FewMachines()), MachineName);

}  // namespace
}  // namespace spindle
