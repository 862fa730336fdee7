// Peers that die as processes do: killed, stopped, cut off. Each is told apart.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>

#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/session/session.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/net/session/session_pair.h"
#include "tests/testing/raw_peer.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using Kind = SessionCloseKind;

constexpr int kExitBase = 100;  // Plus the kind of the session's end.

// A process with one session, which says "here" when it has opened.
class ChildPeer {
 public:
  // Before there are loops and threads.
  ChildPeer() {
    if (pipe(pipe_) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) Live();
    close(pipe_[0]);
  }
  ~ChildPeer() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      Wait();
    }
    close(pipe_[1]);
  }

  void Connect(const SocketAddress& server) {
    const uint16_t port = server.port();
    ASSERT_EQ(write(pipe_[1], &port, sizeof port), static_cast<ssize_t>(sizeof port));
  }
  void Signal(int number) {
    ASSERT_EQ(kill(pid_, number), 0);
    if (number != SIGSTOP) return;
    int status = 0;
    ASSERT_EQ(waitpid(pid_, &status, WUNTRACED), pid_);
    ASSERT_TRUE(WIFSTOPPED(status));
  }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  [[noreturn]] void Live() {
    uint16_t port = 0;
    if (read(pipe_[0], &port, sizeof port) != static_cast<ssize_t>(sizeof port)) _exit(1);
    auto loop = *EventLoop::Create();
    StreamClient client(
        *loop, SocketAddress::LoopbackV4(port),
        InitiatorSessions({.on_open = [](Session& session) { session.Send("here"); },
                           .on_close =
                               [](Session&, const SessionCloseReason& reason) {
                                 _exit(kExitBase + static_cast<int>(reason.kind));
                               }}));
    client.Connect();
    static_cast<void>(loop->Run());
    _exit(2);
  }

  int pipe_[2];
  pid_t pid_ = -1;
};

class SessionDeadTest : public SessionTest {
 protected:
  void ListenFor(ChildPeer& peer, SessionOptions options = {}) {
    Listen({}, options);
    peer.Connect(server_->address());
    ASSERT_TRUE(env_->RunUntil([&] { return server_log_.received == 1; }));
  }
  void RunUntilFound(Kind kind) {
    ASSERT_TRUE(env_->RunUntil([&] { return server_log_.closed == 1; }));
    EXPECT_EQ(server_log_.reason().kind, kind) << server_log_.reason();
    EXPECT_TRUE(server_log_.reason().peer_lost());
  }
};

TEST_P(SessionDeadTest, KilledPeersVanish) {
  ChildPeer peer;
  ListenFor(peer);
  peer.Signal(SIGKILL);
  RunUntilFound(Kind::kPeerVanished);
}

TEST_P(SessionDeadTest, KilledPeersWithUnreadInputReset) {
  ChildPeer peer;
  ListenFor(peer);
  peer.Signal(SIGSTOP);
  // When it was given to the kernel it is in the peer's buffer, for ever unread.
  std::atomic<bool> sent{false};
  ASSERT_TRUE(server_log_.handle().Send(std::string("unread"), [&](IoError) { sent = true; }));
  ASSERT_TRUE(env_->RunUntil([&] { return sent.load(); }));
  std::atomic<bool> flushed{false};
  const auto look = [&] {
    server_log_.handle().Run([&](Session& session) { flushed = session.output_queued() == 0; });
    return flushed.load();
  };
  ASSERT_TRUE(env_->RunUntil(look));
  peer.Signal(SIGKILL);
  RunUntilFound(Kind::kPeerReset);
}

TEST_P(SessionDeadTest, StoppedPeersAreSilentAndLearnItLater) {
  ChildPeer peer;
  ListenFor(peer, {.heartbeat_interval = milliseconds(100), .heartbeat_misses = 3});
  // Its last sign of life comes no earlier than the message, and no later than the stop.
  const TimePoint alive = Clock::now();
  peer.Signal(SIGSTOP);
  RunUntilFound(Kind::kPeerSilent);
  const Duration taken = Clock::now() - alive;
  std::fprintf(stderr, "SIGSTOP: found after %.1f ms, stated 300 to 400\n",
               std::chrono::duration<double, std::milli>(taken).count());
  // A beat or the message itself may have been heard up to a tick before. How much later than the
  // stated time it is depends on the machine.
  EXPECT_GE(taken, milliseconds(200));
  EXPECT_LE(taken, milliseconds(400) + std::chrono::seconds(20));
  peer.Signal(SIGCONT);
  EXPECT_EQ(peer.Wait(), kExitBase + static_cast<int>(Kind::kPeerReset));
}

TEST_P(SessionDeadTest, ResetsAreToldApart) {
  Listen({});
  RawPeer peer = RawPeer::Connect(server_->address());
  const EncodedFrame hello = EncodedFrame::Hello({.max_message = 1});
  ASSERT_TRUE(env_->RunUntil([&] { return peer.Send(hello.view()); }));
  ASSERT_TRUE(env_->RunUntil([&] { return server_log_.opened == 1; }));
  peer.Reset();
  RunUntilFound(Kind::kPeerReset);
}

INSTANTIATE_TEST_SUITE_P(Machines, SessionDeadTest,
                         testing::Values(Machine{Machine::Kind::kKernel, 0},
                                         Machine{Machine::Kind::kKernel, 2}),
                         MachineName);

}  // namespace
}  // namespace spindle
