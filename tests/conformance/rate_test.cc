// Rate limits of connections and groups, on every machine. The simulator says how fast exactly.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/stream/couple.h"
#include "net/stream/rate_limit.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/record_stream.h"
#include "tests/testing/served_test.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kDiscard = [](Connection&, Buffer& input) { input.Clear(); };

class RateTest : public ServedTest {
 protected:
  void Listen(ConnectionCallbacks callbacks, ConnectionOptions options = {}) {
    ServedTest::Listen(std::move(callbacks), {.connection = std::move(options)});
  }
  StreamClient& Connect(ConnectionCallbacks callbacks, ConnectionOptions options = {}) {
    return ServedTest::Connect(std::move(callbacks), {.connection = std::move(options)});
  }
  TimePoint Now() { return env_->client_loop().Now(); }

  // `total` bytes took the time that they should at `rate`, within one burst, and delays.
  void ExpectRate(uint64_t total, uint64_t rate, uint64_t burst, Duration took) {
    const double earliest = static_cast<double>(total - burst) / static_cast<double>(rate);
    const double latest = static_cast<double>(total) / static_cast<double>(rate);
    const double seconds = std::chrono::duration<double>(took).count();
    EXPECT_GE(seconds, earliest);
    // A machine with faults rings late by up to 2 ms, eight times per burst.
    if (GetParam().kind == Machine::Kind::kSim) {
      EXPECT_LE(seconds, latest + 0.05);
    }
    if (env_->simulated()) {
      EXPECT_LE(seconds, latest * 1.25 + 0.05);
    }
  }
};

// `bytes` in records, then the end of what we send.
void SendRecords(Connection& connection, size_t bytes) {
  RecordWriter writer;
  for (size_t sent = 0; sent < bytes;) {
    const std::string record = writer.Next(std::min<size_t>(9000, bytes - sent));
    sent += record.size();
    connection.Write(record);
  }
  connection.Close();
}

