// Every system call of a whole scenario fails once, and servers are stopped in every state.

#include <errno.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Outcome {
  bool set_up = true;  // Loop and server could be made.
  bool echoed = false;
  bool ended = false;  // The client's connection or its attempts have ended, or the loop has.
};

// Loop, server, client, an echo of 200 kB with a file, and the end, in virtual time: nothing that a
// failure delays makes the test wait.
Outcome Scenario(Syscalls& syscalls) {
  Outcome outcome;
  StreamAudit server_audit;
  StreamAudit client_audit;
  auto loop = EventLoop::Create({.syscalls = &syscalls});
  if (!loop.ok()) return {.set_up = false, .ended = true};
  auto server = StreamServer::Listen(
      **loop, SocketAddress::LoopbackV4(0),
      server_audit.Watch({.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }}));
  if (!server.ok()) return {.set_up = false, .ended = true};
  constexpr size_t kSize = 200'000;
  size_t got = 0;
  StreamClient client(
      **loop, (*server)->address(),
      client_audit.Watch(
          {.on_open = [](Connection& c) { c.Write(std::string(kSize, 'x')); },
           .on_bytes =
               [&](Connection& c, Buffer& in) {
                 got += in.size();
                 in.Clear();
                 if (got == kSize) c.Close();
               },
           .on_close = [&](Connection&, const CloseReason&) { outcome.ended = true; }}),
      {.connection = {.idle_timeout = seconds(20), .linger_timeout = seconds(3)},
       .connect_timeout = seconds(5)},
      [&](const ConnectError&) { outcome.ended = true; });
  client.Connect();
  // The loop's own calls may fail too: it says so, and may be asked again.
  const TimePoint limit = (*loop)->Now() + minutes(10);
  int refusals = 0;
  while (!outcome.ended && (*loop)->Now() < limit && refusals < 10) {
    if (!(*loop)->RunOnce().ok()) ++refusals;
  }
  outcome.echoed = got == kSize;
  return outcome;
}

// Real sockets, virtual time: where the loop would sleep, time moves to its timer. A loop that
// sleeps with neither timer nor events has lost something, and the audit of the test fails.
class JumpingTime : public Syscalls {
 public:
  TimePoint Now() override { return now_; }
  int TimerFdSet(int fd, TimePoint when) override {
    armed_ = when;
    return Syscalls::TimerFdSet(fd, kNever);
  }
  int EpollWait(int epoll_fd, std::span<epoll_event> events, int timeout_ms) override {
    const int count = Syscalls::EpollWait(epoll_fd, events, 0);
    if (count != 0 || timeout_ms == 0) return count;
    now_ = armed_ == kNever ? now_ + minutes(5) : std::max(now_, armed_);
    armed_ = kNever;
    return 0;
  }

 private:
  TimePoint now_{std::chrono::hours(1)};
  TimePoint armed_ = kNever;
};

