// Deadlines: to the nanosecond on virtual time; on the kernel only that they come.

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/served_test.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class DeadlineTest : public ServedTest {
 protected:
  void Start(ConnectionCallbacks server, ConnectionCallbacks client,
             ConnectionOptions server_options, ConnectionOptions client_options = {}) {
    StreamServerOptions options;
    options.connection = server_options;
    auto on_close = std::move(server.on_close);
    server.on_close = [this, on_close = std::move(on_close)](Connection& c,
                                                             const CloseReason& reason) {
      ended_ = c.loop().Now();
      if (on_close) on_close(c, reason);
    };
    Listen(std::move(server), std::move(options));
    client_ = &Connect(std::move(client), StreamClientOptions{.connection = client_options});
  }
  bool RunUntilServerClosed() {
    return env_->RunUntil([&] { return server_audit_.closed() == 1; });
  }
  // The server's side ended `after` later than `since`; the mild machine may ring late by 2 ms.
  void ExpectEndedAt(TimePoint since, Duration after) {
    if (GetParam().kind == Machine::Kind::kSim) {
      EXPECT_EQ(ended_ - since, after);
    }
    EXPECT_GE(ended_ - since, after);
    if (env_->simulated()) {
      EXPECT_LE(ended_ - since, after + milliseconds(3));
    }
  }
  // Virtual seconds in the simulator, milliseconds on the kernel.
  Duration Units(int n) const {
    return env_->simulated() ? Duration(seconds(n)) : Duration(milliseconds(n));
  }

  StreamClient* client_ = nullptr;  // Of clients_.
  TimePoint opened_;
  TimePoint ended_;
};

TEST_P(DeadlineTest, SilentConnectionEndsAtIdleTimeout_T9) {
  Start({.on_open = [&](Connection& c) { opened_ = c.loop().now(); }}, {},
        {.idle_timeout = Units(30)});
  ASSERT_TRUE(RunUntilServerClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kIdleTimeout), 1u);
  ExpectEndedAt(opened_, Units(30));
}

TEST_P(DeadlineTest, ReadTimeoutWithoutOnOpen) {
  Start({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }}, {}, {.read_timeout = Units(30)});
  ASSERT_TRUE(RunUntilServerClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kReadTimeout), 1u);
}

// A message every T - 1 keeps it open for as long as they come; then it ends T after the last.
TEST_P(DeadlineTest, TrafficPutsTheIdleTimeoutOff_T9) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  TimePoint last;
  int messages = 0;
  Start({.on_bytes =
             [&](Connection& c, Buffer& in) {
               in.Clear();
               ++messages;
               last = c.loop().now();
             }},
        {}, {.idle_timeout = seconds(10)});
  ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.opened() == 1; }));
  const TimerId timer = env_->client_loop().RunEvery(milliseconds(9990), [&] {
    if (client_->connection() != nullptr) client_->connection()->Write("x");
  });
  ASSERT_TRUE(env_->RunUntil([&] { return messages == 300; }));
  env_->client_loop().Cancel(timer);
  EXPECT_EQ(server_audit_.closed(), 0u);
  ASSERT_TRUE(RunUntilServerClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kIdleTimeout), 1u);
  ExpectEndedAt(last, seconds(10));
}

// Only output: as good as input for the idle timeout, not for the read timeout.
TEST_P(DeadlineTest, OutputAloneKeepsIdleButNotReadTimeoutAway_T9) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  TimerId timer;
  Start({.on_open =
             [&](Connection& c) {
               opened_ = c.loop().now();
               timer = c.loop().RunEvery(seconds(1), [handle = c.handle()] { handle.Write("x"); });
             },
         .on_close = [&](Connection& c, const CloseReason&) { c.loop().Cancel(timer); }},
        {.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.idle_timeout = seconds(3), .read_timeout = seconds(20)});
  ASSERT_TRUE(RunUntilServerClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kReadTimeout), 1u);
  ExpectEndedAt(opened_, seconds(20));
}

TEST_P(DeadlineTest, ReadTimeoutRestsWhileReadingIsPaused) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  Start({.on_open =
             [&](Connection& c) {
               c.PauseReading();
               c.loop().RunAfter(minutes(10), [this, handle = c.handle()] {
                 opened_ = handle.Get()->loop().now();
                 handle.Get()->ResumeReading();
               });
             }},
        {}, {.read_timeout = seconds(20)});
  ASSERT_TRUE(RunUntilServerClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kReadTimeout), 1u);
  ExpectEndedAt(opened_, seconds(20));
}

