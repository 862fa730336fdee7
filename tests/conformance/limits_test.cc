// Budgets of memory, and limits of a server: per peer, per second, of unread input. On every
// machine.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
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

class LimitsTest : public ServedTest {
 protected:
  void ExpectNothingKept() {
    EXPECT_EQ(server_->stats().buffered_bytes, 0u);
    EXPECT_EQ(server_->stats().paused_now, 0u);
  }
};

constexpr size_t kStep = 20'000;

// Forty peers that never read and a producer that writes to each whenever it may; five that read
// must get all of theirs. `seen`: the most that was kept at any time.
TEST_P(LimitsTest, LargestAreClosedAtTheBudget_R8) {
  constexpr size_t kBudget = 1'000'000;
  constexpr uint64_t kSilent = 40;
  std::atomic<uint64_t> opened{0};
  Listen({.on_open = [&](Connection&) { ++opened; },
          .on_bytes =
              [](Connection& c, Buffer& in) {
                if (in == "greedy") {
                  in.Clear();
                  c.loop().RunEvery(milliseconds(1), [handle = c.handle()] {
                    if (Connection* target = handle.Get()) target->Write(std::string(kStep, 'x'));
                  });
                } else {
                  c.Write(std::move(in));
                }
              }},
         {.connection = {.send_buffer = 4096},
          .memory = {.server_bytes = kBudget, .policy = MemoryPolicy::kCloseLargest}});
  for (uint64_t i = 0; i < kSilent; ++i) {
    Connect({.on_open =
                 [](Connection& c) {
                   c.Write("greedy");
                   c.PauseReading();
                 }},
            {.connection = {.receive_buffer = 4096}});
  }
  uint64_t answers = 0;
  for (int i = 0; i < 5; ++i) {
    // By a timer: answer on answer takes no time in the simulator, so that nothing else would
    // happen.
    Connect({.on_open =
                 [](Connection& c) {
                   c.loop().RunEvery(milliseconds(1), [handle = c.handle()] {
                     if (Connection* target = handle.Get()) target->Write("healthy");
                   });
                 },
             .on_bytes =
                 [&](Connection&, Buffer& in) {
                   answers += in.size();
                   in.Clear();
                 }});
  }
  ASSERT_TRUE(env_->RunUntil(
      [&] { return server_audit_.closed(CloseKind::kMemoryLimit) == kSilent && answers > 5000; }));
  const StreamServerStats stats = server_->stats();
  EXPECT_EQ(stats.budget_closed, kSilent);
  EXPECT_GE(stats.buffered_peak, kBudget / 2);
  EXPECT_LE(stats.buffered_peak, kBudget + 45 * kStep);
  EXPECT_EQ(server_audit_.closed(), kSilent) << "others were ended, too";
}

TEST_P(LimitsTest, WritesAreRefusedAtTheBudget_R8) {
  constexpr size_t kBudget = 500'000;
  constexpr int kSilent = 20;
  std::atomic<uint64_t> refused{0};
  Listen({.on_bytes =
              [&](Connection& c, Buffer& in) {
                const bool greedy = in != "ask";
                in.Clear();
                if (!greedy) {
                  c.Write("answer");
                  return;
                }
                c.loop().RunEvery(milliseconds(1), [&refused, handle = c.handle()] {
                  Connection* const target = handle.Get();
                  if (target == nullptr) return;
                  const IoError error = target->Write(std::string(kStep, 'x'));
                  if (error.code() == ENOBUFS) ++refused;
                });
              }},
         {.connection = {.send_buffer = 4096},
          .memory = {.loop_bytes = kBudget, .policy = MemoryPolicy::kRefuseWrites}});
  std::vector<StreamClient*> silent;
  for (int i = 0; i < kSilent; ++i) {
    silent.push_back(&Connect({.on_open =
                                   [](Connection& c) {
                                     c.Write("greedy");
                                     c.PauseReading();
                                   },
                               .on_bytes = kDiscard},
                              {.connection = {.receive_buffer = 4096}}));
  }
  ASSERT_TRUE(env_->RunUntil([&] { return refused > 2000; }));
  const StreamServerStats stats = server_->stats();
  EXPECT_EQ(stats.budget_closed, 0u);
  EXPECT_GE(stats.budget_refusals, 2000u);
  EXPECT_LE(stats.buffered_bytes, 4 * (kBudget + kSilent * kStep));
  EXPECT_EQ(server_audit_.closed(), 0u);
  // Whose peer reads gets its answers all the same.
  bool answered = false;
  StreamClient& healthy = Connect({.on_open = [](Connection& c) { c.Write("ask"); },
                                   .on_bytes =
                                       [&](Connection&, Buffer& in) {
                                         answered = true;
                                         in.Clear();
                                       }});
  ASSERT_TRUE(env_->RunUntil([&] { return answered; }));
  silent.push_back(&healthy);
  for (StreamClient* client : silent) client->connection()->Abort();
  ASSERT_TRUE(env_->RunUntil([&] { return server_audit_.closed() == kSilent + 1; }));
  ExpectNothingKept();
}

