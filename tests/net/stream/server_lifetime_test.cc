// A server destroyed inside each kind of callback, on worker and main loops; loops that go before
// their servers and clients.

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ServerLifetimeTest : public StreamEnvTest {
 protected:
  // Three connections, all of which talk; `callbacks` are the server's.
  void Run(ConnectionCallbacks callbacks, StreamServerOptions options = {}) {
    options.connection.peer_fin = PeerFinPolicy::kKeepWriting;
    options.connection.high_water_mark = 1000;
    options.connection.low_water_mark = 100;
    server_ = env_->Listen(server_audit_.Watch(std::move(callbacks)), std::move(options));
    for (auto& client : clients_) {
      client = std::make_unique<StreamClient>(
          env_->client_loop(), server_->address(),
          client_audit_.Watch({.on_open =
                                   [](Connection& c) {
                                     c.Write("hello");
                                     c.ShutdownWrite();
                                   },
                               .on_bytes = [](Connection&, Buffer& in) { in.Clear(); }}));
      client->Connect();
    }
    ASSERT_TRUE(env_->RunUntil([&] { return destroyed_.load(); }));
    EXPECT_EQ(server_audit_.open(), 0u);
    ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.open() == 0; }));
    server_.reset();
  }
  // Destroys the server, once, and uses the connection afterwards.
  void Destroy(Connection& c) {
    if (destroying_.exchange(true)) return;
    server_.reset();
    EXPECT_TRUE(c.closed());
    EXPECT_EQ(c.Write("after").code(), EPIPE);
    EXPECT_FALSE(c.handle().Write("after"));
    c.PauseReading();
    c.ResumeReading();
    c.SetIdleTimeout(seconds(1));
    c.ShutdownWrite();
    c.CloseAfterFlush(seconds(1));
    c.Abort();
    EXPECT_EQ(c.SetNoDelay(Toggle::kOn).code(), EBADF);
    EXPECT_FALSE(c.TcpInfo().ok());
    EXPECT_TRUE(c.local_address().is_unspecified());
    destroyed_ = true;
  }
  void TearDown() override {
    for (auto& client : clients_) client.reset();
    server_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }

  StreamAudit server_audit_;
  StreamAudit client_audit_;
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(GetParam());
  std::unique_ptr<StreamServer> server_;
  std::unique_ptr<StreamClient> clients_[3];
  std::atomic<bool> destroying_{false};
  std::atomic<bool> destroyed_{false};
};

void Talk(Connection& c) { c.Write(std::string(20'000'000, 't')); }

TEST_P(ServerLifetimeTest, DestroyedInsideOnOpen_D1) {
  Run({.on_open = [&](Connection& c) { Destroy(c); }});
}

TEST_P(ServerLifetimeTest, DestroyedInsideOnBytes_D1) {
  Run({.on_bytes = [&](Connection& c, Buffer& in) {
    Destroy(c);
    EXPECT_EQ(in.ToString().substr(0, 1), "h");
  }});
}

TEST_P(ServerLifetimeTest, DestroyedInsideOnReadClosed_D1) {
  Run({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); },
       .on_read_closed = [&](Connection& c) { Destroy(c); }});
}

TEST_P(ServerLifetimeTest, DestroyedInsideOnPause_D1) {
  Run({.on_open = Talk, .on_pause = [&](Connection& c) { Destroy(c); }});
}

TEST_P(ServerLifetimeTest, DestroyedInsideOnResume_D1) {
  Run({.on_open = Talk, .on_resume = [&](Connection& c) { Destroy(c); }});
}

TEST_P(ServerLifetimeTest, DestroyedInsideOnDrained_D1) {
  Run({.on_open = [](Connection& c) { c.Write("x"); },
       .on_drained = [&](Connection& c) { Destroy(c); }});
}

TEST_P(ServerLifetimeTest, DestroyedInsideOnClose_D1) {
  Run({.on_bytes = [](Connection& c, Buffer&) { c.Abort(); },
       .on_close = [&](Connection& c, const CloseReason&) { Destroy(c); }});
}

TEST_P(ServerLifetimeTest, DestroyedInsideOnDrain_D1) {
  std::atomic<bool> draining{false};
  Run({.on_open =
           [&](Connection& c) {
             if (draining.exchange(true)) return;
             c.loop().Post([&] { server_->Drain(seconds(60), nullptr); });
           },
       .on_drain = [&](Connection& c) { Destroy(c); }});
}

TEST_P(ServerLifetimeTest, DestroyedInsideDrainsDone_D1) {
  std::atomic<int> opened{0};
  Run({.on_open =
           [&](Connection&) {
             if (++opened < 3) return;
             server_->Drain(milliseconds(1), [&](const DrainResult& result) {
               EXPECT_EQ(result.finished + result.forced, 3u);
               server_.reset();
               destroyed_ = true;
             });
           },
       .on_drain = [](Connection&) {}});
}