TEST_P(DeadlineTest, WriteTimeoutWhenThePeerTakesNothing) {
  Start({.on_open =
             [&](Connection& c) {
               opened_ = c.loop().now();
               c.Write(std::string(30 * 1024 * 1024, 'x'));
             }},
        {.on_open = [](Connection& c) { c.PauseReading(); }}, {.write_timeout = Units(40)});
  ASSERT_TRUE(RunUntilServerClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kWriteTimeout), 1u);
  EXPECT_GT(server_audit_.discarded(), 0u);
}

TEST_P(DeadlineTest, WriteTimeoutOnlyCountsWhileOutputIsQueued) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  Start({.on_open = [](Connection& c) { c.Write("x"); }}, {}, {.write_timeout = seconds(1)});
  ASSERT_TRUE(env_->RunUntil([&] { return server_audit_.opened() == 1; }));
  env_->sim().RunFor(minutes(10));
  EXPECT_EQ(server_audit_.closed(), 0u);
}

// Close, and the peer takes nothing: close_timeout. It takes something now and then: no end.
TEST_P(DeadlineTest, CloseTimeoutWhenThePeerTakesNothing_Z2) {
  Start({.on_open =
             [&](Connection& c) {
               opened_ = c.loop().now();
               c.Write(std::string(30 * 1024 * 1024, 'x'));
               c.Close();
             }},
        {.on_open = [](Connection& c) { c.PauseReading(); }}, {.close_timeout = Units(40)});
  ASSERT_TRUE(RunUntilServerClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kCloseTimeout), 1u);
  EXPECT_GT(server_audit_.discarded(), 0u);
}

TEST_P(DeadlineTest, SlowReaderIsNotCutOffByCloseTimeout) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  constexpr size_t kSize = 4 * 1024 * 1024;
  size_t received = 0;
  Start({.on_open =
             [](Connection& c) {
               c.Write(std::string(kSize, 'x'));
               c.Close();
             }},
        {.on_bytes =
             [&](Connection& c, Buffer& in) {
               received += in.size();
               in.Clear();
               c.PauseReading();
               c.loop().RunAfter(seconds(4), [handle = c.handle()] { handle.ResumeReading(); });
             }},
        {.close_timeout = seconds(10)});
  ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.closed() == 1; }));
  EXPECT_EQ(received, kSize);
  EXPECT_EQ(server_audit_.closed(CloseKind::kLocalClose), 1u);
}

TEST_P(DeadlineTest, LingerEndsAtItsTime) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  Start({.on_open =
             [&](Connection& c) {
               opened_ = c.loop().now();
               c.Close();
             }},
        {.on_open = [](Connection& c) { c.PauseReading(); }}, {.linger_timeout = seconds(7)});
  ASSERT_TRUE(RunUntilServerClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kLocalClose), 1u);
  ExpectEndedAt(opened_, seconds(7));
}

TEST_P(DeadlineTest, DeadlinesSetOnOneConnectionAlone) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  Start({.on_open =
             [&](Connection& c) {
               opened_ = c.loop().now();
               c.SetIdleTimeout(seconds(100));
               c.SetReadTimeout(seconds(5));
               c.SetReadTimeout(seconds(50));
               c.SetWriteTimeout(seconds(1));
             }},
        {}, {});
  ASSERT_TRUE(RunUntilServerClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kReadTimeout), 1u);
  ExpectEndedAt(opened_, seconds(50));
}

TEST_P(DeadlineTest, DeadlineOfZeroSwitchesOff) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  Start({.on_open = [](Connection& c) { c.SetIdleTimeout(seconds(0)); }}, {},
        {.idle_timeout = seconds(5)});
  ASSERT_TRUE(env_->RunUntil([&] { return server_audit_.opened() == 1; }));
  env_->sim().RunFor(minutes(10));
  EXPECT_EQ(server_audit_.closed(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Machines, DeadlineTest, testing::ValuesIn(FewMachines()), MachineName);

}  // namespace
}  // namespace spindle
