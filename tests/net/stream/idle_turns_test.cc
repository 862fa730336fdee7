// What must not keep a loop busy, and who must not be starved or mistaken: counted in turns of the
// loop, never in time.

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"
#include "tests/testing/unique_name.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

// One loop, run by the test alone: every turn is one that the test asked for.
class IdleTurnsTest : public LeakCheckTest {
 protected:
  void Listen(const SocketAddress& address, ConnectionCallbacks callbacks,
              StreamServerOptions options = {}) {
    auto server = env_->TryListen(address, audit_.Watch(std::move(callbacks)), std::move(options));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  // How many turns the loop makes until it has nothing to do: those that find something, given any
  // time for it, up to `limit`.
  int TurnsUntilIdle(int limit = 1000) {
    // Let what is on its way arrive: loopback delivers within the call, so a few empty turns do.
    int turns = 0;
    for (int quiet = 0; quiet < 5 && turns < limit;) {
      const LoopStats before = env_->client_loop().Stats();
      const size_t done = *env_->client_loop().RunOnce(WaitMode::kPoll);
      const LoopStats after = env_->client_loop().Stats();
      const bool busy = done > 0 || after.stale_events > before.stale_events;
      quiet = busy ? 0 : quiet + 1;
      turns += busy ? 1 : 0;
    }
    return turns;
  }
  void TearDown() override {
    server_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }

  const Watchdog watchdog_{minutes(4)};
  StreamAudit audit_;
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(Machine{});
  std::unique_ptr<StreamServer> server_;
};

enum class Ours { kPaused, kHalfClosed, kOutputPending, kPausedAndPending };
enum class Theirs { kClose, kReset, kShutdownWrite, kCloseWithUnread };

// {TCP, Unix} x {reading paused, half-closed, output pending} x {close, RST, SHUT_WR}: a few turns
// for what happened, then silence, though the connection may live on.
TEST_F(IdleTurnsTest, HangUpNeverSpins_L7) {
  for (const bool unix_socket : {false, true}) {
    for (const Ours ours :
         {Ours::kPaused, Ours::kHalfClosed, Ours::kOutputPending, Ours::kPausedAndPending}) {
      for (const Theirs theirs :
           {Theirs::kClose, Theirs::kReset, Theirs::kShutdownWrite, Theirs::kCloseWithUnread}) {
        SCOPED_TRACE(testing::Message()
                     << (unix_socket ? "unix" : "tcp") << " ours " << static_cast<int>(ours)
                     << " theirs " << static_cast<int>(theirs));
        StreamServerOptions options;
        options.connection.peer_fin = PeerFinPolicy::kKeepWriting;
        const SocketAddress address = unix_socket
                                          ? *SocketAddress::UnixAbstract(UniqueName("spindle-l7-"))
                                          : SocketAddress::LoopbackV4(0);
        ConnectionHandle handle;
        Listen(address,
               {.on_open =
                    [&](Connection& c) {
                      handle = c.handle();
                      const bool pending =
                          ours == Ours::kOutputPending || ours == Ours::kPausedAndPending;
                      if (ours == Ours::kPaused || ours == Ours::kPausedAndPending) {
                        c.PauseReading();
                      }
                      if (pending || theirs == Theirs::kCloseWithUnread) {
                        c.Write(std::string(pending ? 20'000'000 : 10, 'x'));
                      }
                      if (ours == Ours::kHalfClosed) c.ShutdownWrite();
                    },
                .on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
               std::move(options));
        RawPeer peer = RawPeer::Connect(server_->address(), 4096);
        ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
        EXPECT_LT(TurnsUntilIdle(), 20);
        peer.Send("some bytes");
        EXPECT_LT(TurnsUntilIdle(), 20);
        if (theirs == Theirs::kClose || theirs == Theirs::kCloseWithUnread) {
          if (theirs == Theirs::kClose) peer.Receive();
          peer.Close();
        } else if (theirs == Theirs::kReset) {
          peer.Reset();
        } else {
          peer.ShutdownWrite();
        }
        EXPECT_LT(TurnsUntilIdle(), 20);
        // Whoever still lives can be brought to its end.
        if (handle) env_->client_loop().Post([&] { handle.Abort(); });
        EXPECT_LT(TurnsUntilIdle(), 20);
        server_.reset();
        EXPECT_EQ(audit_.open(), 0u);
      }
    }
  }
}

// The descriptor lives on elsewhere, as after fork: events for it die, and end.
TEST_F(IdleTurnsTest, ClosedConnectionHeldElsewhereIsSilent_L6) {
  int copy = -1;
  Listen(SocketAddress::LoopbackV4(0), {.on_bytes = [&](Connection& c, Buffer&) {
           copy = dup(static_cast<int>(c.id().slot));
           c.Abort();
         }});
  RawPeer peer = RawPeer::Connect(server_->address());
  peer.Send("x");
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == 1; }));
  peer.Send("more for nobody");
  EXPECT_LT(TurnsUntilIdle(), 5);
  peer.Close();
  EXPECT_LT(TurnsUntilIdle(), 5);
  close(copy);
}

