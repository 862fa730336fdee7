#include "net/stream/stream_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// On the kernel, with three workers unless a test wants others.
class StreamServerTest : public LeakCheckTest {
 protected:
  void Start(size_t workers) {
    env_ = std::make_unique<StreamEnv>(Machine{Machine::Kind::kKernel, workers});
  }
  void Listen(StreamServerOptions options = {}, ConnectionCallbacks callbacks = {}) {
    if (!callbacks.on_bytes) {
      callbacks.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); };
    }
    server_ = env_->Listen(audit_.Watch(std::move(callbacks)), std::move(options));
  }
  std::vector<RawPeer> Connect(size_t count) {
    std::vector<RawPeer> peers;
    for (size_t i = 0; i < count; ++i) peers.push_back(RawPeer::Connect(server_->address()));
    return peers;
  }
  bool RunUntilOpen(size_t count) {
    return env_->RunUntil([&] { return server_->connections() == count; });
  }
  bool Echoes(const SocketAddress& address) {
    RawPeer peer = RawPeer::Connect(address);
    if (peer.fd() < 0) return false;
    bool sent = false;
    return env_->RunUntil([&] {
      if (!sent) sent = peer.Send("echo");
      peer.Receive();
      return peer.received() == "echo";
    });
  }
  void TearDown() override {
    server_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }

  const Watchdog watchdog_{minutes(4)};
  StreamAudit audit_;
  std::unique_ptr<StreamEnv> env_;
  std::unique_ptr<StreamServer> server_;
};

using Counts = std::vector<uint64_t>;

TEST_F(StreamServerTest, RoundRobinIsExact) {
  Start(3);
  Listen();
  std::vector<RawPeer> peers = Connect(7);
  ASSERT_TRUE(RunUntilOpen(7));
  EXPECT_EQ(server_->stats().accepted_per_loop, (Counts{3, 2, 2}));
}

TEST_F(StreamServerTest, LeastConnectionsFillsTheEmptiestLoop) {
  Start(3);
  StreamServerOptions options;
  options.placement = Placement::kLeastConnections;
  Listen(std::move(options));
  std::vector<RawPeer> peers;
  for (int i = 0; i < 6; ++i) {
    peers.push_back(RawPeer::Connect(server_->address()));
    ASSERT_TRUE(RunUntilOpen(peers.size()));
  }
  EXPECT_EQ(server_->stats().open_per_loop, (std::vector<size_t>{2, 2, 2}));
  // Those of the second loop go; the next two come there.
  peers[1].Reset();
  peers[4].Reset();
  ASSERT_TRUE(RunUntilOpen(4));
  std::vector<RawPeer> more = Connect(2);
  ASSERT_TRUE(RunUntilOpen(6));
  EXPECT_EQ(server_->stats().accepted_per_loop, (Counts{2, 4, 2}));
}

TEST_F(StreamServerTest, PeerHashKeepsAHostOnOneLoop) {
  Start(3);
  StreamServerOptions options;
  options.placement = Placement::kPeerHash;
  Listen(std::move(options));
  std::vector<RawPeer> peers = Connect(9);
  ASSERT_TRUE(RunUntilOpen(9));
  const Counts counts = server_->stats().accepted_per_loop;
  EXPECT_EQ(*std::max_element(counts.begin(), counts.end()), 9u);
}

TEST_F(StreamServerTest, PlaceFunctionDecides) {
  Start(3);
  StreamServerOptions options;
  options.place = [](const SocketAddress& peer, size_t loops) {
    EXPECT_TRUE(peer.is_loopback());
    EXPECT_EQ(loops, 3u);
    return size_t{5};  // 2, modulo the number of loops.
  };
  Listen(std::move(options));
  std::vector<RawPeer> peers = Connect(4);
  ASSERT_TRUE(RunUntilOpen(4));
  EXPECT_EQ(server_->stats().accepted_per_loop, (Counts{0, 0, 4}));
}

