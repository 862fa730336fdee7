// How a server accepts: shortages, dying connections, bursts, leaks.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "net/stream/stream_server.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;

// With no workers and with two.
class AcceptorTest : public StreamEnvTest {
 protected:
  void Listen(StreamServerOptions options = {}) {
    options.on_accept_error = [this](const absl::Status& status) {
      last_errno_ = ErrnoOf(status);
      ++errors_;
    };
    server_ = env_->Listen(
        audit_.Watch({.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }}),
        std::move(options));
  }
  std::vector<RawPeer> ConnectMany(size_t count) {
    std::vector<RawPeer> peers;
    for (size_t i = 0; i < count; ++i) {
      peers.push_back(RawPeer::Connect(server_->address()));
      EXPECT_GE(peers.back().fd(), 0) << ErrnoName(errno);
    }
    return peers;
  }
  bool RunUntilEchoed(RawPeer& peer, const std::string& text) {
    bool sent = false;
    return env_->RunUntil([&] {
      if (!sent) sent = peer.Send(text);
      peer.Receive();
      return peer.received() == text;
    });
  }
  void TearDown() override {
    server_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }

  StreamAudit audit_;
  FaultySyscalls faulty_;
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(GetParam(), faulty_);
  std::unique_ptr<StreamServer> server_;
  std::atomic<int> errors_{0};
  std::atomic<int> last_errno_{0};
};

// A machine without descriptors: accept is tried about once per retry delay, not once per turn, and
// the connections that waited are served when there are descriptors again.
TEST_P(AcceptorTest, ShortageOfDescriptorsNeitherSpinsNorEnds_A1) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    Listen();
    faulty_.FailAll(SysCall::kAccept, error);
    std::vector<RawPeer> peers = ConnectMany(20);
    const uint64_t before = faulty_.calls(SysCall::kAccept);
    const uint64_t turns = env_->server_loop().Stats().turns;
    const TimePoint start = Clock::now();
    bool over = false;
    env_->server_loop().RunAfter(milliseconds(200), [&] { over = true; });
    ASSERT_TRUE(env_->RunUntil([&] { return over; }));
    const auto passed = (Clock::now() - start) / milliseconds(20);
    EXPECT_LE(faulty_.calls(SysCall::kAccept) - before, static_cast<uint64_t>(passed) + 2);
    // The test's own timer of 1 ms is in these.
    EXPECT_LE(env_->server_loop().Stats().turns - turns,
              static_cast<uint64_t>((Clock::now() - start) / milliseconds(1)) + 20 * 2 + 30);
    EXPECT_GE(errors_.exchange(0), 1);
    EXPECT_EQ(last_errno_, error);
    EXPECT_EQ(server_->stats().accepted, 0u);
    faulty_.Clear();
    ASSERT_TRUE(env_->RunUntil([&] { return server_->connections() == 20; }));
    ASSERT_TRUE(RunUntilEchoed(peers[19], "x"));
    peers.clear();
    ASSERT_TRUE(env_->RunUntil([&] { return server_->connections() == 0; }));
    server_.reset();
  }
}

