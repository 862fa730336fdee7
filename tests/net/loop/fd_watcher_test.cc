#include "net/loop/fd_watcher.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/errno_status.h"
#include "base/live_counter.h"
#include "base/owned_fd.h"
#include "gtest/gtest.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/leak_check.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;

// Two descriptors that are connected: a pipe (first reads), or sockets.
struct Ends {
  OwnedFd first, second;

  static Ends Pipe() {
    std::array<int, 2> fds;
    EXPECT_EQ(pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC), 0);
    return {OwnedFd(fds[0]), OwnedFd(fds[1])};
  }
  static Ends Unix() {
    std::array<int, 2> fds;
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    return {OwnedFd(fds[0]), OwnedFd(fds[1])};
  }
  static Ends Tcp() {
    OwnedFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(listener.get(), generic, length), 0);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    EXPECT_EQ(getsockname(listener.get(), generic, &length), 0);
    OwnedFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(client.get(), generic, length), 0);
    return {OwnedFd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)),
            std::move(client)};
  }
};

void Send(const OwnedFd& fd) { ASSERT_EQ(write(fd.get(), "x", 1), 1); }

class FdWatcherTest : public LeakCheckTest {
 protected:
  FdWatcherTest() : loop_(*EventLoop::Create()) {}
  void TearDown() override {
    loop_.reset();
    LeakCheckTest::TearDown();
  }

  std::unique_ptr<FdWatcher> Watch(const OwnedFd& fd, Interest interest, Trigger trigger,
                                   absl::AnyInvocable<void(FdEvents)> callback) {
    auto watcher = FdWatcher::Create(*loop_, fd.get(), interest, trigger, std::move(callback));
    EXPECT_TRUE(watcher.ok()) << watcher.status();
    return watcher.ok() ? *std::move(watcher) : nullptr;
  }
  void Turn() { ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok()); }
  // How many turns the loop makes while a timer of 30 ms runs out; one or two if it sleeps.
  uint64_t TurnsWhileIdle() {
    const uint64_t before = loop_->Stats().turns;
    loop_->RunAfter(milliseconds(30), [&] { loop_->Quit(); });
    EXPECT_TRUE(loop_->Run().ok());
    return loop_->Stats().turns - before;
  }

  std::unique_ptr<EventLoop> loop_;
};

TEST_F(FdWatcherTest, LevelReportsInEveryTurnAsLongAsItHolds) {
  const Ends pipe = Ends::Pipe();
  int calls = 0;
  auto watcher = Watch(pipe.first, Interest::kRead, Trigger::kLevel, [&](FdEvents events) {
    ++calls;
    EXPECT_TRUE(events.readable);
    EXPECT_FALSE(events.writable || events.peer_closed || events.error || events.hangup);
  });
  Turn();
  EXPECT_EQ(calls, 0);
  Send(pipe.second);
  Turn();
  Turn();
  EXPECT_EQ(calls, 2);
  char byte;
  ASSERT_EQ(read(pipe.first.get(), &byte, 1), 1);
  Turn();
  EXPECT_EQ(calls, 2);
}

TEST_F(FdWatcherTest, EdgeReportsEachArrivalOnce) {
  const Ends pipe = Ends::Pipe();
  int calls = 0;
  auto watcher = Watch(pipe.first, Interest::kRead, Trigger::kEdge, [&](FdEvents) { ++calls; });
  Send(pipe.second);
  Turn();
  Turn();
  EXPECT_EQ(calls, 1);
  Send(pipe.second);
  Turn();
  EXPECT_EQ(calls, 2);
}

TEST_F(FdWatcherTest, OneShotReportsOnceUntilArmedAgain) {
  const Ends pipe = Ends::Pipe();
  int calls = 0;
  auto watcher = Watch(pipe.first, Interest::kRead, Trigger::kOneShot, [&](FdEvents) { ++calls; });
  Send(pipe.second);
  Turn();
  Send(pipe.second);
  Turn();
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(watcher->SetInterest(Interest::kRead, Trigger::kOneShot).ok());
  Turn();
  Turn();
  EXPECT_EQ(calls, 2);
}

