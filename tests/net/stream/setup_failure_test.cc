// Each call on the way from nothing to a served connection fails in turn, and whatever was made
// before it is given back; and a program that is executed meanwhile inherits nothing.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "net/loop/signal_watcher.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"
#include "tests/testing/unique_name.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;

// How a connection comes to its loop.
struct Way {
  size_t workers;
  Placement placement;
  bool unix_socket;
};

class SetupFailureTest : public testing::TestWithParam<Way> {
 protected:
  struct Outcome {
    absl::Status status;  // Of pool and listener.
    bool echoed = false;
    bool counted = true;  // The server's sums agree with each other.
  };

  // Loops, listener, connection, echo, end. A connection that is lost on the way is tried again.
  Outcome Scenario(Syscalls& syscalls) {
    StreamAudit server_audit;
    StreamAudit client_audit;
    auto main = EventLoop::Create({.syscalls = &syscalls});
    if (!main.ok()) return {.status = main.status()};
    auto pool = EventLoopThreadPool::Start(
        **main, {.workers = GetParam().workers, .loop = {.syscalls = &syscalls}});
    if (!pool.ok()) return {.status = pool.status()};
    (*main)->RunEvery(milliseconds(1), [] {});
    StreamServerOptions options;
    options.placement = GetParam().placement;
    const SocketAddress address = GetParam().unix_socket
                                      ? *SocketAddress::UnixAbstract(UniqueName("spindle-a6-"))
                                      : SocketAddress::LoopbackV4(0);
    auto server = StreamServer::Listen(
        **pool, address,
        server_audit.Watch({.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }}),
        std::move(options));
    if (!server.ok()) return {.status = server.status()};
    Outcome outcome;
    StreamClient client(**main, (*server)->address(),
                        client_audit.Watch({.on_open = [](Connection& c) { c.Write("x"); },
                                            .on_bytes =
                                                [&](Connection& c, Buffer& in) {
                                                  in.Clear();
                                                  outcome.echoed = true;
                                                  c.Close();
                                                }}),
                        {.retry = {.max_attempts = 0,
                                   .initial_backoff = milliseconds(1),
                                   .reconnect_after_close = true}});
    client.Connect();
    const TimePoint limit = Clock::now() + std::chrono::minutes(1);
    while (!(outcome.echoed && (*server)->connections() == 0) && Clock::now() < limit) {
      if (!(*main)->RunOnce().ok()) break;
    }
    const StreamServerStats stats = (*server)->stats();
    outcome.counted = server_audit.opened() + stats.failed == stats.accepted;
    return outcome;
  }
};

// The calls that make something, or that say what was made. Those that move bytes and those that
// wait have tests of their own.
constexpr SysCall kCalls[] = {
    SysCall::kSocket,      SysCall::kBind,        SysCall::kListen,     SysCall::kAccept,
    SysCall::kConnect,     SysCall::kGetSockOpt,  SysCall::kSetSockOpt, SysCall::kGetSockName,
    SysCall::kGetPeerName, SysCall::kEpollCreate, SysCall::kEpollCtl,   SysCall::kEventFd,
    SysCall::kTimerFd,     SysCall::kShutdown,    SysCall::kClose,
};

