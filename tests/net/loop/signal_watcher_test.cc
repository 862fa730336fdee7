#include "net/loop/signal_watcher.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop_thread.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/leak_check.h"

namespace spindle {
namespace {

bool Blocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

class SignalWatcherTest : public LeakCheckTest {
 protected:
  SignalWatcherTest() : loop_(*EventLoop::Create()) {}
  void TearDown() override {
    loop_.reset();
    LeakCheckTest::TearDown();
  }
  void Turn() { ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok()); }

  std::unique_ptr<EventLoop> loop_;
};

TEST_F(SignalWatcherTest, SignalsBecomeCallbacks) {
  std::vector<int> seen;
  auto watcher = *SignalWatcher::Create(*loop_, {SIGUSR1, SIGTERM, SIGUSR1},
                                        [&](int signal, const signalfd_siginfo& info) {
                                          seen.push_back(signal);
                                          EXPECT_EQ(info.ssi_pid, static_cast<uint32_t>(getpid()));
                                        });
  Turn();
  EXPECT_TRUE(seen.empty());
  kill(getpid(), SIGTERM);
  Turn();
  kill(getpid(), SIGUSR1);
  Turn();
  Turn();
  EXPECT_EQ(seen, (std::vector<int>{SIGTERM, SIGUSR1}));
}

TEST_F(SignalWatcherTest, MoreSignalsThanABatchAreAllReported) {
  int count = 0;
  auto watcher = *SignalWatcher::Create(*loop_, {SIGRTMIN}, [&](int, const signalfd_siginfo& info) {
    EXPECT_EQ(info.ssi_int, count++);
  });
  for (int i = 0; i < 50; ++i) {
    sigval value;
    value.sival_int = i;
    ASSERT_EQ(sigqueue(getpid(), SIGRTMIN, value), 0);
  }
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(count, 50);
}

TEST_F(SignalWatcherTest, MaskIsRestoredByTheLastWatcherAndOnlyWhatWasChanged) {
  ASSERT_FALSE(Blocked(SIGUSR1));
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  const auto nothing = [](int, const signalfd_siginfo&) {};
  auto first = *SignalWatcher::Create(*loop_, {SIGUSR1, SIGUSR2}, nothing);
  auto second = *SignalWatcher::Create(*loop_, {SIGUSR1}, nothing);
  EXPECT_TRUE(Blocked(SIGUSR1));
  first.reset();
  EXPECT_TRUE(Blocked(SIGUSR1)) << "the second watcher still wants it";
  second.reset();
  EXPECT_FALSE(Blocked(SIGUSR1));
  EXPECT_TRUE(Blocked(SIGUSR2)) << "not ours to unblock";
  pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
}

TEST_F(SignalWatcherTest, CallbackMayDestroyTheWatcher) {
  auto held = std::make_shared<int>(1);
  int seen = 0;
  std::unique_ptr<SignalWatcher> watcher;
  watcher = *SignalWatcher::Create(*loop_, {SIGRTMIN, SIGRTMIN + 1},
                                   [&, held](int, const signalfd_siginfo&) {
                                     watcher.reset();
                                     seen += *held;
                                   });
  // Ignored once unblocked, which the second one will be.
  signal(SIGRTMIN, SIG_IGN);
  signal(SIGRTMIN + 1, SIG_IGN);
  kill(getpid(), SIGRTMIN);
  kill(getpid(), SIGRTMIN + 1);
  Turn();
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(watcher, nullptr);
  EXPECT_EQ(held.use_count(), 1);
  signal(SIGRTMIN, SIG_DFL);
  signal(SIGRTMIN + 1, SIG_DFL);
}

TEST_F(SignalWatcherTest, BadSetsAreRefusedAndBlockNothing) {
  const auto nothing = [](int, const signalfd_siginfo&) {};
  for (const int bad : {0, -1, 65, SIGKILL, SIGSTOP, SIGSEGV}) {
    auto watcher = SignalWatcher::Create(*loop_, {SIGUSR1, bad}, nothing);
    EXPECT_EQ(watcher.status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(SignalWatcher::Create(*loop_, {}, nothing).ok());
  EXPECT_FALSE(Blocked(SIGUSR1));
}

TEST_F(SignalWatcherTest, EveryFailureOfCreateLeavesTheMaskAlone_Z1) {
  FaultySyscalls faulty;
  auto loop = *EventLoop::Create({.syscalls = &faulty});
  for (const SysCall call : {SysCall::kSignalFd, SysCall::kEpollCtl}) {
    faulty.FailNext(call, TypicalErrno(call));
    auto watcher = SignalWatcher::Create(*loop, {SIGUSR1}, [](int, const signalfd_siginfo&) {});
    EXPECT_EQ(ErrnoOf(watcher.status()), TypicalErrno(call));
    EXPECT_FALSE(Blocked(SIGUSR1));
  }
}

TEST_F(SignalWatcherTest, LoopThatDiesFirstLeavesAnInertWatcher) {
  auto watcher =
      *SignalWatcher::Create(*loop_, {SIGUSR1}, [](int, const signalfd_siginfo&) { FAIL(); });
  loop_.reset();
  EXPECT_TRUE(Blocked(SIGUSR1));
  watcher.reset();
  EXPECT_FALSE(Blocked(SIGUSR1));
}

TEST_F(SignalWatcherTest, LoopThreadsStartedBeforeLeaveTheSignalsAlone) {
  std::vector<std::unique_ptr<EventLoopThread>> threads;
  for (int i = 0; i < 3; ++i) threads.push_back(*EventLoopThread::Start());
  int seen = 0;
  auto watcher = *SignalWatcher::Create(*loop_, {SIGTERM}, [&](int, const signalfd_siginfo&) {
    ++seen;
    loop_->Quit();
  });
  // Its default action would end the process in any thread that does not block it.
  for (int i = 1; i <= 100; ++i) {
    kill(getpid(), SIGTERM);
    ASSERT_TRUE(loop_->Run().ok());
    ASSERT_EQ(seen, i);
  }
}

TEST_F(SignalWatcherTest, CallbackThatThrowsEndsTheProcess_L9) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto loop = *EventLoop::Create();
        auto watcher =
            *SignalWatcher::Create(*loop, {SIGUSR1}, [](int, const signalfd_siginfo&) { throw 1; });
        kill(getpid(), SIGUSR1);
        try {
          (void)loop->RunOnce();
        } catch (int) {
        }
        _exit(0);
      },
      "terminate called");
}

}  // namespace
}  // namespace spindle