TEST_F(FdWatcherTest, InterestDecidesWhatIsReported) {
  const Ends pair = Ends::Unix();
  FdEvents last;
  int calls = 0;
  auto watcher = Watch(pair.first, Interest::kWrite, Trigger::kLevel, [&](FdEvents events) {
    last = events;
    ++calls;
  });
  Send(pair.second);
  Turn();
  EXPECT_TRUE(last.writable);
  EXPECT_FALSE(last.readable);
  ASSERT_TRUE(watcher->SetInterest(Interest::kReadWrite, Trigger::kLevel).ok());
  EXPECT_EQ(watcher->interest(), Interest::kReadWrite);
  Turn();
  EXPECT_TRUE(last.readable && last.writable);
  ASSERT_TRUE(watcher->SetInterest(Interest::kNone, Trigger::kLevel).ok());
  calls = 0;
  Turn();
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(watcher->SetInterest(Interest::kRead | Interest::kPeerClosed, Trigger::kLevel).ok());
  ASSERT_EQ(shutdown(pair.second.get(), SHUT_WR), 0);
  Turn();
  EXPECT_TRUE(last.readable && last.peer_closed);
  EXPECT_FALSE(last.writable);
}

TEST_F(FdWatcherTest, ErrorAndHangupAreReportedUnasked) {
  Ends pair = Ends::Pipe();
  FdEvents last;
  auto watcher =
      Watch(pair.second, Interest::kWrite, Trigger::kEdge, [&](FdEvents events) { last = events; });
  pair.first.reset();
  Turn();
  EXPECT_TRUE(last.error);
  watcher.reset();
  Ends tcp = Ends::Tcp();
  watcher =
      Watch(tcp.first, Interest::kRead, Trigger::kEdge, [&](FdEvents events) { last = events; });
  const linger abort_on_close = {1, 0};
  setsockopt(tcp.second.get(), SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close);
  tcp.second.reset();
  Turn();
  EXPECT_TRUE(last.error && last.hangup && last.readable);
}

TEST_F(FdWatcherTest, UrgentDataIsReportedAsPriority) {
  const Ends tcp = Ends::Tcp();
  FdEvents last;
  auto watcher = Watch(tcp.first, Interest::kPriority, Trigger::kLevel,
                       [&](FdEvents events) { last = events; });
  ASSERT_EQ(send(tcp.second.get(), "!", 1, MSG_OOB), 1);
  Turn();
  EXPECT_TRUE(last.priority);
  EXPECT_FALSE(last.readable);
}

TEST_F(FdWatcherTest, NoCallbackInsideCreateOrSetInterest) {
  const Ends pipe = Ends::Pipe();
  Send(pipe.second);
  int calls = 0;
  auto watcher = Watch(pipe.first, Interest::kRead, Trigger::kLevel, [&](FdEvents) { ++calls; });
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(watcher->SetInterest(Interest::kRead, Trigger::kEdge).ok());
  EXPECT_EQ(calls, 0);
}