// Counted by kind: between threads the order of kinds differs from run to run.
TEST_P(SetupFailureTest, NothingLeaksWhicheverCallFails_A6_Z1) {
  const Watchdog watchdog(std::chrono::minutes(4));
  const LeakCheck leaks;
  std::map<SysCall, int> points;
  for (const SysCall call : kCalls) {
    while (!HasFailure()) {
      FaultySyscalls faulty;
      std::atomic<int> left{points[call]};
      std::atomic<bool> failed{false};
      faulty.SetHook([&](const SysCallInfo& info) {
        if (info.call != call || left.fetch_sub(1) != 0) return 0;
        failed = true;
        return TypicalErrno(call);
      });
      const Outcome outcome = Scenario(faulty);
      SCOPED_TRACE(testing::Message() << SysCallName(call) << " " << points[call]);
      // Either the set-up says what failed, or all is well in the end.
      if (outcome.status.ok()) {
        EXPECT_TRUE(outcome.echoed);
        EXPECT_TRUE(outcome.counted);
      } else if (call != SysCall::kGetSockName) {  // Whose failure has no errno of its own.
        EXPECT_EQ(ErrnoOf(outcome.status), TypicalErrno(call)) << outcome.status;
      }
      leaks.ExpectUnchanged();
      if (!failed) break;
      ++points[call];
    }
  }
  for (const SysCall call : {SysCall::kSocket, SysCall::kBind, SysCall::kListen, SysCall::kAccept,
                             SysCall::kConnect, SysCall::kEpollCreate, SysCall::kEpollCtl,
                             SysCall::kEventFd, SysCall::kTimerFd, SysCall::kClose}) {
    EXPECT_GT(points[call], 0) << SysCallName(call);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ways, SetupFailureTest,
    testing::Values(Way{0, Placement::kRoundRobin, false}, Way{0, Placement::kRoundRobin, true},
                    Way{2, Placement::kRoundRobin, false}, Way{2, Placement::kReusePort, false}),
    [](const testing::TestParamInfo<Way>& info) {
      return std::string(info.param.unix_socket ? "Unix" : "Tcp") +
             std::to_string(info.param.workers) +
             (info.param.placement == Placement::kReusePort ? "ReusePort" : "");
    });

// What a program that this process executes finds open, by number.
std::set<std::string> DescriptorsOfAChild() {
  std::array<int, 2> ends;
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execl("/bin/ls", "ls", "/proc/self/fd", nullptr);
    _exit(127);
  }
  close(ends[1]);
  std::string text;
  char block[4096];
  ssize_t got = 0;
  while ((got = read(ends[0], block, sizeof block)) > 0)
    text.append(block, static_cast<size_t>(got));
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  std::set<std::string> numbers;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    numbers.insert(text.substr(at, end - at));
    at = end + 1;
  }
  return numbers;
}

TEST(ExecTest, ExecutedProgramInheritsNothing_A6) {
  const Watchdog watchdog(std::chrono::minutes(4));
  const std::set<std::string> before = DescriptorsOfAChild();
  EXPECT_GE(before.size(), 3u);
  const std::map<int, std::string> ours_before = OpenFds();
  const LeakCheck leaks;
  {
    StreamEnv env(Machine{Machine::Kind::kKernel, 2});
    const std::array<int, 1> signals = {SIGUSR2};
    auto watcher = SignalWatcher::Create(env.client_loop(), signals, [](int, const auto&) {});
    ASSERT_TRUE(watcher.ok());
    StreamServerOptions each;
    each.placement = Placement::kReusePort;
    auto shared = env.Listen({}, std::move(each));
    for (const bool unix_socket : {false, true}) {
      auto server =
          env.TryListen(unix_socket ? *SocketAddress::UnixAbstract(UniqueName("spindle-exec-"))
                                    : SocketAddress::LoopbackV4(0),
                        {.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }});
      ASSERT_TRUE(server.ok()) << server.status();
      bool echoed = false;
      StreamClient client(env.client_loop(), (*server)->address(),
                          {.on_open = [](Connection& c) { c.Write("x"); },
                           .on_bytes =
                               [&](Connection&, Buffer& in) {
                                 in.Clear();
                                 echoed = true;
                               }});
      client.Connect();
      // While it is connecting, too.
      EXPECT_EQ(DescriptorsOfAChild(), before);
      ASSERT_TRUE(env.RunUntil([&] { return echoed; }));
      // Three loops of three descriptors, a signalfd, three and one listeners, both ends.
      EXPECT_EQ(OpenFds().size(), ours_before.size() + 9 + 1 + 2 + 1 + 2);
      EXPECT_EQ(DescriptorsOfAChild(), before);
    }
  }
  leaks.ExpectUnchanged();
}

}  // namespace
}  // namespace spindle