TEST(StreamFailureTest, EverySystemCallFailsOnce_Z1) {
  const Watchdog watchdog(minutes(5));
  const LeakCheck leaks;
  uint64_t points = 0;
  uint64_t echoed = 0;
  for (uint64_t n = 0;; ++n) {
    JumpingTime kernel;
    FaultySyscalls faulty(kernel);
    faulty.FailNth(n);
    const Outcome outcome = Scenario(faulty);
    if (!faulty.failed()) {
      EXPECT_TRUE(outcome.echoed);
      break;
    }
    const SysCallInfo call = faulty.last_failed();
    EXPECT_TRUE(outcome.ended) << "call " << n << ", " << SysCallName(call.call);
    echoed += outcome.echoed;
    ++points;
    leaks.ExpectUnchanged();
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_GT(points, 50u);
  EXPECT_GT(echoed, points / 4) << "most failures are survived";
}

// The same, with errors that a call is repeated for.
TEST(StreamFailureTest, InterruptedCallsAreRepeated_R7) {
  const Watchdog watchdog(minutes(5));
  uint64_t n = 0;
  for (;; ++n) {
    JumpingTime kernel;
    FaultySyscalls faulty(kernel);
    bool hit = false;
    faulty.SetHook([&](const SysCallInfo& info) {
      const bool interruptible = info.call == SysCall::kRecv || info.call == SysCall::kSend ||
                                 info.call == SysCall::kAccept || info.call == SysCall::kEpollWait;
      if (info.number < n || hit || !interruptible) return 0;
      hit = true;
      return EINTR;
    });
    EXPECT_TRUE(Scenario(faulty).echoed) << n;
    if (!hit || testing::Test::HasFailure()) break;
  }
  EXPECT_GT(n, 10u);
}

class StopTest : public StreamEnvTest {
 protected:
  void TearDown() override {
    peer_.Close();
    server_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }
  // Drains, and returns what became of it.
  DrainResult Drain(Duration deadline) {
    std::atomic<bool> done{false};
    DrainResult sum;
    server_->Drain(deadline, [&](const DrainResult& result) {
      sum = result;
      done = true;
    });
    EXPECT_FALSE(server_->Drain(deadline, nullptr)) << "a second stop does nothing";
    EXPECT_TRUE(env_->RunUntil([&] { return done.load(); }));
    return sum;
  }

  StreamAudit audit_;
  FaultySyscalls faulty_;
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(GetParam(), faulty_);
  std::unique_ptr<StreamServer> server_;
  RawPeer peer_;
};

TEST_P(StopTest, IdlePeer_Z2) {
  server_ = env_->Listen(audit_.Watch({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }}));
  peer_ = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] { return server_->connections() == 1; }));
  // It never answers our FIN: the deadline ends it.
  const DrainResult sum = Drain(milliseconds(30));
  EXPECT_EQ(sum.finished + sum.forced, 1u);
  EXPECT_EQ(sum.bytes_lost, 0u);
  EXPECT_EQ(peer_.Receive(), RawPeer::State::kEof);
}

TEST_P(StopTest, SlowReader_Z2) {
  server_ = env_->Listen(
      audit_.Watch({.on_open = [](Connection& c) { c.Write(std::string(30'000'000, 'x')); }}));
  peer_ = RawPeer::Connect(server_->address(), 4096);
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.opened() == 1; }));
  const DrainResult sum = Drain(milliseconds(30));
  EXPECT_EQ(sum.forced, 1u);
  EXPECT_GT(sum.bytes_lost, 0u);
}

TEST_P(StopTest, PeerInTheMiddleOfAnUpload_Z2) {
  std::atomic<uint64_t> received{0};
  server_ = env_->Listen(audit_.Watch({.on_bytes = [&](Connection&, Buffer& in) {
    received += in.size();
    in.Clear();
  }}));
  peer_ = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] {
    peer_.SendUntilFull();
    return received > 1'000'000;
  }));
  std::atomic<bool> done{false};
  server_->Drain(milliseconds(50), [&](const DrainResult& result) {
    EXPECT_EQ(result.finished + result.forced, 1u);
    done = true;
  });
  ASSERT_TRUE(env_->RunUntil([&] {
    peer_.SendUntilFull();  // It does not stop by itself.
    return done.load();
  }));
}

TEST_P(StopTest, ShortageOfDescriptors_Z2) {
  server_ = env_->Listen(audit_.Watch({}));
  faulty_.FailAll(SysCall::kAccept, EMFILE);
  peer_ = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] { return faulty_.calls(SysCall::kAccept) > 0; }));
  const DrainResult sum = Drain(minutes(1));
  EXPECT_EQ(sum.finished + sum.forced, 0u);
  EXPECT_EQ(peer_.Receive(), RawPeer::State::kReset);
}

TEST_P(StopTest, ListenerThatAlwaysFailsDoesNotHoldTheStop_Z2) {
  server_ = env_->Listen(audit_.Watch({}));
  faulty_.FailAll(SysCall::kAccept, ECONNABORTED);
  server_->StopAccepting();
  faulty_.Clear();
  peer_ = RawPeer::Connect(server_->address());
  EXPECT_EQ(Drain(minutes(1)).forced, 0u);
}

INSTANTIATE_TEST_SUITE_P(Loops, StopTest,
                         testing::Values(Machine{Machine::Kind::kKernel, 0},
                                         Machine{Machine::Kind::kKernel, 2}),
                         MachineName);

}  // namespace
}  // namespace spindle