TEST_F(FdWatcherTest, WatcherMayDestroyItselfInItsCallback) {
  const Ends pipe = Ends::Pipe();
  Send(pipe.second);
  auto held = std::make_shared<int>(1);
  std::unique_ptr<FdWatcher> watcher;
  int calls = 0;
  watcher = Watch(pipe.first, Interest::kRead, Trigger::kLevel, [&, held](FdEvents) {
    watcher.reset();
    calls += *held;  // What was captured is still there.
  });
  Turn();
  Turn();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(FdWatcherTest, WatcherDestroyedOrPausedByASiblingOfItsBatchStaysSilent_L5) {
  for (const bool destroy : {true, false}) {
    const Ends a = Ends::Pipe(), b = Ends::Pipe();
    Send(a.second);
    Send(b.second);
    std::unique_ptr<FdWatcher> first, second;
    int calls = 0;
    const auto silence = [&](std::unique_ptr<FdWatcher>& other) {
      ++calls;
      if (destroy) {
        other.reset();
      } else {
        ASSERT_TRUE(other->SetInterest(Interest::kNone, Trigger::kLevel).ok());
      }
    };
    first = Watch(a.first, Interest::kRead, Trigger::kLevel, [&](FdEvents) { silence(second); });
    second = Watch(b.first, Interest::kRead, Trigger::kLevel, [&](FdEvents) { silence(first); });
    Turn();
    EXPECT_EQ(calls, 1);
  }
}

TEST_F(FdWatcherTest, EventOfTheBatchNeverReachesTheNextUserOfTheNumber_L5) {
  Ends a = Ends::Pipe(), b = Ends::Pipe();
  Send(a.second);
  Send(b.second);
  std::unique_ptr<FdWatcher> first, second, reused;
  int calls = 0;
  // Whoever comes first closes the other's descriptor and opens a quiet one of the same number.
  const auto replace = [&](std::unique_ptr<FdWatcher>& other, Ends& ends) {
    ++calls;
    other.reset();
    const int number = ends.first.get();
    ends.first.reset();
    ends = Ends::Pipe();
    ASSERT_EQ(ends.first.get(), number) << "the lowest free number";
    reused = Watch(ends.first, Interest::kRead, Trigger::kLevel, [](FdEvents) { FAIL(); });
  };
  first = Watch(a.first, Interest::kRead, Trigger::kLevel, [&](FdEvents) { replace(second, b); });
  second = Watch(b.first, Interest::kRead, Trigger::kLevel, [&](FdEvents) { replace(first, a); });
  Turn();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(loop_->Stats().stale_events, 1u);
}

TEST_F(FdWatcherTest, CallbackMayChangeItsInterest) {
  const Ends pair = Ends::Unix();
  Send(pair.second);
  std::string log;
  std::unique_ptr<FdWatcher> watcher;
  watcher = Watch(pair.first, Interest::kRead, Trigger::kLevel, [&](FdEvents events) {
    log += events.readable ? 'r' : 'w';
    const Interest next = log.size() < 2 ? Interest::kWrite : Interest::kNone;
    ASSERT_TRUE(watcher->SetInterest(next, Trigger::kLevel).ok());
  });
  for (int i = 0; i < 4; ++i) Turn();
  EXPECT_EQ(log, "rw");
}

TEST_F(FdWatcherTest, PausedWatcherResumes) {
  const Ends pipe = Ends::Pipe();
  int calls = 0;
  auto watcher = Watch(pipe.first, Interest::kNone, Trigger::kLevel, [&](FdEvents) { ++calls; });
  Send(pipe.second);
  Turn();
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(watcher->SetInterest(Interest::kRead, Trigger::kLevel).ok());
  Turn();
  EXPECT_EQ(calls, 1);
}

TEST_F(FdWatcherTest, RegularFileIsAlwaysReady) {
  const OwnedFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file.valid());
  FdEvents last;
  int calls = 0;
  const auto count = [&](FdEvents events) {
    last = events;
    ++calls;
  };
  auto watcher = Watch(file, Interest::kRead, Trigger::kLevel, count);
  EXPECT_EQ(calls, 0);
  for (int turn = 1; turn <= 3; ++turn) {
    ASSERT_TRUE(loop_->RunOnce().ok());  // Does not sleep.
    EXPECT_EQ(calls, turn);
  }
  EXPECT_TRUE(last.readable && !last.writable);
  ASSERT_TRUE(watcher->SetInterest(Interest::kReadWrite, Trigger::kOneShot).ok());
  calls = 0;
  Turn();
  Turn();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(last.readable && last.writable);
  ASSERT_TRUE(watcher->SetInterest(Interest::kNone, Trigger::kLevel).ok());
  EXPECT_LE(TurnsWhileIdle(), 3u);
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(watcher->SetInterest(Interest::kPeerClosed, Trigger::kLevel).ok());
  EXPECT_LE(TurnsWhileIdle(), 3u);
  EXPECT_EQ(calls, 1);
}

