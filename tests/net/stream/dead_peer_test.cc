// Writing to a peer that is gone, in every way there is to write, with SIGPIPE at its default: the
// process lives, and the connection ends with a reason.

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/stream/stream_server.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"
#include "tests/testing/unique_name.h"

namespace spindle {
namespace {

// The kernel, and how often each call met a broken pipe.
class BrokenPipes : public Syscalls {
 public:
  ssize_t Send(int fd, std::span<const iovec> iovecs) override {
    const ssize_t result = Syscalls::Send(fd, iovecs);
    if (result == -EPIPE) ++(iovecs.size() == 1 ? sends : gathered_sends);
    return result;
  }
  ssize_t SendFile(int socket, int file, off_t* offset, size_t length) override {
    const ssize_t result = Syscalls::SendFile(socket, file, offset, length);
    if (result == -EPIPE) ++files;
    return result;
  }

  int sends = 0;
  int gathered_sends = 0;
  int files = 0;
};

// On the test's own thread: in the threads of a pool all signals are blocked anyway.
class DeadPeerTest : public LeakCheckTest {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_DFL);
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
  }
  void Listen(bool unix_socket, ConnectionCallbacks callbacks, StreamServerOptions options = {}) {
    const SocketAddress address = unix_socket
                                      ? *SocketAddress::UnixAbstract(UniqueName("spindle-r6-"))
                                      : SocketAddress::LoopbackV4(0);
    auto server = env_->TryListen(address, audit_.Watch(std::move(callbacks)), std::move(options));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  // The peer goes while its request is being answered, so that `answer` meets a broken pipe: in the
  // short path of a plain connection, or, with a callback for drained output, in the general one.
  void Run(bool unix_socket, bool plain, std::function<void(Connection&)> answer) {
    const uint64_t closed = audit_.closed();
    ConnectionCallbacks callbacks;
    callbacks.on_bytes = [&](Connection& c, Buffer& in) {
      in.Clear();
      // After its FIN a reset makes the next write fail with EPIPE; tcp_reset() in Linux.
      peer_.ShutdownWrite();
      peer_.Reset();
      answer(c);
    };
    if (!plain) callbacks.on_drained = [](Connection&) {};
    Listen(unix_socket, std::move(callbacks));
    peer_ = RawPeer::Connect(server_->address());
    ASSERT_TRUE(peer_.Send("request"));
    ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == closed + 1; }));
    EXPECT_EQ(audit_.last_reason().kind, CloseKind::kPeerReset);
    EXPECT_EQ(audit_.last_reason().error.code(), EPIPE);
    server_.reset();
  }
  void TearDown() override {
    peer_.Close();
    server_.reset();
    env_.reset();
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
    LeakCheckTest::TearDown();
  }

  const Watchdog watchdog_{std::chrono::minutes(4)};
  BrokenPipes kernel_;
  StreamAudit audit_;
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(Machine{}, kernel_);
  std::unique_ptr<StreamServer> server_;
  RawPeer peer_;
};

OwnedFd SomeFile() { return OwnedFd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)); }

TEST_F(DeadPeerTest, EveryWayToWrite_R6) {
  int runs = 0;
  for (const bool unix_socket : {false, true}) {
    for (const bool plain : {false, true}) {
      ++runs;
      SCOPED_TRACE(testing::Message() << "unix " << unix_socket << ", plain " << plain);
      Run(unix_socket, plain, [](Connection& c) { EXPECT_TRUE(c.Write("one piece").ok()); });
      EXPECT_EQ(kernel_.sends, runs);
      Run(unix_socket, plain, [](Connection& c) {
        EXPECT_TRUE(c.Write("several").ok());
        EXPECT_TRUE(c.WriteChunk(Chunk::CopyOf(" pieces"), 0, 7).ok());
      });
      EXPECT_EQ(kernel_.gathered_sends, runs);
      Run(unix_socket, plain,
          [](Connection& c) { EXPECT_TRUE(c.SendFile(SomeFile(), 0, 1000).ok()); });
      EXPECT_EQ(kernel_.files, runs);
    }
  }
}

// A SIGPIPE that somebody else has left pending is not ours to take, nor to deliver.
TEST_F(DeadPeerTest, PendingSignalOfOthersStaysPending_R6) {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  pthread_kill(pthread_self(), SIGPIPE);
  Run(/*unix_socket=*/true, /*plain=*/true,
      [](Connection& c) { EXPECT_TRUE(c.SendFile(SomeFile(), 0, 1000).ok()); });
  EXPECT_EQ(kernel_.files, 1);
  const timespec none = {0, 0};
  EXPECT_EQ(sigtimedwait(&pipe, nullptr, &none), SIGPIPE);
}

// The peers of a full server have gone before they are told so.
TEST_F(DeadPeerTest, RefusalMessageToNobody_R6) {
  StreamServerOptions options;
  options.max_connections = 1;
  options.over_limit = OverLimit::kRefuse;
  options.refusal_message = "full\n";
  Listen(/*unix_socket=*/true, {}, std::move(options));
  peer_ = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] { return server_->connections() == 1; }));
  for (int i = 0; i < 5; ++i) RawPeer::Connect(server_->address()).Close();
  ASSERT_TRUE(env_->RunUntil([&] { return server_->stats().refused == 5; }));
  EXPECT_EQ(kernel_.sends, 5);
}

// The same in the middle of a transfer, after any number of turns.
TEST_F(DeadPeerTest, ResetAtAnyMoment_R6) {
  Listen(/*unix_socket=*/false, {.on_bytes = [](Connection& c, Buffer&) {
           c.Write(std::string(500'000, 'x'));
           c.SendFile(SomeFile(), 0, 300'000);
           c.Write(std::string(500'000, 'y'));
         }});
  for (int i = 0; i < 60; ++i) {
    RawPeer peer = RawPeer::Connect(server_->address());
    peer.Send("go");
    const uint64_t closed = audit_.closed();
    ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
    for (int turns = i % 6; turns > 0; --turns) {
      env_->Settle();
      if (turns % 2 == 0) peer.Receive();
    }
    peer.Reset();
    ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == closed + 1; }));
    EXPECT_EQ(audit_.last_reason().kind, CloseKind::kPeerReset);
  }
}

}  // namespace
}  // namespace spindle