TEST_F(StreamServerTest, ReusePortListensOnEachLoop_A5) {
  Start(3);
  StreamServerOptions options;
  options.placement = Placement::kReusePort;
  Listen(std::move(options));
  std::vector<RawPeer> peers = Connect(60);
  ASSERT_TRUE(RunUntilOpen(60));
  const Counts counts = server_->stats().accepted_per_loop;
  EXPECT_EQ(counts[0] + counts[1] + counts[2], 60u);
  EXPECT_LT(*std::max_element(counts.begin(), counts.end()), 60u);
  ASSERT_TRUE(Echoes(server_->address()));
  server_->StopAccepting();
  RawPeer late = RawPeer::Connect(server_->address());
  if (late.fd() >= 0) {
    pollfd ready = {late.fd(), POLLOUT, 0};
    poll(&ready, 1, -1);
    EXPECT_EQ(late.GetInt(SOL_SOCKET, SO_ERROR), ECONNREFUSED);
  }
  EXPECT_EQ(
      env_->TryListen(*SocketAddress::UnixAbstract("x"), {}, {.placement = Placement::kReusePort})
          .status()
          .code(),
      absl::StatusCode::kInvalidArgument);
}

TEST_F(StreamServerTest, MaxConnectionsQueuesTheNext) {
  Start(2);
  StreamServerOptions options;
  options.max_connections = 3;
  Listen(std::move(options));
  std::vector<RawPeer> peers = Connect(8);
  for (RawPeer& peer : peers) peer.Send("x");
  ASSERT_TRUE(RunUntilOpen(3));
  size_t served = 3;
  for (RawPeer& peer : peers) {
    ASSERT_TRUE(env_->RunUntil([&] {
      peer.Receive();
      EXPECT_LE(server_->connections(), 3u);
      return peer.received() == "x";
    }));
    peer.Close();
    served = std::min<size_t>(8, served + 1);
  }
  ASSERT_TRUE(RunUntilOpen(0));
  EXPECT_EQ(server_->stats().accepted, 8u);
  EXPECT_EQ(server_->stats().refused, 0u);
}

TEST_F(StreamServerTest, MaxConnectionsRefusesWithAMessage) {
  Start(2);
  StreamServerOptions options;
  options.max_connections = 2;
  options.over_limit = OverLimit::kRefuse;
  options.refusal_message = "full\n";
  Listen(std::move(options));
  std::vector<RawPeer> peers = Connect(2);
  ASSERT_TRUE(RunUntilOpen(2));
  std::vector<RawPeer> refused = Connect(3);
  for (RawPeer& peer : refused) peer.Send("a request");
  for (RawPeer& peer : refused) {
    ASSERT_TRUE(env_->RunUntil([&] { return peer.Receive() != RawPeer::State::kOpen; }));
    EXPECT_EQ(peer.received(), "full\n");
  }
  EXPECT_EQ(server_->stats().refused, 3u);
  EXPECT_EQ(server_->stats().accepted, 2u);
  peers[0].Reset();
  ASSERT_TRUE(RunUntilOpen(1));
  EXPECT_TRUE(Echoes(server_->address()));
}

TEST_F(StreamServerTest, ListensOnV4V6AndDualStack) {
  Start(0);
  for (const char* text : {"127.0.0.1:0", "[::1]:0", "*:0", "[::]:0"}) {
    auto server = env_->TryListen(
        *SocketAddress::Parse(text),
        audit_.Watch({.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }}));
    ASSERT_TRUE(server.ok()) << server.status();
    const SocketAddress address = (*server)->address();
    EXPECT_NE(address.port(), 0);
    const bool v4 = std::string_view(text) != "[::1]:0";
    const bool v6 = address.family() == AF_INET6;
    EXPECT_TRUE(!v4 || Echoes(SocketAddress::LoopbackV4(address.port()))) << text;
    EXPECT_TRUE(!v6 || Echoes(SocketAddress::LoopbackV6(address.port()))) << text;
  }
  StreamServerOptions options;
  options.dual_stack = false;
  auto server = env_->TryListen(SocketAddress::AnyV6(0), {}, std::move(options));
  ASSERT_TRUE(server.ok()) << server.status();
  RawPeer peer = RawPeer::Connect(SocketAddress::LoopbackV4((*server)->address().port()));
  if (peer.fd() >= 0) {
    EXPECT_EQ(peer.GetInt(SOL_SOCKET, SO_ERROR), ECONNREFUSED);
  }
}