TEST_F(FdWatcherTest, RegularFilesWatcherMayDestroyItselfOrPause) {
  const OwnedFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  int calls = 0;
  std::unique_ptr<FdWatcher> watcher;
  watcher = Watch(file, Interest::kRead, Trigger::kLevel, [&](FdEvents) {
    if (++calls < 3) return;
    if (calls == 3) {
      ASSERT_TRUE(watcher->SetInterest(Interest::kNone, Trigger::kLevel).ok());
    } else {
      watcher.reset();
    }
  });
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(calls, 3);
  ASSERT_TRUE(watcher->SetInterest(Interest::kRead, Trigger::kLevel).ok());
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_EQ(calls, 4);
}

TEST_F(FdWatcherTest, ErrorsAreReportedAndNothingIsWatchedAfterOne_Z1) {
  const auto nothing = [](FdEvents) { FAIL(); };
  EXPECT_EQ(
      ErrnoOf(FdWatcher::Create(*loop_, -1, Interest::kRead, Trigger::kLevel, nothing).status()),
      EBADF);
  EXPECT_EQ(
      ErrnoOf(FdWatcher::Create(*loop_, 1000, Interest::kRead, Trigger::kLevel, nothing).status()),
      EBADF);
  EXPECT_EQ(
      ErrnoOf(
          FdWatcher::Create(*loop_, 1 << 24, Interest::kRead, Trigger::kLevel, nothing).status()),
      EMFILE);
  const Ends pipe = Ends::Pipe();
  auto watcher = Watch(pipe.first, Interest::kRead, Trigger::kLevel, nothing);
  EXPECT_EQ(
      ErrnoOf(FdWatcher::Create(*loop_, pipe.first.get(), Interest::kRead, Trigger::kLevel, nothing)
                  .status()),
      EEXIST);
  ASSERT_TRUE(watcher->SetInterest(Interest::kNone, Trigger::kLevel).ok());
  EXPECT_EQ(
      ErrnoOf(FdWatcher::Create(*loop_, pipe.first.get(), Interest::kRead, Trigger::kLevel, nothing)
                  .status()),
      EEXIST);
}

TEST_F(FdWatcherTest, FailureOfTheKernelLeavesAPausedWatcherThatCanBeArmedAgain_Z1) {
  FaultySyscalls faulty;
  auto loop = *EventLoop::Create({.syscalls = &faulty});
  const Ends pipe = Ends::Pipe();
  Send(pipe.second);
  int calls = 0;
  const auto count = [&](FdEvents) { ++calls; };
  faulty.FailNext(SysCall::kEpollCtl, ENOSPC);
  EXPECT_EQ(
      ErrnoOf(FdWatcher::Create(*loop, pipe.first.get(), Interest::kRead, Trigger::kLevel, count)
                  .status()),
      ENOSPC);
  auto watcher =
      *FdWatcher::Create(*loop, pipe.first.get(), Interest::kRead, Trigger::kLevel, count);
  faulty.FailNext(SysCall::kEpollCtl, ENOMEM);
  EXPECT_EQ(ErrnoOf(watcher->SetInterest(Interest::kReadWrite, Trigger::kLevel)), ENOMEM);
  EXPECT_EQ(watcher->interest(), Interest::kNone);
  ASSERT_TRUE(loop->RunOnce(WaitMode::kPoll).ok());
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(watcher->SetInterest(Interest::kRead, Trigger::kLevel).ok());
  ASSERT_TRUE(loop->RunOnce(WaitMode::kPoll).ok());
  EXPECT_EQ(calls, 1);
}

TEST_F(FdWatcherTest, LoopThatDiesFirstLeavesAnInertWatcher) {
  const Ends pipe = Ends::Pipe();
  auto watched = Watch(pipe.first, Interest::kRead, Trigger::kLevel, [](FdEvents) { FAIL(); });
  auto paused = Watch(pipe.second, Interest::kNone, Trigger::kLevel, [](FdEvents) { FAIL(); });
  loop_.reset();
  Send(pipe.second);
  EXPECT_EQ(ErrnoOf(watched->SetInterest(Interest::kRead, Trigger::kLevel)), ECANCELED);
  EXPECT_EQ(watched->interest(), Interest::kNone);
  EXPECT_EQ(watched->fd(), pipe.first.get());
}