// Echo peers that send much and read late: reading from them pauses near the budget, goes on when
// they have read, and not a byte is lost.
TEST_P(LimitsTest, ReadingPausesNearTheBudgetAndGoesOn) {
  constexpr size_t kBudget = 2'400'000;  // An eighth is more than four blocks.
  constexpr uint64_t kRecords = 300;
  Listen({.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }},
         {.connection = {.pause_reading_above_high_water = false,
                         .reads_per_turn = 1,
                         .send_buffer = 4096,
                         .receive_buffer = 4096},
          .memory = {.server_bytes = kBudget, .policy = MemoryPolicy::kCloseLargest}});
  constexpr int kPeers = 4;
  std::vector<RecordReader> readers(kPeers);
  std::vector<StreamClient*> peers;
  for (int i = 0; i < kPeers; ++i) {
    peers.push_back(&Connect({.on_open =
                                  [](Connection& c) {
                                    c.PauseReading();
                                    RecordWriter writer;
                                    for (uint64_t k = 0; k < kRecords; ++k)
                                      c.Write(writer.Next(8000));
                                    c.ShutdownWrite();
                                  },
                              .on_bytes =
                                  [&, i](Connection&, Buffer& in) {
                                    readers[i].Feed(in.ToString());
                                    in.Clear();
                                  }},
                             {.connection = {.pause_reading_above_high_water = false,
                                             .close_timeout = seconds(0),
                                             .receive_buffer = 4096}}));
  }
  ASSERT_TRUE(env_->RunUntil([&] { return server_->stats().paused_now > 0; }));
  for (StreamClient* peer : peers) peer->connection()->ResumeReading();
  ASSERT_TRUE(env_->RunUntil(
      [&] { return client_audit_.closed() == kPeers && server_audit_.closed() == kPeers; }));
  for (const RecordReader& reader : readers) {
    EXPECT_TRUE(reader.complete());
    EXPECT_EQ(reader.records(), kRecords);
  }
  EXPECT_EQ(server_->stats().budget_closed, 0u);
  EXPECT_LE(server_->stats().buffered_peak, kBudget);
  ExpectNothingKept();
}

