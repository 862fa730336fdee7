// Two connections coupled into a relay, on every machine: client, relay, upstream server.

#include <memory>
#include <string>

#include "base/live_counter.h"
#include "gtest/gtest.h"
#include "net/stream/couple.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/record_stream.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

void Discard(Connection&, Buffer& input) { input.Clear(); }

// All on the test's own loops: what callbacks note needs no lock.
class RelayTest : public StreamEnvTest {
 protected:
  // A relay to `upstream`, between `client` and it.
  void Start(ConnectionCallbacks upstream, ConnectionCallbacks client,
             ConnectionOptions relay = {}) {
    relay_audit_.ExpectForwarding();
    upstream_ = *StreamServer::Listen(env_->client_loop(), SocketAddress::LoopbackV4(0),
                                      upstream_audit_.Watch(std::move(upstream)),
                                      {.connection = {.peer_fin = PeerFinPolicy::kKeepWriting}});
    relay_ = *StreamServer::Listen(
        env_->server_loop(), SocketAddress::LoopbackV4(0),
        relay_audit_.Watch(
            {.on_open = [this, relay](Connection& c) { ConnectUpstream(c, relay); },
             .on_bytes = [](Connection&, Buffer&) {},
             .on_close = [this](Connection&, const CloseReason&) { front_ = nullptr; }}),
        {.connection = relay});
    client_ = std::make_unique<StreamClient>(
        env_->client_loop(), relay_->address(), client_audit_.Watch(std::move(client)),
        StreamClientOptions{.connection = {.peer_fin = PeerFinPolicy::kKeepWriting}});
    client_->Connect();
  }

  void ConnectUpstream(Connection& accepted, const ConnectionOptions& options) {
    front_ = &accepted;
    accepted.PauseReading();  // Its input waits in the socket until there is a way on.
    ConnectionCallbacks callbacks;
    callbacks.on_open = [this](Connection& back) {
      back_ = &back;
      if (front_ == nullptr) return back.Close();
      Couple(*front_, back);
      front_->ResumeReading();
    };
    callbacks.on_close = [this](Connection&, const CloseReason&) { back_ = nullptr; };
    forward_ = std::make_unique<StreamClient>(env_->server_loop(), upstream_->address(),
                                              relay_audit_.Watch(std::move(callbacks)),
                                              StreamClientOptions{.connection = options});
    forward_->Connect();
  }

  bool RunUntilClosed() {
    return env_->RunUntil([&] {
      return client_audit_.closed() == 1 && relay_audit_.closed() == 2 &&
             upstream_audit_.closed() == 1;
    });
  }
  void TearDown() override {
    client_.reset();
    relay_.reset();
    forward_.reset();
    upstream_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }

  StreamAudit upstream_audit_;
  StreamAudit relay_audit_;
  StreamAudit client_audit_;
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(GetParam());
  // While they are open.
  Connection* front_ = nullptr;
  Connection* back_ = nullptr;
  std::unique_ptr<StreamServer> upstream_;
  std::unique_ptr<StreamServer> relay_;
  std::unique_ptr<StreamClient> forward_;
  std::unique_ptr<StreamClient> client_;
};

TEST_P(RelayTest, CarriesBytesAndFinsBothWays) {
  RecordReader question;
  RecordReader answer(2);
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               question.Feed(in.ToString());
               in.Clear();
             },
         // The answer begins when the question has ended: a relay that closes both ways on the
         // first FIN loses it.
         .on_read_closed =
             [&](Connection& c) {
               RecordWriter writer(2);
               for (size_t i = 0; i < 100; ++i) c.Write(writer.Next(i * 997));
               c.Close();
             }},
        {.on_open =
             [](Connection& c) {
               RecordWriter writer(1);
               for (size_t i = 0; i < 100; ++i) c.Write(writer.Next(i * 1009));
               c.ShutdownWrite();
             },
         .on_bytes =
             [&](Connection&, Buffer& in) {
               answer.Feed(in.ToString());
               in.Clear();
             },
         .on_read_closed = [](Connection& c) { c.Close(); }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(question.complete());
  EXPECT_EQ(question.records(), 100u);
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.records(), 100u);
  EXPECT_EQ(relay_audit_.discarded() + relay_audit_.dropped(), 0u);
}

TEST_P(RelayTest, WhoDoesNotReadPausesTheOtherSide_R8) {
  ConnectionHandle sink;
  constexpr size_t kTotal = 32 * 1024 * 1024;
  size_t received = 0;
  Start({.on_open =
             [&](Connection& c) {
               c.PauseReading();
               sink = c.handle();
             },
         .on_bytes =
             [&](Connection&, Buffer& in) {
               received += in.size();
               in.Clear();
             },
         .on_read_closed = [](Connection& c) { c.Close(); }},
        {.on_open =
             [](Connection& c) {
               c.Write(std::string(kTotal, 'x'));
               c.ShutdownWrite();
             },
         .on_read_closed = [](Connection& c) { c.Close(); }},
        {.high_water_mark = 100'000, .low_water_mark = 10'000});
  ASSERT_TRUE(env_->RunUntil([&] {
    return back_ != nullptr && back_->output_queued() > 100'000 && front_->reading_paused();
  }));
  ASSERT_NE(back_, nullptr);
  // The mark, and one turn's reads.
  EXPECT_LE(back_->output_queued(), 100'000u + 16 * Chunk::kLargeCapacity);
  EXPECT_TRUE(sink.ResumeReading());
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, kTotal);
}