// A child that holds copies of all descriptors until told to end.
class Holder {
 public:
  Holder() {
    EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0);
    child_ = fork();
    if (child_ != 0) return;
    close(ends_[1]);
    char byte;
    while (read(ends_[0], &byte, 1) < 0) {  // Until the parent closes its end.
    }
    _exit(0);
  }
  ~Holder() {
    close(ends_[1]);
    int status = 0;
    EXPECT_EQ(waitpid(child_, &status, 0), child_);
    EXPECT_EQ(status, 0);
    close(ends_[0]);
  }

 private:
  int ends_[2];
  pid_t child_;
};

// The child's copies keep the open files, and so their registrations, alive: what still comes for
// them must neither keep the loop awake nor reach the next connection of the same number.
TEST_F(IdleTurnsTest, ConnectionsAndListenerHeldByAChildAreSilent_L6) {
  Listen(SocketAddress::LoopbackV4(0), {.on_bytes = [](Connection& c, Buffer& in) {
           in.Clear();
           c.Abort();
         }});
  const SocketAddress address = server_->address();
  std::vector<RawPeer> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(RawPeer::Connect(address));
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 20; }));
  const Holder child;
  for (RawPeer& peer : peers) ASSERT_TRUE(peer.Send("end"));
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == 20; }));
  // The numbers are taken again, by connections that hear nothing of what is sent to the old ones.
  std::vector<RawPeer> others;
  for (int i = 0; i < 20; ++i) others.push_back(RawPeer::Connect(address));
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 20; }));
  for (RawPeer& peer : peers) peer.SendUntilFull();
  EXPECT_LT(TurnsUntilIdle(), 25);
  EXPECT_EQ(audit_.open(), 20u);
  peers.clear();
  EXPECT_LT(TurnsUntilIdle(), 25);
  EXPECT_EQ(audit_.open(), 20u);
  server_.reset();
  const RawPeer late = RawPeer::Connect(address);
  EXPECT_LT(TurnsUntilIdle(), 25);
}

// A listener is level-triggered: held elsewhere, a waiting connection would wake the loop for ever.
TEST_F(IdleTurnsTest, ClosedListenerHeldElsewhereIsSilent_L6) {
  const std::map<int, std::string> before = OpenFds();
  Listen(SocketAddress::LoopbackV4(0), {});
  int copy = -1;
  for (const auto& [fd, target] : OpenFds()) {
    if (!before.contains(fd)) copy = dup(fd);
  }
  const SocketAddress address = server_->address();
  server_.reset();
  RawPeer peer = RawPeer::Connect(address);
  EXPECT_LT(TurnsUntilIdle(), 5);
  close(copy);
}

// One peer that always has more to say takes its budget in each turn, and the other has its answer
// in the turn in which its question is there.
TEST_F(IdleTurnsTest, FlooderDoesNotStarveOthers_L4) {
  uint64_t flooded = 0;
  StreamServerOptions options;
  options.connection.reads_per_turn = 2;
  Listen(SocketAddress::LoopbackV4(0),
         {.on_bytes =
              [&](Connection& c, Buffer& in) {
                if (in.Front()[0] == 'f') {
                  flooded += in.size();
                  in.Clear();
                } else {
                  c.Write(std::move(in));
                }
              }},
         std::move(options));
  RawPeer flooder = RawPeer::Connect(server_->address());
  RawPeer asker = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 2; }));
  for (int i = 1; i <= 50; ++i) {
    flooder.SendUntilFull();
    ASSERT_TRUE(asker.Send("p"));
    const uint64_t before = flooded;
    ASSERT_TRUE(env_->client_loop().RunOnce(WaitMode::kPoll).ok());
    EXPECT_LE(flooded - before, 2u * (64 * 1024 + 64) * 2);  // The ready list and one event.
    asker.Receive();
    EXPECT_EQ(asker.received().size(), static_cast<size_t>(i));
  }
  EXPECT_GT(flooded, 1'000'000u);
}

// Two sockets ready in one batch; each closes the other and a new connection takes its descriptor
// at once. The event of the old one must not reach the new one.
TEST_F(IdleTurnsTest, EventOfAClosedDescriptorDies_L5) {
  ConnectionHandle handles[2];
  int opened = 0;
  int closings = 0;
  std::vector<RawPeer> later;
  int slot_of_closed = -1;
  ConnectionCallbacks callbacks;
  callbacks.on_open = [&](Connection& c) {
    if (opened < 2) handles[opened] = c.handle();
    ++opened;
  };
  callbacks.on_bytes = [&](Connection& c, Buffer& in) {
    EXPECT_EQ(in.ToString(), "ready");
    in.Clear();
    ConnectionHandle& other = c.handle() == handles[0] ? handles[1] : handles[0];
    ASSERT_NE(other.Get(), nullptr);
    slot_of_closed = static_cast<int>(other.id().slot);
    other.Get()->Abort();
    // Takes the number that has just become free, and stays silent.
    later.push_back(RawPeer(dup(0)));
    EXPECT_EQ(later.back().fd(), slot_of_closed);
    later.back().Close();
    later.back() = RawPeer::Connect(server_->address());
    ++closings;
  };
  Listen(SocketAddress::LoopbackV4(0), std::move(callbacks));
  for (int round = 1; round <= 20; ++round) {
    opened = 0;
    RawPeer a = RawPeer::Connect(server_->address());
    RawPeer b = RawPeer::Connect(server_->address());
    ASSERT_TRUE(env_->RunUntil([&] { return opened == 2; }));
    const uint64_t stale = env_->client_loop().Stats().stale_events;
    a.Send("ready");
    b.Send("ready");
    ASSERT_TRUE(env_->RunUntil([&] { return closings == round && opened == 3; }));
    EXPECT_EQ(env_->client_loop().Stats().stale_events, stale + 1);
    a.Close();
    b.Close();
    later.clear();
    ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 0; }));
  }
}