// The same by a real limit, with the descriptors used up by others.
TEST_P(AcceptorTest, RealLimitOfDescriptors_A1) {
  Listen();
  std::vector<RawPeer> peers = ConnectMany(4);
  ASSERT_TRUE(env_->RunUntil([&] { return server_->connections() == 4; }));
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  peers.push_back(RawPeer());
  peers.back() = RawPeer(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // One descriptor more than those in use, wherever their numbers leave the gaps.
  const rlimit tight = {.rlim_cur = static_cast<rlim_t>(OpenFds().rbegin()->first) + 2,
                        .rlim_max = old.rlim_max};
  std::vector<OwnedFd> holes;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  while (true) {
    OwnedFd hole(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!hole) break;
    holes.push_back(std::move(hole));
  }
  sockaddr_storage storage;
  const socklen_t length = server_->address().ToSockaddr(&storage);
  connect(peers.back().fd(), reinterpret_cast<sockaddr*>(&storage), length);
  EXPECT_TRUE(env_->RunUntil([&] { return errors_ > 0; }));
  EXPECT_EQ(last_errno_, EMFILE);
  EXPECT_EQ(server_->connections(), 4u);
  holes.clear();
  EXPECT_TRUE(env_->RunUntil([&] { return server_->connections() == 5; }));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
  ASSERT_TRUE(RunUntilEchoed(peers[4], "served"));
}

TEST_P(AcceptorTest, DyingConnectionDoesNotStopTheListener_A2) {
  Listen();
  for (const int error :
       {ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
        ENETUNREACH, EPERM, EINTR, EAGAIN, ENOBUFS, ENOMEM, EMFILE, ENFILE, ETIMEDOUT}) {
    faulty_.FailNext(SysCall::kAccept, error, 3);
    RawPeer peer = RawPeer::Connect(server_->address());
    ASSERT_TRUE(RunUntilEchoed(peer, "x")) << ErrnoName(error);
  }
  // Those three end it, and say so.
  for (const int error : {EBADF, EINVAL, ENOTSOCK}) {
    server_.reset();
    Listen();
    errors_ = 0;
    faulty_.FailNext(SysCall::kAccept, error);
    RawPeer peer = RawPeer::Connect(server_->address());
    ASSERT_TRUE(env_->RunUntil([&] { return errors_ == 1; }));
    EXPECT_EQ(last_errno_, error);
  }
}

TEST_P(AcceptorTest, BurstBeyondTheBudgetIsAccepted_A3) {
  StreamServerOptions options;
  options.accepts_per_turn = 4;
  Listen(std::move(options));
  std::vector<RawPeer> peers = ConnectMany(300);
  ASSERT_TRUE(env_->RunUntil([&] { return server_->connections() == 300; }));
  for (RawPeer& peer : peers) ASSERT_TRUE(RunUntilEchoed(peer, "y"));
  EXPECT_EQ(errors_, 0);
}

TEST_P(AcceptorTest, ConnectionsAreSpreadEvenly_A4) {
  Listen();
  std::vector<RawPeer> peers = ConnectMany(200);
  ASSERT_TRUE(env_->RunUntil([&] { return server_->connections() == 200; }));
  const StreamServerStats stats = server_->stats();
  const size_t loops = std::max<size_t>(1, GetParam().workers);
  ASSERT_EQ(stats.accepted_per_loop.size(), loops);
  for (const uint64_t accepted : stats.accepted_per_loop) EXPECT_EQ(accepted, 200 / loops);
  // One loop accepts: no wake-up is in vain.
  EXPECT_EQ(env_->server_loop().Stats().connections_accepted, 200u);
  for (EventLoop* loop : env_->pool().loops()) EXPECT_EQ(loop->Stats().stale_events, 0u);
}

// Connections that come one by one: each wakes the loop that accepts, and nobody else in vain.
TEST_P(AcceptorTest, LoneConnectionCostsTwoAcceptsAtMost_A4) {
  Listen();
  const uint64_t before = faulty_.calls(SysCall::kAccept);
  std::vector<RawPeer> peers;
  for (size_t i = 1; i <= 100; ++i) {
    peers.push_back(RawPeer::Connect(server_->address()));
    ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == i; }));
  }
  EXPECT_LE(faulty_.calls(SysCall::kAccept) - before, 200u);
  for (EventLoop* loop : env_->pool().loops()) {
    EXPECT_LE(loop->Stats().events, 200u) << "one for the listener, one for each connection";
  }
}

TEST_P(AcceptorTest, StopAcceptingTakesWhatWaitsInTheQueue_A5) {
  Listen();
  std::vector<RawPeer> peers = ConnectMany(50);
  server_->StopAccepting();
  EXPECT_EQ(server_->stats().accepted, 50u);
  RawPeer late = RawPeer::Connect(server_->address());
  pollfd ready = {late.fd(), POLLOUT, 0};
  if (late.fd() >= 0) {
    poll(&ready, 1, -1);
    EXPECT_EQ(late.GetInt(SOL_SOCKET, SO_ERROR), ECONNREFUSED);
  }
  for (RawPeer& peer : peers) ASSERT_TRUE(RunUntilEchoed(peer, "z"));
  server_->StopAccepting();
}

// With a listener on each loop the kernel has spread them over several queues.
TEST_P(AcceptorTest, StopAcceptingTakesWhatWaitsInTheQueueOfEachLoop_A5) {
  StreamServerOptions options;
  options.placement = Placement::kReusePort;
  Listen(std::move(options));
  std::atomic<bool> go{false};
  // The loops of the pool hold still meanwhile.
  for (EventLoop* loop : env_->pool().loops()) {
    if (loop == &env_->server_loop()) continue;
    loop->Post([&] {
      while (!go) std::this_thread::yield();
    });
  }
  std::vector<RawPeer> peers = ConnectMany(50);
  std::thread opener([&] { go = true; });
  server_->StopAccepting();
  opener.join();
  EXPECT_EQ(server_->stats().accepted, 50u);
  for (RawPeer& peer : peers) ASSERT_TRUE(RunUntilEchoed(peer, "z"));
}