TEST_F(StreamServerTest, ErrorsOfListenNameTheAddress) {
  Start(1);
  Listen();
  const auto taken = env_->TryListen(server_->address(), {});
  EXPECT_EQ(ErrnoOf(taken.status()), EADDRINUSE);
  EXPECT_NE(taken.status().message().find(server_->address().ToString()), std::string::npos);
  const auto foreign = env_->TryListen(*SocketAddress::Parse("192.0.2.1:0"), {});
  EXPECT_EQ(ErrnoOf(foreign.status()), EADDRNOTAVAIL);
  StreamServerOptions marks;
  marks.connection.low_water_mark = 2 << 20;
  EXPECT_EQ(env_->TryListen(SocketAddress::LoopbackV4(0), {}, std::move(marks)).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(env_->TryListen(SocketAddress(), {}).ok());
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/spindle_test_XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() {
    unlink(file().c_str());
    rmdir(path_.c_str());
  }
  std::string file() const { return path_ + "/socket"; }

 private:
  std::string path_;
};

TEST_F(StreamServerTest, UnixPathFreshStaleLiveAndOccupied_X1) {
  Start(1);
  const Folder folder;
  const SocketAddress address = *SocketAddress::UnixPath(folder.file());
  const auto listen = [&] {
    return env_->TryListen(
        address,
        audit_.Watch({.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }}));
  };
  auto server = listen();
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE(Echoes(address));
  // Live: not taken over.
  EXPECT_EQ(ErrnoOf(listen().status()), EADDRINUSE);
  EXPECT_TRUE(Echoes(address));
  server->reset();
  EXPECT_NE(access(folder.file().c_str(), F_OK), 0) << "the path goes with the server";
  // Stale: left by a process that died.
  {
    RawPeer dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const socklen_t length = address.ToSockaddr(&storage);
    ASSERT_EQ(bind(dead.fd(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  }
  server = listen();
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE(Echoes(address));
  // Somebody puts a file of his own there: it is not ours to remove.
  unlink(folder.file().c_str());
  std::ofstream(folder.file()) << "precious";
  server->reset();
  EXPECT_EQ(access(folder.file().c_str(), F_OK), 0);
  // A regular file in place stays.
  EXPECT_EQ(ErrnoOf(listen().status()), EADDRINUSE);
  EXPECT_EQ(access(folder.file().c_str(), F_OK), 0);
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 0; }));
}

TEST_F(StreamServerTest, UnixAbstractName_X1) {
  Start(2);
  const std::string name = std::string("spindle-test\0-", 14) + std::to_string(getpid());
  const SocketAddress address = *SocketAddress::UnixAbstract(name);
  auto server = env_->TryListen(
      address,
      audit_.Watch({.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }}));
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE(Echoes(address));
  EXPECT_EQ(ErrnoOf(env_->TryListen(address, {}).status()), EADDRINUSE);
}

TEST_F(StreamServerTest, DrainClosesThoseWithoutOnDrain) {
  Start(2);
  Listen({}, {.on_open = [](Connection& c) { c.Write("bye"); }});
  std::vector<RawPeer> peers = Connect(5);
  ASSERT_TRUE(RunUntilOpen(5));
  std::atomic<bool> done{false};
  DrainResult sum;
  EXPECT_TRUE(server_->Drain(minutes(1), [&](const DrainResult& result) {
    EXPECT_TRUE(env_->server_loop().IsInLoop());
    sum = result;
    done = true;
  }));
  EXPECT_FALSE(server_->Drain(seconds(1), nullptr));
  ASSERT_TRUE(env_->RunUntil([&] {
    for (RawPeer& peer : peers) {
      if (peer.fd() >= 0 && peer.Receive() == RawPeer::State::kEof) peer.Close();
    }
    return done.load();
  }));
  EXPECT_EQ(sum.finished, 5u);
  EXPECT_EQ(sum.forced, 0u);
  EXPECT_EQ(sum.bytes_lost, 0u);
  for (const RawPeer& peer : peers) EXPECT_EQ(peer.received(), "bye");
}