TEST_P(RelayTest, SmallMessagesThatWaitKeepNoLargeBlocks) {
  Connection* source = nullptr;
  ConnectionHandle sink;
  uint64_t sent = 0;
  constexpr uint64_t kMessages = 4000;
  Start({.on_open =
             [&](Connection& c) {
               c.SetReceiveBuffer(4096);
               c.PauseReading();
               sink = c.handle();
             },
         .on_bytes = Discard},
        {.on_open = [&](Connection& c) { source = &c; }},
        {.output_limit = 1 << 30, .send_buffer = 4096});
  ASSERT_TRUE(env_->RunUntil([&] { return source != nullptr && back_ != nullptr; }));
  // Each message is read by the relay before the next one is sent.
  const auto forwarded = [&] { return back_->ledger().accepted; };
  while (sent < kMessages) {
    ASSERT_TRUE(source->Write(std::string(100, 'm')).ok());
    ++sent;
    ASSERT_TRUE(env_->RunUntil([&] { return forwarded() == 100 * sent; }));
  }
  EXPECT_GT(back_->output_queued(), 100'000u);
  EXPECT_LT(LiveCount<Chunk>(), 400);  // Not one for each message.
  source->Abort();
  ASSERT_TRUE(RunUntilClosed());
}

TEST_P(RelayTest, AResetOnOneSideIsAResetOnTheOther) {
  Start({.on_bytes = Discard, .on_read_closed = [](Connection& c) { c.Close(); }},
        {.on_open = [](Connection& c) { c.Write("before"); }});
  ASSERT_TRUE(env_->RunUntil([&] { return back_ != nullptr; }));
  client_->connection()->Abort();
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(relay_audit_.closed(CloseKind::kPeerReset), 1u);
  EXPECT_EQ(relay_audit_.closed(CloseKind::kLocalAbort), 1u);
  EXPECT_EQ(upstream_audit_.closed(CloseKind::kPeerReset), 1u);
}

TEST_P(RelayTest, ADeadlineOnOneSideClosesTheOtherInOrder) {
  Start({.on_bytes = Discard, .on_read_closed = [](Connection& c) { c.Close(); }},
        {.on_open = [](Connection& c) { c.Write("then silence"); },
         .on_read_closed = [](Connection& c) { c.Close(); }});
  ASSERT_TRUE(env_->RunUntil([&] { return upstream_audit_.opened() == 1 && back_ != nullptr; }));
  front_->SetTotalTimeout(std::chrono::milliseconds(20));
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(relay_audit_.closed(CloseKind::kTotalTimeout), 1u);
  EXPECT_EQ(upstream_audit_.received(), 12u);
  EXPECT_EQ(upstream_audit_.closed(CloseKind::kLocalClose) +
                upstream_audit_.closed(CloseKind::kPeerClosed),
            1u);
}

TEST_P(RelayTest, CouplingWithAClosedConnectionClosesTheOther) {
  Start({.on_bytes = Discard, .on_read_closed = [](Connection& c) { c.Close(); }},
        {.on_open = [](Connection& c) { c.Close(); }});
  // The client may be gone before the upstream connection stands: then on_open there finds nobody.
  ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.closed() == 1; }));
  client_.reset();
  relay_.reset();
  forward_.reset();
  ASSERT_TRUE(env_->RunUntil([&] { return upstream_audit_.open() == 0; }));
}

TEST_P(RelayTest, TheServerMayBeDestroyedInTheMiddle) {
  Start({.on_bytes = Discard, .on_read_closed = [](Connection& c) { c.Close(); }},
        {.on_open = [](Connection& c) { c.Write(std::string(5 << 20, 'x')); },
         .on_bytes = Discard,
         .on_read_closed = [](Connection& c) { c.Close(); }});
  ASSERT_TRUE(env_->RunUntil([&] { return upstream_audit_.opened() == 1 && back_ != nullptr; }));
  relay_.reset();
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(relay_audit_.closed(CloseKind::kServerStopped), 1u);
}

INSTANTIATE_TEST_SUITE_P(Machines, RelayTest,
                         testing::ValuesIn(std::vector<Machine>{{Machine::Kind::kKernel, 0},
                                                                {Machine::Kind::kSim},
                                                                {Machine::Kind::kSimMild}}),
                         MachineName);

}  // namespace
}  // namespace spindle
