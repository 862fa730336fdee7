#include "net/backend/sim_kernel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/net/backend/syscall_script.h"

namespace spindle {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kAllEdge = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

// A script on a kernel with options; the last log line tells what a call or a wait gave.
struct Sim {
  explicit Sim(const SimOptions& options = SimOptions(), SocketFamily family = SocketFamily::kInet)
      : kernel(options), script(kernel, family) {}

  // What is ready in the set "ep".
  std::string Ready() {
    script.Events();
    return script.log().back();
  }
  SimCounters counters() const { return kernel.counters(); }

  SimKernel kernel;
  SyscallScript script;
};

SimOptions WithFaults(const SimFaults& faults) {
  SimOptions options;
  options.faults = faults;
  return options;
}

SimOptions WithDelay(Duration delay) {
  SimOptions options;
  options.delay_min = options.delay_max = delay;
  return options;
}

TEST(SimKernelTest, WaitNeverWaits) {
  SimKernel kernel;
  const int set = kernel.EpollCreate();
  epoll_event event;
  const TimePoint before = kernel.now();
  EXPECT_EQ(0, kernel.EpollWait(set, std::span(&event, 1), -1));
  EXPECT_EQ(before, kernel.now());
  EXPECT_FALSE(kernel.AnythingReady(set));
  EXPECT_EQ(kNever, kernel.NextEventTime());
  EXPECT_FALSE(kernel.AdvanceToNextEvent());
}

TEST(SimKernelTest, TimersRingOnVirtualTime) {
  Sim sim;
  SimKernel& kernel = sim.kernel;
  sim.script.Adopt("t", kernel.TimerFd());
  sim.script.Epoll();
  sim.script.Add("t", EPOLLIN | EPOLLET);
  const TimePoint when = kernel.now() + hours(24 * 365 * 100);
  kernel.TimerFdSet(sim.script.fd("t"), when);
  EXPECT_EQ(when, kernel.NextEventTime());
  kernel.Advance(hours(24));
  EXPECT_EQ("events -", sim.Ready());
  EXPECT_TRUE(kernel.AdvanceToNextEvent());
  EXPECT_EQ(when, kernel.now());
  EXPECT_TRUE(kernel.AnythingReady(sim.script.fd("ep")));
  EXPECT_EQ("events t:IN", sim.Ready());
  EXPECT_FALSE(kernel.AnythingReady(sim.script.fd("ep")));

  kernel.TimerFdSet(sim.script.fd("t"), when + seconds(1));
  kernel.TimerFdSet(sim.script.fd("t"), kNever);
  EXPECT_EQ(kNever, kernel.NextEventTime());
  kernel.TimerFdSet(sim.script.fd("t"), when + seconds(1));
  sim.script.Close("t");
  EXPECT_EQ(kNever, kernel.NextEventTime());
}

TEST(SimKernelTest, LateTimersRingLateAndOnlyByTheLimit) {
  SimFaults faults;
  faults.timer_late = 1;
  faults.timer_late_max = milliseconds(5);
  Sim sim(WithFaults(faults));
  const int timer = sim.kernel.TimerFd();
  sim.script.Adopt("t", timer);
  std::set<TimePoint> times;
  for (int i = 0; i < 100; ++i) {
    const TimePoint when = sim.kernel.now() + seconds(1);
    sim.kernel.TimerFdSet(timer, when);
    EXPECT_GT(sim.kernel.NextEventTime(), when);
    EXPECT_LE(sim.kernel.NextEventTime(), when + milliseconds(5));
    times.insert(sim.kernel.NextEventTime());
  }
  EXPECT_GT(times.size(), 90u);
  EXPECT_EQ(100u, sim.counters().timer_late);
}

TEST(SimKernelTest, AStallRingsTheTimersOnItsWay) {
  SimFaults faults;
  faults.clock_stall = 1;
  Sim sim;
  sim.script.Adopt("t", sim.kernel.TimerFd());
  sim.script.Epoll();
  sim.script.Add("t", EPOLLIN);
  sim.kernel.TimerFdSet(sim.script.fd("t"), sim.kernel.now() + microseconds(1));
  sim.kernel.SetFaults(faults);
  const TimePoint before = sim.kernel.now();
  const TimePoint after = sim.kernel.Now();
  EXPECT_GT(after, before);
  EXPECT_LE(after, before + seconds(10));
  EXPECT_EQ(after, sim.kernel.now());
  EXPECT_TRUE(sim.kernel.AnythingReady(sim.script.fd("ep")));
  EXPECT_EQ(1u, sim.counters().clock_stalls);
}

TEST(SimKernelTest, BytesTravelInOrderAndTheEndComesLast) {
  SimOptions options;
  options.delay_min = milliseconds(1);
  options.delay_max = milliseconds(90);
  options.max_segment = 3;
  Sim sim(options);
  SyscallScript& s = sim.script;
  s.Socket("l");
  s.Bind("l");
  s.Listen("l");
  s.Socket("c");
  EXPECT_EQ(-EINPROGRESS, s.Connect("c", "l"));
  EXPECT_EQ(-EAGAIN, s.Accept("l", "s"));
  EXPECT_TRUE(sim.kernel.AdvanceToNextEvent());
  EXPECT_EQ(0, s.Connect("c", "l"));
  EXPECT_LE(0, s.Accept("l", "s"));
  const TimePoint sent_at = sim.kernel.now();
  EXPECT_EQ(12, s.Send("c", "abcdefghijkl"));
  s.Close("c");
  EXPECT_EQ(-EAGAIN, s.Recv("s"));
  EXPECT_EQ(12u, sim.kernel.bytes().in_flight);
  std::string received;
  while (received.size() < 12) {
    ASSERT_TRUE(sim.kernel.AdvanceToNextEvent());
    char data[64];
    const ssize_t result = sim.kernel.Recv(s.fd("s"), data, sizeof data);
    ASSERT_GT(result, 0);
    received.append(data, static_cast<size_t>(result));
  }
  EXPECT_EQ("abcdefghijkl", received);
  EXPECT_GE(sim.kernel.now(), sent_at + milliseconds(1));
  while (sim.kernel.AdvanceToNextEvent()) {
  }
  EXPECT_EQ(0, s.Recv("s"));
  EXPECT_GE(sim.counters().delayed_arrivals, 5u);
}

TEST(SimKernelTest, WritableMeansAThirdIsFree) {
  SimOptions options;
  options.send_buffer = 900;
  options.receive_buffer = 300;
  Sim sim(options);
  SyscallScript& s = sim.script;
  s.Pair();
  s.FillUp("c");
  EXPECT_EQ(1200u, sim.kernel.bytes().in_flight);
  s.Epoll();
  s.Add("c", kAllEdge);
  EXPECT_EQ(151, s.Recv("s", 151));
  EXPECT_EQ("events -", sim.Ready());
  EXPECT_EQ(1, s.Send("c", "x"));  // There is room, only not enough to say so.
  EXPECT_EQ(151, s.Recv("s", 151));
  EXPECT_EQ("events c:OUT", sim.Ready());
}

TEST(SimKernelTest, DescriptorsAreNumberedLowestFirst) {
  SimKernel kernel;
  EXPECT_EQ(3, kernel.EventFd());
  EXPECT_EQ(4, kernel.TimerFd());
  EXPECT_EQ(5, kernel.Socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(6, kernel.EpollCreate());
  EXPECT_EQ(0, kernel.Close(5));
  EXPECT_EQ(0, kernel.Close(3));
  EXPECT_EQ(-EBADF, kernel.Close(3));
  EXPECT_EQ(3, kernel.Socket(AF_UNIX, SOCK_STREAM, 0));
  EXPECT_EQ(5, kernel.EventFd());
  EXPECT_EQ(4u, kernel.open_fds());
  std::vector<SimFdKind> kinds;
  for (const SimOpenFd& open : kernel.OpenFds()) kinds.push_back(open.kind);
  EXPECT_EQ((std::vector<SimFdKind>{SimFdKind::kUnix, SimFdKind::kTimer, SimFdKind::kEvent,
                                    SimFdKind::kEpoll}),
            kinds);
}

TEST(SimKernelTest, TheDescriptorLimitLeavesConnectionsPending_A1) {
  SimOptions options;
  options.fd_limit = 6;
  Sim sim(options);
  sim.script.Socket("l");
  sim.script.Bind("l");
  sim.script.Listen("l");
  sim.script.Socket("c");
  sim.script.Connect("c", "l");
  sim.script.Epoll();
  sim.script.Add("l", EPOLLIN);
  EXPECT_EQ(-EMFILE, sim.kernel.Socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(-EMFILE, sim.kernel.EventFd());
  EXPECT_EQ(-EMFILE, sim.kernel.TimerFd());
  EXPECT_EQ(-EMFILE, sim.kernel.EpollCreate());
  EXPECT_EQ(-EMFILE, sim.script.Accept("l", "s"));
  EXPECT_EQ("events l:IN", sim.Ready());
  EXPECT_EQ(1u, sim.counters().accept_emfile);
  EXPECT_EQ(5u, sim.counters().fd_limit_hits);
  sim.script.Close("c");
  EXPECT_LE(0, sim.script.Accept("l", "s"));
}

TEST(SimKernelTest, AVanishedPeerSaysNothing) {
  Sim sim;
  SyscallScript& s = sim.script;
  s.Pair();
  s.Epoll();
  s.Add("c", kAllEdge);
  s.Add("s", kAllEdge);
  sim.Ready();
  sim.kernel.KillConnection(s.fd("c"));
  EXPECT_EQ(1, s.Send("c", "x"));
  s.Close("s");
  sim.kernel.Advance(seconds(900));
  EXPECT_EQ("events -", sim.Ready());
  EXPECT_EQ(1u, sim.kernel.bytes().in_flight);
  sim.kernel.Advance(seconds(30));
  EXPECT_EQ("events c:IN|OUT|RDHUP|HUP|ERR", sim.Ready());
  EXPECT_EQ(ETIMEDOUT, s.SoError("c"));
  EXPECT_EQ(1u, sim.counters().timed_out);
}

TEST(SimKernelTest, UserTimeoutAndKeepAliveNotice) {
  Sim sim;
  SyscallScript& s = sim.script;
  s.Pair();
  s.SetInt("c", IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
  s.SetInt("s", SOL_SOCKET, SO_KEEPALIVE, 1);
  s.SetInt("s", IPPROTO_TCP, TCP_KEEPIDLE, 10);
  s.SetInt("s", IPPROTO_TCP, TCP_KEEPINTVL, 2);
  s.SetInt("s", IPPROTO_TCP, TCP_KEEPCNT, 4);
  sim.kernel.KillConnection(s.fd("c"));
  EXPECT_EQ(1, s.Send("c", "x"));
  sim.kernel.Advance(milliseconds(2999));
  EXPECT_EQ(-EAGAIN, s.Recv("c"));
  sim.kernel.Advance(milliseconds(1));
  EXPECT_EQ(-ETIMEDOUT, s.Recv("c"));
  sim.kernel.Advance(milliseconds(14999));
  EXPECT_EQ(-EAGAIN, s.Recv("s"));
  sim.kernel.Advance(milliseconds(1));
  EXPECT_EQ(-ETIMEDOUT, s.Recv("s"));
}

TEST(SimKernelTest, AResetHitsBothEnds) {
  Sim sim;
  SyscallScript& s = sim.script;
  s.Pair();
  s.Send("c", "arrived");
  sim.kernel.ResetConnection(s.fd("s"));
  EXPECT_EQ(-ECONNRESET, s.Recv("c"));
  EXPECT_EQ(7, s.Recv("s"));
  EXPECT_EQ(-ECONNRESET, s.Recv("s"));
  EXPECT_EQ(0, s.Recv("s"));
  EXPECT_EQ(2u, sim.counters().rst_received);
  sim.kernel.ResetConnection(-1);
  sim.kernel.KillConnection(99);
}

TEST(SimKernelTest, AFullBacklogDropsSynsUntilThereIsRoom) {
  Sim sim;
  SyscallScript& s = sim.script;
  s.Socket("l");
  s.Bind("l");
  s.Listen("l", 0);
  for (const char* name : {"a", "b", "c"}) {
    s.Socket(name);
    EXPECT_EQ(-EINPROGRESS, s.Connect(name, "l"));
  }
  EXPECT_EQ(2u, sim.counters().syn_dropped);
  EXPECT_EQ(0, s.Connect("a", "l"));
  EXPECT_EQ(-EALREADY, s.Connect("b", "l"));
  s.Accept("l", "sa");
  sim.kernel.Advance(seconds(1));
  EXPECT_EQ(0, s.Connect("b", "l"));
  EXPECT_EQ(-EALREADY, s.Connect("c", "l"));
  sim.kernel.Advance(seconds(125));
  EXPECT_EQ(-EALREADY, s.Connect("c", "l"));
  sim.kernel.Advance(seconds(1));
  EXPECT_EQ(-ETIMEDOUT, s.Connect("c", "l"));
}

TEST(SimKernelTest, TimeWaitHoldsTheAddressForAMinute) {
  Sim sim;
  SyscallScript& s = sim.script;
  s.Pair();
  s.Socket("b");
  sockaddr_in in = {};
  socklen_t length = sizeof in;
  auto* address = reinterpret_cast<sockaddr*>(&in);
  ASSERT_EQ(0, sim.kernel.GetSockName(s.fd("l"), address, &length));
  s.Close("l");
  s.Close("s");
  s.Close("c");
  EXPECT_EQ(-EADDRINUSE, sim.kernel.Bind(s.fd("b"), address, length));
  sim.kernel.Advance(seconds(61));
  EXPECT_EQ(0, sim.kernel.Bind(s.fd("b"), address, length));
}

TEST(SimKernelTest, AnEphemeralPortMayBeItsOwnDestination_C1) {
  SimOptions options;
  options.first_ephemeral_port = options.last_ephemeral_port = 40000;
  Sim sim(options);
  sockaddr_in in = {};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  in.sin_port = htons(40000);
  sim.script.Socket("c");
  EXPECT_EQ(-EINPROGRESS, sim.script.ConnectTo("c", &in, sizeof in));
  EXPECT_EQ(0, sim.script.ConnectTo("c", &in, sizeof in));
  EXPECT_EQ(1u, sim.counters().self_connects);
  sim.script.Socket("d");
  EXPECT_EQ(-EADDRNOTAVAIL, sim.script.ConnectTo("d", &in, sizeof in));
  sim.script.Socket("e");
  EXPECT_EQ(-EADDRINUSE, sim.script.Bind("e"));
}

TEST(SimKernelTest, ReusePortSpreadsConnections) {
  Sim sim;
  SyscallScript& s = sim.script;
  s.Socket("a");
  s.Socket("b");
  for (const char* name : {"a", "b"}) s.SetInt(name, SOL_SOCKET, SO_REUSEPORT, 1);
  s.Bind("a");
  s.BindLike("b", "a");
  s.Listen("a", 200);
  s.Listen("b", 200);
  for (int i = 0; i < 100; ++i) {
    const std::string name = "c" + std::to_string(i);
    s.Socket(name);
    s.Connect(name, "a");
  }
  int at_a = 0;
  while (s.Accept("a", "a" + std::to_string(at_a)) >= 0) ++at_a;
  EXPECT_GT(at_a, 20);
  EXPECT_LT(at_a, 80);
}

TEST(SimKernelTest, WhatIsNotSimulatedFailsPlainly) {
  SimKernel kernel;
  const int set = kernel.EpollCreate();
  const int inner = kernel.EpollCreate();
  epoll_event event = {};
  EXPECT_EQ(-EPERM, kernel.EpollCtl(set, EPOLL_CTL_ADD, inner, &event));
  EXPECT_EQ(-ENOSYS, kernel.SignalFd(-1, nullptr));
  EXPECT_EQ(-ESOCKTNOSUPPORT, kernel.Socket(AF_INET, SOCK_DGRAM, 0));
}

TEST(SimKernelTest, MayGoWithEverythingOpen) {
  for (const SocketFamily family : {SocketFamily::kInet, SocketFamily::kUnix}) {
    auto kernel = std::make_unique<SimKernel>(WithDelay(milliseconds(1)));
    // Leaked on purpose: it would close what it opened.
    alignas(SyscallScript) static unsigned char storage[sizeof(SyscallScript)];
    auto* script = new (storage) SyscallScript(*kernel, family);
    script->Pair();
    kernel->Advance(seconds(1));
    script->Accept("l", "s");
    script->Send("c", "on the way");
    script->Socket("d");
    script->Connect("d", "l");
    script->Epoll();
    script->Add("c", kAllEdge);
    script->Add("l", kAllEdge);
    kernel->TimerFdSet(kernel->TimerFd(), kernel->now() + seconds(1));
    std::vector<int> open;
    for (const SimOpenFd& fd : kernel->OpenFds()) open.push_back(fd.fd);
    EXPECT_GE(open.size(), 6u);
    for (const char* name : {"l", "c", "s", "d", "ep"}) script->Adopt(name, -1);
    kernel.reset();
    script->~SyscallScript();
  }
}

}  // namespace
}  // namespace spindle