// From inside on_open, in the middle of a burst: on one loop the acceptor comes back to itself.
TEST_P(AcceptorTest, StopAcceptingInsideOnOpen_A5) {
  std::atomic<int> opened{0};
  StreamServerOptions options;
  options.on_accept_error = [](const absl::Status& status) { ADD_FAILURE() << status; };
  server_ = env_->Listen(audit_.Watch({.on_open =
                                           [&](Connection&) {
                                             if (++opened == 3) server_->StopAccepting();
                                           }}),
                         std::move(options));
  std::vector<RawPeer> peers = ConnectMany(30);
  ASSERT_TRUE(env_->RunUntil([&] { return opened == 30; }));
  EXPECT_EQ(server_->stats().failed, 0u);
  EXPECT_EQ(env_->server_loop().Stats().accept_errors, 0u);
}

// As above, and then the server goes while the outer accept is still at it.
TEST_P(AcceptorTest, DestroyedAfterStopAcceptingInsideOnOpen_A5) {
  std::atomic<int> opened{0};
  std::atomic<bool> stopped{false};
  std::atomic<bool> destroying{false};
  std::atomic<bool> destroyed{false};
  server_ = env_->Listen(audit_.Watch({.on_open = [&](Connection&) {
    const int now = ++opened;
    if (now == 3) {
      server_->StopAccepting();
      stopped = true;
    }
    // On one loop StopAccepting is still under way: the acceptor is inside itself twice.
    const bool may_destroy = stopped || GetParam().workers == 0;
    if (now >= 9 && may_destroy && !destroying.exchange(true)) {
      server_.reset();
      destroyed = true;
    }
  }}));
  std::vector<RawPeer> peers = ConnectMany(30);
  ASSERT_TRUE(
      env_->RunUntil([&] { return destroyed || (!destroying && stopped && opened == 30); }));
}

TEST_P(AcceptorTest, DestroyedInsideOnAcceptError_D1) {
  const auto witness = std::make_shared<int>(7);
  std::atomic<bool> called{false};
  StreamServerOptions options;
  options.on_accept_error = [&, witness](const absl::Status&) {
    server_.reset();
    EXPECT_EQ(*witness, 7);  // What a callback has captured lives as long as it runs.
    called = true;
  };
  server_ = env_->Listen(audit_.Watch({}), std::move(options));
  const SocketAddress address = server_->address();
  faulty_.FailNext(SysCall::kAccept, EMFILE);
  RawPeer peer = RawPeer::Connect(address);
  ASSERT_TRUE(env_->RunUntil([&] { return called.load(); }));
}

TEST_P(AcceptorTest, DestroyedInsidePlace_D1) {
  std::atomic<bool> called{false};
  StreamServerOptions options;
  options.place = [&, witness = std::make_shared<int>(7)](const SocketAddress&, size_t) {
    server_.reset();
    called = *witness == 7;
    return size_t{1};
  };
  server_ = env_->Listen(audit_.Watch({}), std::move(options));
  RawPeer peer = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] { return called.load(); }));
  EXPECT_EQ(audit_.opened(), 0u);
}

// Each call after accept fails once: the descriptor goes, the server stays.
TEST_P(AcceptorTest, NothingLeaksWhenRegistrationFails_A6) {
  Listen();
  for (const int error : {ENOSPC, ENOMEM}) {
    const size_t descriptors = OpenFds().size();
    faulty_.FailNext(SysCall::kEpollCtl, error);
    const uint64_t failed = server_->stats().failed;
    RawPeer peer = RawPeer::Connect(server_->address());
    ASSERT_TRUE(env_->RunUntil([&] { return server_->stats().failed == failed + 1; }));
    EXPECT_EQ(last_errno_, error);
    EXPECT_EQ(server_->connections(), 0u);
    ASSERT_TRUE(env_->RunUntil([&] { return peer.Receive() != RawPeer::State::kOpen; }));
    peer.Close();
    EXPECT_EQ(OpenFds().size(), descriptors);
  }
  RawPeer peer = RawPeer::Connect(server_->address());
  ASSERT_TRUE(RunUntilEchoed(peer, "x"));
}

TEST_P(AcceptorTest, AllDescriptorsAreCloseOnExec_A6) {
  const std::map<int, std::string> before = OpenFds();
  Listen();
  RawPeer peer = RawPeer::Connect(server_->address());
  ASSERT_TRUE(RunUntilEchoed(peer, "x"));
  size_t sockets = 0;
  for (const auto& [fd, target] : OpenFds()) {
    if (before.contains(fd)) continue;
    EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC) << fd << " " << target;
    ++sockets;
  }
  EXPECT_EQ(sockets, 3u);
}

INSTANTIATE_TEST_SUITE_P(Loops, AcceptorTest,
                         testing::Values(Machine{Machine::Kind::kKernel, 0},
                                         Machine{Machine::Kind::kKernel, 2}),
                         MachineName);

}  // namespace
}  // namespace spindle
