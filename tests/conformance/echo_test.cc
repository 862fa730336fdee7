// Echo of every size, on every machine: byte-exact, in order, and nothing left behind.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/record_stream.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

class EchoTest : public StreamEnvTest {
 protected:
  ConnectionCallbacks Echo() {
    return server_audit_.Watch({.on_bytes = [](Connection& connection, Buffer& input) {
      EXPECT_TRUE(connection.Write(std::move(input)).ok());
    }});
  }

  StreamAudit server_audit_;
  StreamAudit client_audit_;
};

// A client that sends records of the given sizes and closes when all have come back.
class EchoClient {
 public:
  EchoClient(StreamEnv& env, const SocketAddress& server, StreamAudit& audit, uint32_t stream,
             std::vector<size_t> sizes)
      : writer_(stream), reader_(stream), sizes_(std::move(sizes)) {
    ConnectionCallbacks callbacks;
    callbacks.on_open = [this](Connection& connection) { SendMore(connection); };
    callbacks.on_drained = [this](Connection& connection) { SendMore(connection); };
    callbacks.on_bytes = [this](Connection& connection, Buffer& input) {
      input.ForEachSegment([this](std::string_view piece) { reader_.Feed(piece); });
      input.Clear();
      EXPECT_TRUE(reader_.ok());
      if (reader_.records() == sizes_.size()) connection.Close();
    };
    callbacks.on_close = [this](Connection&, const CloseReason& reason) { reason_ = reason; };
    // One side must read whatever it has to write, or both wait for each other.
    client_ = std::make_unique<StreamClient>(
        env.client_loop(), server, audit.Watch(std::move(callbacks)),
        StreamClientOptions{.connection = {.pause_reading_above_high_water = false}});
    client_->Connect();
  }

  bool done() const { return reason_.kind != CloseKind::kNone; }
  const CloseReason& reason() const { return reason_; }
  const RecordReader& reader() const { return reader_; }

 private:
  void SendMore(Connection& connection) {
    if (connection.closing()) return;
    while (sent_ < sizes_.size() && connection.output_queued() < 256 * 1024) {
      EXPECT_TRUE(connection.Write(writer_.Next(sizes_[sent_++])).ok());
    }
  }

  RecordWriter writer_;
  RecordReader reader_;
  const std::vector<size_t> sizes_;
  size_t sent_ = 0;
  CloseReason reason_;
  std::unique_ptr<StreamClient> client_;
};

std::vector<size_t> PowersAndNeighbours(int last) {
  std::vector<size_t> sizes = {0, 1};
  for (int k = 1; k <= last; ++k) {
    for (const int delta : {-1, 0, 1})
      sizes.push_back((size_t{1} << k) + static_cast<size_t>(delta));
  }
  return sizes;
}

TEST_P(EchoTest, EverySizeComesBackExact_R1) {
  StreamEnv env(GetParam());
  auto server = env.Listen(Echo());
  EchoClient client(env, server->address(), client_audit_, 1, PowersAndNeighbours(21));
  ASSERT_TRUE(env.RunUntil([&] { return client.done() && server->connections() == 0; }));
  EXPECT_EQ(client.reason().kind, CloseKind::kLocalClose);
  EXPECT_TRUE(client.reader().complete());
  server.reset();
  EXPECT_EQ(server_audit_.received(), client.reader().bytes());
  EXPECT_EQ(server_audit_.sent(), server_audit_.received());
  EXPECT_EQ(client_audit_.sent(), client_audit_.received());
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerClosed), 1u);
}

TEST_P(EchoTest, SmallBuffersCutEveryRecord_R1) {
  StreamEnv env(GetParam());
  StreamServerOptions options;
  options.connection.send_buffer = 4096;
  options.connection.receive_buffer = 4096;
  auto server = env.Listen(Echo(), std::move(options));
  EchoClient client(env, server->address(), client_audit_, 1, PowersAndNeighbours(15));
  ASSERT_TRUE(env.RunUntil([&] { return client.done() && server->connections() == 0; }));
  EXPECT_TRUE(client.reader().complete());
}

TEST_P(EchoTest, ManyConnectionsAtOnceDoNotMixUp) {
  StreamEnv env(GetParam());
  auto server = env.Listen(Echo());
  std::vector<std::unique_ptr<EchoClient>> clients;
  for (uint32_t i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<EchoClient>(env, server->address(), client_audit_, i,
                                                   std::vector<size_t>{i, 100, i * 200, 7}));
  }
  ASSERT_TRUE(env.RunUntil([&] {
    return server->connections() == 0 &&
           std::all_of(clients.begin(), clients.end(), [](const auto& c) { return c->done(); });
  }));
  for (const auto& client : clients) {
    EXPECT_TRUE(client->reader().complete());
    EXPECT_EQ(client->reason().kind, CloseKind::kLocalClose);
  }
  EXPECT_EQ(server->stats().accepted, 50u);
  EXPECT_EQ(server_audit_.opened(), 50u);
}

// One byte at a time: as many messages as bytes, at most one write each.
TEST_P(EchoTest, LockStepOfSingleBytes) {
  StreamEnv env(GetParam());
  auto server = env.Listen(Echo());
  int rounds = 0;
  StreamClient client(env.client_loop(), server->address(),
                      client_audit_.Watch({.on_open = [](Connection& c) { c.Write("x"); },
                                           .on_bytes =
                                               [&](Connection& c, Buffer& input) {
                                                 EXPECT_EQ(input.size(), 1u);
                                                 input.Clear();
                                                 if (++rounds == 500) {
                                                   c.Close();
                                                 } else {
                                                   c.Write("x");
                                                 }
                                               }}));
  client.Connect();
  ASSERT_TRUE(env.RunUntil([&] { return rounds == 500 && client.connection() == nullptr; }));
  ASSERT_TRUE(env.RunUntil([&] { return server->connections() == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Machines, EchoTest, testing::ValuesIn(AllMachines()), MachineName);

}  // namespace
}  // namespace spindle