TEST_P(RateTest, OutputArrivesWholeAtTheRate) {
  const uint64_t rate = env_->simulated() ? 100'000 : 2'000'000;
  RecordReader reader;
  TimePoint began;
  TimePoint ended;
  Listen({.on_bytes = [](Connection& c, Buffer&) { SendRecords(c, 500'000); }},
         {.write_rate = {.bytes_per_second = rate}});
  Connect({.on_open =
               [&](Connection& c) {
                 began = Now();
                 c.Write("go");
               },
           .on_bytes =
               [&](Connection&, Buffer& in) {
                 ended = Now();
                 reader.Feed(in.ToString());
                 in.Clear();
               }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(reader.complete());
  EXPECT_GE(reader.bytes(), 500'000u);
  EXPECT_EQ(server_audit_.closed(CloseKind::kLocalClose), 1u);
  ExpectRate(reader.bytes(), rate, rate / 10, ended - began);
}

TEST_P(RateTest, InputIsReadWholeAtTheRate) {
  const uint64_t rate = env_->simulated() ? 100'000 : 2'000'000;
  RecordReader reader;
  TimePoint began;
  TimePoint ended;
  // On the thread of the connection until it is closed.
  Listen({.on_open = [&](Connection& c) { began = c.loop().Now(); },
          .on_bytes =
              [&](Connection& c, Buffer& in) {
                ended = c.loop().Now();
                reader.Feed(in.ToString());
                in.Clear();
              }},
         {.read_rate = {.bytes_per_second = rate, .burst = 40'000}});
  Connect({.on_open = [&](Connection& c) { SendRecords(c, 500'000); }},
          {.linger_timeout = minutes(1)});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(reader.complete());
  EXPECT_GE(reader.bytes(), 500'000u);
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerClosed), 1u);
  ExpectRate(reader.bytes(), rate, 40'000, ended - began);
}

// A rate so slow that each byte waits, and one so fast that nothing ever does.
TEST_P(RateTest, ExtremeRates) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  std::string received;
  Listen({.on_bytes =
              [](Connection& c, Buffer& in) {
                c.SetReadRate({.bytes_per_second = UINT64_MAX, .burst = UINT64_MAX});
                c.Write(std::move(in));
              }},
         {.read_rate = {.bytes_per_second = 1}});
  TimePoint began;
  Connect({.on_open =
               [&](Connection& c) {
                 began = Now();
                 c.SetWriteRate({.bytes_per_second = 1});
                 c.Write("0123456789");
               },
           .on_bytes =
               [&](Connection& c, Buffer& in) {
                 received += in.ToString();
                 in.Clear();
                 if (received.size() == 10) c.Close();
               }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, "0123456789");
  EXPECT_GE(Now() - began, seconds(9));
}

TEST_P(RateTest, ConnectionsOfAGroupGetTheSame) {
  const uint64_t rate = env_->simulated() ? 400'000 : 8'000'000;
  const uint64_t burst = rate / 50;
  constexpr size_t kClients = 8;
  auto group = std::make_shared<RateGroup>(RateLimit{.bytes_per_second = rate, .burst = burst});
  std::vector<size_t> received(kClients, 0);
  Listen({.on_bytes =
              [](Connection& c, Buffer& in) {
                in.Clear();
                c.Write(std::string(4'000'000, 'x'));
              }},
         {.write_group = group});
  const TimePoint began = Now();
  for (size_t i = 0; i < kClients; ++i) {
    Connect({.on_open = [](Connection& c) { c.Write("go"); },
             .on_bytes =
                 [&, i](Connection&, Buffer& in) {
                   received[i] += in.size();
                   in.Clear();
                 }});
  }
  size_t total = 0;
  ASSERT_TRUE(env_->RunUntil([&] {
    total = 0;
    for (const size_t bytes : received) total += bytes;
    return total >= 2 * rate;
  }));
  ExpectRate(total, rate, burst, Now() - began);
  // Who comes first has the first burst. What a late turn let the bucket gather goes to one, too,
  // so only virtual time can tell.
  const auto [least, most] = std::minmax_element(received.begin(), received.end());
  if (env_->simulated()) {
    EXPECT_LE(*most - *least, 2 * burst) << *least << " and " << *most << " of " << total;
  }
  EXPECT_GE(group->counters().bytes, total);
  EXPECT_GT(group->counters().waits, 0u);
}

// Who has little to send does not wait behind the others for longer than a round of shares.
TEST_P(RateTest, ReadersOfAGroupShareIt) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  auto group = std::make_shared<RateGroup>(RateLimit{.bytes_per_second = 100'000});
  uint64_t received = 0;
  Listen({.on_bytes =
              [&](Connection&, Buffer& in) {
                received += in.size();
                in.Clear();
              }},
         {.read_group = group});
  const TimePoint began = Now();
  for (int i = 0; i < 5; ++i) {
    Connect({.on_open = [](Connection& c) { SendRecords(c, 100'000); }},
            {.linger_timeout = minutes(1)});
  }
  ASSERT_TRUE(RunUntilClosed(5));
  EXPECT_GE(received, 500'000u);
  EXPECT_EQ(group->counters().bytes, received);
  ExpectRate(received, 100'000, 10'000, Now() - began);
}

// Deadlines of a second, and transfers that our own limits stretch to many.
TEST_P(RateTest, DeadlinesRestWhileALimitHoldsBack) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  const ConnectionOptions held = {.idle_timeout = seconds(1),
                                  .read_timeout = seconds(1),
                                  .write_timeout = seconds(1),
                                  .close_timeout = seconds(1),
                                  .read_rate = {.bytes_per_second = 100, .burst = 4000},
                                  .write_rate = {.bytes_per_second = 100, .burst = 4000}};
  size_t received = 0;
  Listen({.on_bytes =
              [&](Connection& c, Buffer& in) {
                received += in.size();
                in.Clear();
                if (received == 20'000) {
                  c.Write(std::string(20'000, 'y'));
                  c.Close();
                }
              }},
         held);
  size_t answered = 0;
  Connect({.on_open = [](Connection& c) { c.Write(std::string(20'000, 'x')); },
           .on_bytes =
               [&](Connection&, Buffer& in) {
                 answered += in.size();
                 in.Clear();
               }});
  const TimePoint began = Now();
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, 20'000u);
  EXPECT_EQ(answered, 20'000u);
  EXPECT_EQ(server_audit_.closed(CloseKind::kLocalClose), 1u);
  EXPECT_GE(Now() - began, seconds(300));
}

TEST_P(RateTest, DeadlinesRunWhenThePeerIsToBlame) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  Listen({.on_open = [](Connection& c) { c.Write("hello"); }},
         {.idle_timeout = seconds(30),
          .read_rate = {.bytes_per_second = 1000},
          .write_rate = {.bytes_per_second = 1000}});
  const TimePoint began = Now();
  Connect({.on_bytes = kDiscard});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kIdleTimeout), 1u);
  EXPECT_LE(Now() - began, seconds(31));
}

TEST_P(RateTest, AbortAndDeadlineEndWhatIsHeldBack) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  auto group = std::make_shared<RateGroup>(RateLimit{.bytes_per_second = 10, .burst = 100});
  int opened = 0;
  Listen({.on_open =
              [&](Connection& c) {
                c.Write(std::string(100'000, 'x'));
                if (++opened == 1) {
                  c.loop().RunAfter(seconds(20), [handle = c.handle()] { handle.Abort(); });
                } else {
                  c.CloseAfterFlush(seconds(30));
                }
              },
          .on_bytes = kDiscard},
         {.read_group = group, .write_group = group});
  const TimePoint began = Now();
  for (int i = 0; i < 2; ++i) {
    Connect({.on_open = [](Connection& c) { c.Write(std::string(100'000, 'y')); },
             .on_bytes = kDiscard});
  }
  ASSERT_TRUE(RunUntilClosed(2));
  EXPECT_EQ(server_audit_.closed(CloseKind::kLocalAbort), 1u);
  EXPECT_EQ(server_audit_.closed(CloseKind::kCloseTimeout), 1u);
  EXPECT_GT(server_audit_.discarded(), 150'000u);
  EXPECT_LE(Now() - began, seconds(32));
  // Nothing is kept back for the dead: what passed is what was counted.
  EXPECT_LE(group->counters().bytes, 100u + 10u * 32u + 26u);
  EXPECT_LE(group->Reserve(1, Now() + seconds(20)).when, Now() + seconds(20));
}

// A reset while reading is held back is heard of at once, and not taken for an orderly end.
TEST_P(RateTest, PeerThatResetsWhileHeldBack) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  Listen({.on_bytes = kDiscard}, {.read_rate = {.bytes_per_second = 10, .burst = 10}});
  const TimePoint began = Now();
  Connect({.on_open = [](Connection& c) {
    c.Write(std::string(1000, 'x'));
    c.loop().RunAfter(seconds(3), [handle = c.handle()] { handle.Abort(); });
  }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerReset), 1u);
  EXPECT_LE(Now() - began, seconds(5));
}

TEST_P(RateTest, PausesOfTheUserAndOfTheLimitDoNotUndoEachOther) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  size_t received = 0;
  bool may_read = true;
  Listen({.on_bytes =
              [&](Connection& c, Buffer& in) {
                EXPECT_TRUE(may_read);
                received += in.size();
                in.Clear();
                may_read = false;
                c.PauseReading();
                c.loop().RunAfter(milliseconds(1 + received % 700), [&, handle = c.handle()] {
                  may_read = true;
                  handle.Get()->ResumeReading();
                  handle.Get()->ResumeReading();
                });
              }},
         {.read_rate = {.bytes_per_second = 10'000, .burst = 2000}});
  const TimePoint began = Now();
  Connect({.on_open = [](Connection& c) { SendRecords(c, 100'000); }},
          {.linger_timeout = minutes(10)});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_GE(received, 100'000u);
  EXPECT_GE(Now() - began, milliseconds(9700));
}

TEST_P(RateTest, LimitsThatChangeLetGoAtOnce) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  RecordReader reader;
  auto slow = std::make_shared<RateGroup>(RateLimit{.bytes_per_second = 1});
  Listen({.on_open =
              [&](Connection& c) {
                c.SetReadGroup(slow);
                c.SetWriteRate({.bytes_per_second = 1});
                c.Write(std::string(1000, 'x'));
                c.loop().RunAfter(seconds(5), [handle = c.handle()] {
                  handle.Get()->SetReadGroup(nullptr);
                  handle.Get()->SetWriteRate({});
                });
              },
          .on_bytes =
              [&](Connection&, Buffer& in) {
                reader.Feed(in.ToString());
                in.Clear();
              }});
  size_t answered = 0;
  const TimePoint began = Now();
  Connect({.on_open = [](Connection& c) { SendRecords(c, 100'000); },
           .on_bytes = [&](Connection&, Buffer& in) { answered += in.size(); }},
          {.linger_timeout = minutes(1)});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(reader.complete());
  EXPECT_LE(Now() - began, seconds(7));
  EXPECT_GE(Now() - began, seconds(5));
}

// An echo whose two halves are limited and whose queue has low marks, on every machine.
TEST_P(RateTest, EchoUnderLimitsAndWaterMarks) {
  const uint64_t rate = env_->simulated() ? 50'000 : 3'000'000;
  RecordReader reader;
  Listen({.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }},
         {.high_water_mark = 10'000,
          .low_water_mark = 5000,
          .read_rate = {.bytes_per_second = rate, .burst = 7001},
          .write_rate = {.bytes_per_second = rate, .burst = 6007}});
  Connect({.on_open =
               [](Connection& c) {
                 RecordWriter writer;
                 for (int i = 0; i < 40; ++i) c.Write(writer.Next(5000));
                 c.ShutdownWrite();
               },
           .on_bytes =
               [&](Connection&, Buffer& in) {
                 reader.Feed(in.ToString());
                 in.Clear();
               }},
          {.pause_reading_above_high_water = false});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.records(), 40u);
}

// client -> relay -> server, the relay limited both ways on both its connections.
TEST_P(RateTest, RelayUnderLimits) {
  const uint64_t rate = env_->simulated() ? 50'000 : 3'000'000;
  const ConnectionOptions limited = {.high_water_mark = 20'000,
                                     .low_water_mark = 5000,
                                     .read_rate = {.bytes_per_second = rate, .burst = 7001},
                                     .write_rate = {.bytes_per_second = rate, .burst = 6007}};
  RecordReader reader;
  StreamAudit relay_audit;
  relay_audit.ExpectForwarding();
  server_ = *StreamServer::Listen(env_->client_loop(), SocketAddress::LoopbackV4(0),
                                  server_audit_.Watch({.on_bytes = [&](Connection&, Buffer& in) {
                                    reader.Feed(in.ToString());
                                    in.Clear();
                                  }}));
  std::unique_ptr<StreamClient> onward;
  ConnectionHandle front;
  auto relay = *StreamServer::Listen(env_->server_loop(), SocketAddress::LoopbackV4(0),
                                     relay_audit.Watch({.on_open =
                                                            [&](Connection& accepted) {
                                                              accepted.PauseReading();
                                                              front = accepted.handle();
                                                              onward->Connect();
                                                            },
                                                        .on_bytes = [](Connection&, Buffer&) {}}),
                                     {.connection = limited});
  onward = std::make_unique<StreamClient>(env_->server_loop(), server_->address(),
                                          relay_audit.Watch({.on_open =
                                                                 [&](Connection& back) {
                                                                   Couple(*front.Get(), back);
                                                                   front.ResumeReading();
                                                                 }}),
                                          StreamClientOptions{.connection = limited});
  StreamClient client(
      env_->client_loop(), relay->address(),
      client_audit_.Watch(
          {.on_open = [](Connection& c) { SendRecords(c, 200'000); }, .on_bytes = kDiscard}),
      {.connection = {.linger_timeout = minutes(1)}});
  client.Connect();
  EXPECT_TRUE(RunUntilClosed());
  EXPECT_TRUE(env_->RunUntil([&] { return relay_audit.closed() == 2; }));
  EXPECT_TRUE(reader.complete());
  EXPECT_GE(reader.bytes(), 200'000u);
  client.Stop();
  onward.reset();
  relay.reset();
}

INSTANTIATE_TEST_SUITE_P(Machines, RateTest, testing::ValuesIn(FewMachines()), MachineName);

}  // namespace
}  // namespace spindle