// A connection waits in the kernel's queue, which StopAccepting empties.
TEST_P(ServerLifetimeTest, DestroyedInsideStopAcceptingAndDrain_D1) {
  if (GetParam().kind == Machine::Kind::kSimMild) GTEST_SKIP() << "accept may fail";
  for (const bool drain : {false, true}) {
    StreamServerOptions options;
    options.place = [&](const SocketAddress&, size_t) {
      server_.reset();
      return size_t{0};
    };
    server_ = env_->Listen(server_audit_.Watch({}), std::move(options));
    StreamClient client(env_->client_loop(), server_->address(), client_audit_.Watch({}));
    client.Connect();
    StreamServer& server = *server_;
    if (drain) {
      EXPECT_TRUE(server.Drain(seconds(1), [](const DrainResult&) { FAIL() << "done"; }));
    } else {
      server.StopAccepting();
    }
    EXPECT_EQ(server_, nullptr);
    env_->Settle();
  }
}

// The user's state owns the server: it goes when a connection does.
TEST_P(ServerLifetimeTest, DestroyedWithTheUsersData_D1) {
  struct Owner {
    explicit Owner(std::function<void()> function) : at_the_end(std::move(function)) {}
    ~Owner() { at_the_end(); }
    const std::function<void()> at_the_end;
  };
  const auto destroy = [&] {
    if (destroying_.exchange(true)) return;
    server_.reset();
    destroyed_ = true;
  };
  Run({.on_open = [&](Connection& c) { c.EmplaceData<Owner>(destroy); },
       .on_bytes = [](Connection& c, Buffer&) { c.Abort(); }});
}

// Callbacks may look at the server while it is being destroyed: on its connections' last words, and
// on other threads until their loop has been asked.
TEST_P(ServerLifetimeTest, LookedAtWhileBeingDestroyed_D1) {
  std::atomic<StreamServer*> server{nullptr};
  std::atomic<uint64_t> looked{0};
  const auto look = [&] {
    if (StreamServer* now = server.load()) looked += now->connections() + now->stats().accepted;
  };
  server_ = env_->Listen(
      server_audit_.Watch({.on_bytes =
                               [&](Connection& c, Buffer& in) {
                                 look();
                                 c.Write(std::move(in));
                               },
                           .on_close = [&](Connection&, const CloseReason&) { look(); }}));
  server = server_.get();
  for (auto& client : clients_) {
    client = std::make_unique<StreamClient>(
        env_->client_loop(), server_->address(),
        client_audit_.Watch(
            {.on_open = [](Connection& c) { c.Write("ping"); },
             .on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }}));
    client->Connect();
  }
  ASSERT_TRUE(env_->RunUntil([&] { return server_audit_.opened() == 3 && looked > 100; }));
  delete server_.release();
  server = nullptr;
  EXPECT_EQ(server_audit_.open(), 0u);
}

TEST_P(ServerLifetimeTest, LoopsDestroyedBeforeServerAndClient_D1) {
  server_ = env_->Listen(server_audit_.Watch({.on_open = Talk}));
  for (auto& client : clients_) {
    client = std::make_unique<StreamClient>(env_->client_loop(), server_->address(),
                                            client_audit_.Watch({}));
    client->Connect();
  }
  ASSERT_TRUE(
      env_->RunUntil([&] { return server_audit_.opened() == 3 && client_audit_.opened() == 3; }));
  clients_[2]->Stop();
  env_->DestroyLoops();
  EXPECT_EQ(server_audit_.open(), 0u);
  EXPECT_EQ(client_audit_.open(), 0u);
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_EQ(server_->stats().accepted, 3u);
  server_->StopAccepting();
  server_.reset();
}

TEST_P(ServerLifetimeTest, DestroyedInsideOnCloseOfItsLoopsEnd_D1) {
  server_ = env_->Listen(server_audit_.Watch(
      {.on_open = Talk, .on_close = [&](Connection& c, const CloseReason&) { Destroy(c); }}));
  for (auto& client : clients_) {
    client = std::make_unique<StreamClient>(env_->client_loop(), server_->address(),
                                            client_audit_.Watch({}));
    client->Connect();
  }
  ASSERT_TRUE(env_->RunUntil([&] { return server_audit_.opened() == 3; }));
  env_->DestroyLoops();
  EXPECT_TRUE(destroyed_);
}

TEST_P(ServerLifetimeTest, CreatedAndDestroyedManyTimes_Z3) {
  for (int i = 0; i < 300; ++i) {
    server_ = env_->Listen(
        server_audit_.Watch({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }}));
    clients_[0] = std::make_unique<StreamClient>(
        env_->client_loop(), server_->address(),
        client_audit_.Watch({.on_open = [](Connection& c) { c.Write("x"); }}));
    clients_[0]->Connect();
    if (i % 3 == 0) {
      ASSERT_TRUE(env_->RunUntil([&] { return client_audit_.open() == 1; }));
    }
    if (i % 2 == 0) clients_[0].reset();
    server_.reset();
    clients_[0].reset();
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, ServerLifetimeTest, testing::ValuesIn(FewMachines()),
                         MachineName);

}  // namespace
}  // namespace spindle