TEST_F(StreamServerTest, DrainForcesWhoDoesNotEndAndCountsTheLoss_Z2) {
  Start(2);
  Listen({}, {.on_open = [](Connection& c) { c.Write(std::string(30'000'000, 'x')); },
              .on_drain = [](Connection&) {}});
  std::vector<RawPeer> peers = Connect(3);
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.opened() == 3; }));
  std::atomic<bool> done{false};
  DrainResult sum;
  EXPECT_TRUE(server_->Drain(milliseconds(20), [&](const DrainResult& result) {
    sum = result;
    done = true;
  }));
  ASSERT_TRUE(env_->RunUntil([&] { return done.load(); }));
  EXPECT_EQ(sum.finished, 0u);
  EXPECT_EQ(sum.forced, 3u);
  EXPECT_GT(sum.bytes_lost, 0u);
  EXPECT_EQ(sum.bytes_lost, audit_.discarded());
}

TEST_F(StreamServerTest, DrainOfAnIdleServerIsDoneAtOnce_Z2) {
  for (const size_t workers : {0, 2}) {
    Start(workers);
    Listen();
    bool done = false;
    EXPECT_TRUE(server_->Drain(minutes(1), [&](const DrainResult&) { done = true; }));
    EXPECT_FALSE(done) << "never inside the call";
    ASSERT_TRUE(env_->RunUntil([&] { return done; }));
    server_.reset();
  }
}

TEST_F(StreamServerTest, OptionsReachTheSocketAndDataStaysWithItsConnection) {
  Start(1);
  StreamServerOptions options;
  options.connection.keep_alive = KeepAlive{.idle_seconds = 33, .interval_seconds = 7, .probes = 5};
  options.connection.user_timeout = milliseconds(1500);
  Listen(std::move(options), {.on_open = [](Connection& c) {
           const int fd = static_cast<int>(c.id().slot);
           const RawPeer view(dup(fd));
           EXPECT_EQ(view.GetInt(IPPROTO_TCP, TCP_NODELAY), 1);
           EXPECT_EQ(view.GetInt(SOL_SOCKET, SO_KEEPALIVE), 1);
           EXPECT_EQ(view.GetInt(IPPROTO_TCP, TCP_KEEPIDLE), 33);
           EXPECT_EQ(view.GetInt(IPPROTO_TCP, TCP_KEEPINTVL), 7);
           EXPECT_EQ(view.GetInt(IPPROTO_TCP, TCP_KEEPCNT), 5);
           EXPECT_EQ(view.GetInt(IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
           EXPECT_TRUE(c.SetNoDelay(Toggle::kOff).ok());
           EXPECT_EQ(view.GetInt(IPPROTO_TCP, TCP_NODELAY), 0);
           EXPECT_TRUE(c.SetUserTimeout(milliseconds(2)).ok());
           EXPECT_EQ(view.GetInt(IPPROTO_TCP, TCP_USER_TIMEOUT), 2);
           EXPECT_TRUE(c.SetKeepAlive({.idle_seconds = 11}).ok());
           EXPECT_EQ(view.GetInt(IPPROTO_TCP, TCP_KEEPIDLE), 11);
           EXPECT_TRUE(c.SetSendBuffer(20'000).ok());
           EXPECT_EQ(view.GetInt(SOL_SOCKET, SO_SNDBUF), 40'000);
           EXPECT_TRUE(c.SetReceiveBuffer(20'000).ok());
           EXPECT_EQ(view.GetInt(SOL_SOCKET, SO_RCVBUF), 40'000);
           const auto info = c.TcpInfo();
           ASSERT_TRUE(info.ok());
           EXPECT_EQ(info->tcpi_state, TCP_ESTABLISHED);
           EXPECT_EQ(c.data<int>(), nullptr);
           EXPECT_EQ(c.EmplaceData<std::string>("state"), "state");
           EXPECT_EQ(c.data<int>(), nullptr);
           EXPECT_EQ(*c.data<std::string>(), "state");
           EXPECT_EQ(c.EmplaceData<int>(7), 7);
           EXPECT_EQ(c.data<std::string>(), nullptr);
           EXPECT_TRUE(c.local_address().is_loopback());
           EXPECT_TRUE(c.peer_address().is_loopback());
         }});
  RawPeer peer = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.opened() == 1; }));
}

}  // namespace
}  // namespace spindle
