// A cable that is cut, and a peer that has forgotten: between two network namespaces of the test's
// own, joined by a veth pair. Nothing arrives any more, neither FIN nor RST, so each connection is
// found dead by a means of its own, and says by which.

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/check.h"
#include "base/strings.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/fd_watcher.h"
#include "net/session/session.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/own_network.h"
#include "tests/testing/stream_env.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;

constexpr const char* kPeerAddress = "10.99.0.2";

bool Run(const std::string& command) {
  return std::system(Concat(command, " 2>/dev/null").c_str()) == 0;
}

void Put(int fd, const std::string& bytes) {
  SPINDLE_CHECK(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

template <typename Value>
Value Take(int fd) {
  Value value{};
  SPINDLE_CHECK(read(fd, &value, sizeof value) == static_cast<ssize_t>(sizeof value));
  return value;
}

// The other end of the cable: a process in a namespace of its own with an echo server and one of
// sessions. It obeys letters: "c" cuts the cable, "f" forgets all connections, "m" mends it.
class FarEnd {
 public:
  // In a process that has the right to make namespaces.
  FarEnd() {
    SPINDLE_CHECK(pipe(orders_) == 0 && pipe(answers_) == 0);
    pid_ = fork();
    if (pid_ == 0) Live();
    static_cast<void>(Take<char>(answers_[0]));  // It is in its namespace.
  }
  ~FarEnd() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  // Lays the cable. False where that is not possible.
  bool Join() {
    if (!Run(Concat("ip link add cut0 type veth peer name cut1 netns ", pid_)) ||
        !Run("ip addr add 10.99.0.1/24 dev cut0") || !Run("ip link set cut0 up")) {
      return false;
    }
    Order('j');
    echo_port_ = Take<uint16_t>(answers_[0]);
    session_port_ = Take<uint16_t>(answers_[0]);
    return true;
  }
  void Order(char letter) {
    Put(orders_[1], std::string(1, letter));
    SPINDLE_CHECK(Take<char>(answers_[0]) == letter);
  }
  SocketAddress echo() const { return Address(echo_port_); }
  SocketAddress sessions() const { return Address(session_port_); }

 private:
  static SocketAddress Address(uint16_t port) {
    return *SocketAddress::Parse(Concat(kPeerAddress, ":", port));
  }

  [[noreturn]] void Live() {
    if (unshare(CLONE_NEWNET) != 0) _exit(kNoOwnNetwork);
    Put(answers_[1], "j");
    SPINDLE_CHECK(Take<char>(orders_[0]) == 'j');
    SPINDLE_CHECK(Run(Concat("ip addr add ", kPeerAddress, "/24 dev cut1")));
    SPINDLE_CHECK(Run("ip link set cut1 up"));
    const auto loop = *EventLoop::Create();
    std::vector<ConnectionHandle> open;
    const auto echo = *StreamServer::Listen(
        *loop, Address(0),
        {.on_open = [&](Connection& c) { open.push_back(c.handle()); },
         .on_bytes = [](Connection& c, Buffer& input) { c.Write(std::move(input)); }});
    const auto sessions = *StreamServer::Listen(*loop, Address(0), AcceptorSessions({}));
    const auto watcher =
        *FdWatcher::Create(*loop, orders_[0], Interest::kRead, Trigger::kLevel, [&](FdEvents) {
          const char order = Take<char>(orders_[0]);
          if (order == 'c') SPINDLE_CHECK(Run("ip link set cut1 down"));
          if (order == 'm') SPINDLE_CHECK(Run("ip link set cut1 up"));
          for (const ConnectionHandle& handle : open) {
            if (Connection* const c = handle.Get(); c != nullptr && order == 'f') c->Abort();
          }
          Put(answers_[1], std::string(1, order));
        });
    Put(answers_[1], "j");
    for (const auto* server : {echo.get(), sessions.get()}) {
      const uint16_t port = server->address().port();
      Put(answers_[1], std::string(reinterpret_cast<const char*>(&port), sizeof port));
    }
    static_cast<void>(loop->Run());
    _exit(1);
  }

  int orders_[2];
  int answers_[2];
  pid_t pid_ = -1;
  uint16_t echo_port_ = 0;
  uint16_t session_port_ = 0;
};

// Runs `body` in a network of its own, with a far end behind a cable.
int RunWithFarEnd(absl::FunctionRef<void(FarEnd&)> body) {
  return RunInOwnNetwork([&] {
    FarEnd far;
    if (!far.Join()) return kNoOwnNetwork;
    const Watchdog watchdog(std::chrono::minutes(1));
    body(far);
    return 0;
  });
}

// One connection that has had an answer.
struct Line {
  Line(StreamEnv& env, const SocketAddress& server, const ConnectionOptions& options)
      : client(env.client_loop(), server,
               {.on_open = [](Connection& c) { c.Write("hello"); },
                .on_bytes =
                    [this, &env](Connection&, Buffer& input) {
                      input.Clear();
                      answered = true;
                      heard = env.client_loop().now();
                    },
                .on_close =
                    [this, &env](Connection&, const CloseReason& why) {
                      reason = why;
                      ended = env.client_loop().Now();
                    }},
               {.connection = options}) {
    client.Connect();
    EXPECT_TRUE(env.RunUntil([&] { return answered; }));
  }

  bool answered = false;
  CloseReason reason;
  TimePoint heard;
  TimePoint ended = kNever;
  StreamClient client;
};

double Millis(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

// The stated time has passed, and little more: how much more is up to the machine.
void ExpectFoundIn(const char* what, Duration taken, Duration stated, Duration tick) {
  std::fprintf(stderr, "%s: found after %.1f ms, stated %.0f to %.0f\n", what, Millis(taken),
               Millis(stated), Millis(stated + tick));
  EXPECT_GE(taken, stated) << what;
  EXPECT_LE(taken, stated + tick + std::chrono::seconds(2)) << what;
}

TEST(CableCutTest, EachMeansFindsItInItsTimeAndSaysSo) {
  const int result = RunWithFarEnd([](FarEnd& far) {
    StreamEnv env(Machine{});
    EventLoop& loop = env.client_loop();
    Line user(env, far.echo(), {.user_timeout = milliseconds(400)});
    Line writes(env, far.echo(), {.write_timeout = milliseconds(400), .send_buffer = 4096});
    SessionCloseReason lost;
    TimePoint lost_at = kNever;
    bool opened = false;
    StreamClient session(
        loop, far.sessions(),
        InitiatorSessions({.on_open = [&](Session&) { opened = true; },
                           .on_close =
                               [&](Session&, const SessionCloseReason& reason) {
                                 lost = reason;
                                 lost_at = loop.Now();
                               }},
                          {.heartbeat_interval = milliseconds(100), .heartbeat_misses = 3}));
    session.Connect();
    ASSERT_TRUE(env.RunUntil([&] { return opened; }));
    // Last, so that its answer is the last traffic before the cut.
    Line idle(env, far.echo(), {.idle_timeout = milliseconds(400)});
    far.Order('c');
    const TimePoint cut = loop.Now();
    user.client.connection()->Write("anybody there?");
    writes.client.connection()->Write(std::string(8 << 20, 'x'));
    ASSERT_TRUE(env.RunUntil([&] {
      return user.ended != kNever && writes.ended != kNever && idle.ended != kNever &&
             lost_at != kNever;
    }));
    EXPECT_EQ(user.reason.kind, CloseKind::kIoError);
    EXPECT_EQ(user.reason.error.code(), ETIMEDOUT);
    // The kernel looks when it sends again: after 200 ms, and 400 ms later.
    ExpectFoundIn("TCP_USER_TIMEOUT", user.ended - cut, milliseconds(400), milliseconds(400));
    EXPECT_EQ(writes.reason.kind, CloseKind::kWriteTimeout);
    ExpectFoundIn("write timeout", writes.ended - cut, milliseconds(400), milliseconds(1));
    EXPECT_EQ(idle.reason.kind, CloseKind::kIdleTimeout);
    ExpectFoundIn("idle timeout", idle.ended - idle.heard, milliseconds(400), milliseconds(1));
    EXPECT_EQ(lost.kind, SessionCloseKind::kPeerSilent);
    std::printf("heartbeat of 100 ms, 3 misses: found %.1f ms after the cut\n",
                Millis(lost_at - cut));
    EXPECT_GE(lost_at - cut, milliseconds(200));
    EXPECT_LE(lost_at - cut, milliseconds(400) + std::chrono::seconds(2));
  });
  if (result == kNoOwnNetwork) GTEST_SKIP() << "no two namespaces with a cable here";
  EXPECT_EQ(result, 0);
}

// As after a reboot: the peer's kernel answers again, and knows nothing of the connection.
TEST(CableCutTest, APeerThatHasForgottenResets) {
  const int result = RunWithFarEnd([](FarEnd& far) {
    StreamEnv env(Machine{});
    Line line(env, far.echo(), {});
    far.Order('c');
    far.Order('f');
    far.Order('m');
    env.Settle();
    ASSERT_NE(line.client.connection(), nullptr) << "its reset was lost";
    line.client.connection()->Write("still there?");
    ASSERT_TRUE(env.RunUntil([&] { return line.ended != kNever; }));
    EXPECT_EQ(line.reason.kind, CloseKind::kPeerReset);
  });
  if (result == kNoOwnNetwork) GTEST_SKIP() << "no two namespaces with a cable here";
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace spindle