// A small answer is one send, however many writes it was made of; and no recv sees EAGAIN. So on
// the short path of plain connections and on the general one, which a deadline asks for.
TEST_F(IdleTurnsTest, OneSendAndOneReceivePerMessage_R3) {
  for (const bool plain : {true, false}) {
    StreamServerOptions options;
    if (!plain) options.connection.idle_timeout = minutes(10);
    Listen(SocketAddress::LoopbackV4(0),
           {.on_bytes =
                [](Connection& c, Buffer& in) {
                  in.Clear();
                  c.Write("head");
                  c.Writev({"b", "o", "d", "y"});
                  c.Write(Buffer("tail"));
                }},
           std::move(options));
    RawPeer peer = RawPeer::Connect(server_->address());
    ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
    TurnsUntilIdle();
    const LoopStats before = env_->client_loop().Stats();
    for (size_t i = 1; i <= 100; ++i) {
      peer.Send("request");
      ASSERT_TRUE(env_->RunUntil([&] {
        peer.Receive();
        return peer.received().size() == i * 12;
      }));
    }
    const LoopStats after = env_->client_loop().Stats();
    EXPECT_EQ(after.writes - before.writes, 100u);
    EXPECT_EQ(after.reads - before.reads, 100u);
    EXPECT_EQ(peer.received().substr(0, 12), "headbodytail");
    server_.reset();
  }
}

// A read from a Unix socket stops behind bytes that came with a descriptor; what follows them was
// announced by the same edge.
TEST_F(IdleTurnsTest, BytesBehindAPassedDescriptorAreRead_R9) {
  std::string received;
  Listen(*SocketAddress::UnixAbstract(UniqueName("spindle-passed-")),
         {.on_bytes = [&](Connection& c, Buffer& in) {
           received += in.ToString();
           c.Write(std::move(in));
         }});
  const RawPeer peer = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
  std::string expected;
  for (int i = 0; i < 3; ++i) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec bytes = {const_cast<char*>("with, "), 6};
    msghdr message = {};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int passed = STDERR_FILENO;
    std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    ASSERT_EQ(sendmsg(peer.fd(), &message, 0), 6);
    ASSERT_EQ(send(peer.fd(), "behind. ", 8, 0), 8);
    expected += "with, behind. ";
    TurnsUntilIdle();
    EXPECT_EQ(received, expected);
  }
}

// Neither side waits for acknowledgements before it sends a small message.
TEST_F(IdleTurnsTest, NoDelayIsSetOnBothSides_R3) {
  std::vector<int> values;
  const auto look = [&](Connection& c) {
    values.push_back(RawPeer(dup(static_cast<int>(c.id().slot))).GetInt(IPPROTO_TCP, TCP_NODELAY));
  };
  Listen(SocketAddress::LoopbackV4(0), {.on_open = look});
  StreamClient client(env_->client_loop(), server_->address(), {.on_open = look});
  client.Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return values.size() == 2; }));
  EXPECT_EQ(values, (std::vector<int>{1, 1}));
}

// The peer has answered and gone while we were still sending: its answer is read to the end.
TEST_F(IdleTurnsTest, AnswerBeforeTheResetIsRead_R5) {
  std::string answer;
  ConnectionHandle handle;
  Listen(SocketAddress::LoopbackV4(0), {.on_open =
                                            [&](Connection& c) {
                                              handle = c.handle();
                                              c.PauseReading();
                                              c.Write(std::string(20'000'000, 'u'));
                                            },
                                        .on_bytes =
                                            [&](Connection&, Buffer& in) {
                                              answer += in.ToString();
                                              in.Clear();
                                            }});
  RawPeer peer = RawPeer::Connect(server_->address(), 4096);
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
  TurnsUntilIdle();
  env_->client_loop().Post([&] { handle.Get()->ResumeReading(); });
  // Above the high water mark reading stays paused: the answer is still in the kernel when the
  // reset comes.
  TurnsUntilIdle();
  const std::string text(100'000, 'a');
  ASSERT_TRUE(peer.Send(text));
  peer.Close();
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == 1; }));
  EXPECT_EQ(audit_.last_reason().kind, CloseKind::kPeerReset);
  EXPECT_EQ(answer, text);
}

}  // namespace
}  // namespace spindle