TEST_P(LimitsTest, UnreadInputIsCountedAndLimited) {
  std::atomic<bool> consume{false};
  ConnectionHandle handle;
  std::atomic<bool> known{false};
  Listen({.on_open =
              [&](Connection& c) {
                handle = c.handle();
                known = true;
              },
          .on_bytes =
              [&](Connection&, Buffer& in) {
                if (consume) in.Clear();
              }},
         {.connection = {.input_limit = 100'000}});
  StreamClient& client =
      Connect({.on_open = [](Connection& c) { c.Write(std::string(50'000, 'x')); }});
  ASSERT_TRUE(env_->RunUntil([&] { return known && server_->stats().buffered_bytes == 50'000; }));
  consume = true;
  client.connection()->Write("!");
  ASSERT_TRUE(env_->RunUntil([&] { return server_->stats().buffered_bytes == 0; }));
  consume = false;
  client.connection()->Write(std::string(150'000, 'y'));
  ASSERT_TRUE(env_->RunUntil([&] { return server_audit_.closed() == 1; }));
  EXPECT_EQ(server_audit_.closed(CloseKind::kInputLimit), 1u);
  EXPECT_GE(server_->stats().buffered_peak, 100'000u - 65536u);
  ExpectNothingKept();
}

TEST_P(LimitsTest, WhoPausesMayLeaveMoreThanTheInputLimit) {
  std::atomic<uint64_t> calls{0};
  std::atomic<uint64_t> received{0};
  Listen({.on_bytes =
              [&](Connection& c, Buffer& in) {
                // Every other time: later.
                if (++calls % 2 == 1) {
                  c.PauseReading();
                  c.handle().Run([](Connection& self) { self.ResumeReading(); });
                } else {
                  received += in.size();
                  in.Clear();
                }
              }},
         {.connection = {.input_limit = 1}});
  Connect({.on_open = [](Connection& c) {
    c.Write(std::string(300'000, 'x'));
    c.Close();
  }});
  ASSERT_TRUE(env_->RunUntil([&] { return server_audit_.closed() == 1; }));
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerClosed), 1u);
  EXPECT_EQ(received + server_audit_.dropped(), 300'000u);
}

TEST_P(LimitsTest, NoPeerHasMoreThanItsConnections) {
  Listen({.on_open = [](Connection& c) { c.Write("welcome"); }, .on_bytes = kDiscard},
         {.refusal_message = "too many", .max_connections_per_peer = 3});
  int welcome = 0;
  int refused = 0;
  const auto count = [&](Connection&, Buffer& in) {
    const std::string text = in.ToString();
    in.Clear();
    if (text == "welcome") ++welcome;
    if (text == "too many") ++refused;
  };
  for (int i = 0; i < 5; ++i) Connect({.on_bytes = count});
  ASSERT_TRUE(env_->RunUntil([&] { return welcome + refused == 5; }));
  EXPECT_EQ(welcome, 3);
  EXPECT_EQ(server_->stats().refused_per_peer, 2u);
  EXPECT_EQ(server_->stats().refused, 0u);
  // The end of one makes room for one.
  for (const auto& client : clients_) {
    if (client->connection() != nullptr) {
      client->connection()->Close();
      break;
    }
  }
  ASSERT_TRUE(env_->RunUntil([&] { return server_audit_.closed() == 1; }));
  Connect({.on_bytes = count});
  ASSERT_TRUE(env_->RunUntil([&] { return welcome == 4; }));
  Connect({.on_bytes = count});
  ASSERT_TRUE(env_->RunUntil([&] { return refused == 3; }));
}

TEST_P(LimitsTest, AcceptsKeepToTheirRate) {
  const uint64_t rate = env_->simulated() ? 10 : 200;
  Listen({.on_open = [](Connection& c) { c.Write("welcome"); }, .on_bytes = kDiscard},
         {.accepts_per_second = rate, .accept_burst = 5});
  int welcome = 0;
  const TimePoint began = env_->client_loop().Now();
  for (int i = 0; i < 45; ++i) {
    Connect({.on_bytes = [&](Connection&, Buffer& in) {
      in.Clear();
      ++welcome;
    }});
  }
  ASSERT_TRUE(env_->RunUntil([&] { return welcome == 45; }));
  const double took = std::chrono::duration<double>(env_->client_loop().Now() - began).count();
  EXPECT_GE(took, 40.0 / static_cast<double>(rate) - 0.001);
  if (env_->simulated()) {
    EXPECT_LE(took, 40.0 / static_cast<double>(rate) + 0.2);
  }
  EXPECT_GT(server_->stats().accept_waits, 0u);
  EXPECT_EQ(server_->stats().accepted, 45u);
}

// Nobody who is in the queue when the listening ends is reset, whatever the rate.
TEST_P(LimitsTest, QueueIsEmptiedAtTheEndWhateverTheRate_A5) {
  Listen({.on_open = [](Connection& c) { c.Write("welcome"); }, .on_bytes = kDiscard},
         {.accepts_per_second = 1, .accept_burst = 1});
  int welcome = 0;
  for (int i = 0; i < 10; ++i) {
    Connect({.on_bytes = [&](Connection&, Buffer& in) {
      in.Clear();
      ++welcome;
    }});
  }
  ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.opened() == 10; }));
  server_->StopAccepting();
  ASSERT_TRUE(env_->RunUntil([&] { return welcome == 10; }));
  EXPECT_EQ(client_audit_.closed(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Machines, LimitsTest, testing::ValuesIn(FewMachines()), MachineName);

}  // namespace
}  // namespace spindle