TEST_F(FdWatcherTest, DescriptorThatLivesOnElsewhereIsSilentAfterTheWatcher_L6) {
  Ends pipe = Ends::Pipe();
  Send(pipe.second);
  const OwnedFd copy(fcntl(pipe.first.get(), F_DUPFD_CLOEXEC, 0));
  auto watcher = Watch(pipe.first, Interest::kRead, Trigger::kLevel, [](FdEvents) {});
  Turn();
  watcher.reset();
  pipe.first.reset();
  EXPECT_LE(TurnsWhileIdle(), 3u);
  EXPECT_EQ(loop_->Stats().stale_events, 0u);
}

TEST_F(FdWatcherTest, DescriptorHeldByAChildIsSilentAfterTheWatcher_L6) {
  Ends pipe = Ends::Pipe();
  Ends hold = Ends::Pipe();
  Send(pipe.second);
  auto watcher = Watch(pipe.first, Interest::kRead, Trigger::kLevel, [](FdEvents) {});
  const pid_t child = fork();
  if (child == 0) {
    hold.second.reset();
    char byte;
    while (read(hold.first.get(), &byte, 1) < 0) {  // Until the parent closes its end.
    }
    _exit(0);
  }
  Turn();
  watcher.reset();
  pipe.first.reset();
  EXPECT_LE(TurnsWhileIdle(), 3u);
  hold.second.reset();
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// A condition that cannot be masked (EPOLLHUP, EPOLLERR) must not keep the loop awake when nobody
// is interested.
TEST_F(FdWatcherTest, HangupWithoutInterestDoesNotSpin_L7) {
  enum class Peer { kCloses, kResets, kShutsDown };
  for (auto* make : {&Ends::Pipe, &Ends::Unix, &Ends::Tcp}) {
    for (const Peer peer : {Peer::kCloses, Peer::kResets, Peer::kShutsDown}) {
      for (const bool edge : {false, true}) {
        Ends ends = make();
        int calls = 0;
        std::unique_ptr<FdWatcher> watcher;
        // Level: loses interest at the first report. Edge: keeps it, and is told once.
        watcher = Watch(ends.first, Interest::kRead, edge ? Trigger::kEdge : Trigger::kLevel,
                        [&](FdEvents) {
                          ++calls;
                          if (edge) return;
                          ASSERT_TRUE(watcher->SetInterest(Interest::kNone, Trigger::kLevel).ok());
                        });
        if (peer == Peer::kShutsDown) {
          shutdown(ends.second.get(), SHUT_WR);
        } else {
          const linger now = {1, 0};
          if (peer == Peer::kResets) {
            setsockopt(ends.second.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
          }
          ends.second.reset();
        }
        EXPECT_LE(TurnsWhileIdle(), 4u);
        EXPECT_LE(calls, 1);
      }
    }
  }
}

TEST_F(FdWatcherTest, ChildThatDestroysItsCopyLeavesTheParentsAlone_L8) {
  std::vector<Ends> pipes;
  std::vector<std::unique_ptr<FdWatcher>> watchers;
  int calls = 0;
  for (int i = 0; i < 200; ++i) {
    pipes.push_back(Ends::Pipe());
    watchers.push_back(
        Watch(pipes.back().first, Interest::kRead, Trigger::kOneShot, [&](FdEvents) { ++calls; }));
  }
  const pid_t child = fork();
  if (child == 0) {
    watchers.clear();
    loop_.reset();
    pipes.clear();
    // A loop of its own must work.
    auto mine = EventLoop::Create();
    if (!mine.ok() || !(*mine)->RunOnce(WaitMode::kPoll).ok()) _exit(1);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  for (const Ends& pipe : pipes) Send(pipe.second);
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_EQ(calls, 200);
}

TEST_F(FdWatcherTest, ThousandWatchersLeaveNothing_Z3) {
  const Ends pipe = Ends::Pipe();
  for (int i = 0; i < 1000; ++i) {
    auto watcher = Watch(pipe.first, Interest::kRead, Trigger::kLevel, [](FdEvents) {});
    if (i % 2 == 0) Turn();
  }
  EXPECT_EQ(LiveCount<FdWatcher>(), 0);
}

}  // namespace
}  // namespace spindle
