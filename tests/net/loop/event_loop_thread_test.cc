#include "net/loop/event_loop_thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "net/loop/fd_watcher.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::microseconds;
using std::chrono::minutes;

class EventLoopThreadTest : public LeakCheckTest {
 private:
  const Watchdog watchdog_{minutes(4)};
};

// Returns once the loop is gone.
void WaitForEndOf(const LoopRef& ref) {
  while (ref.CallAndWait([] {})) std::this_thread::yield();
}

TEST_F(EventLoopThreadTest, LoopRunsOnAThreadOfItsName) {
  auto thread = *EventLoopThread::Start({.loop = {.name = "a-name-of-more-than-15-bytes"}});
  std::string name;
  EXPECT_TRUE(thread->ref().CallAndWait([&] {
    char buffer[16];
    ASSERT_EQ(pthread_getname_np(pthread_self(), buffer, sizeof buffer), 0);
    name = buffer;
    EXPECT_TRUE(thread->loop().IsInLoop());
  }));
  EXPECT_EQ(name, "a-name-of-more-");
  EXPECT_EQ(thread->loop().name(), "a-name-of-more-than-15-bytes");
}

TEST_F(EventLoopThreadTest, LoopIsHeldByItsThreadWhenStartReturns) {
  for (int i = 0; i < 200; ++i) {
    auto thread = *EventLoopThread::Start();
    std::thread::id where;
    ASSERT_TRUE(thread->ref().CallAndWait([&] { where = std::this_thread::get_id(); }));
    ASSERT_NE(where, std::this_thread::get_id());
  }
}

TEST_F(EventLoopThreadTest, ThreadIsPinned) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  auto thread = *EventLoopThread::Start({.cpu = cpu});
  thread->ref().CallAndWait([&] {
    cpu_set_t mine;
    ASSERT_EQ(sched_getaffinity(0, sizeof mine, &mine), 0);
    EXPECT_EQ(CPU_COUNT(&mine), 1);
    EXPECT_TRUE(CPU_ISSET(cpu, &mine));
  });
  for (const int wrong : {CPU_SETSIZE - 1, CPU_SETSIZE, 1 << 30}) {
    EXPECT_EQ(ErrnoOf(EventLoopThread::Start({.cpu = wrong}).status()), EINVAL);
  }
}

TEST_F(EventLoopThreadTest, SignalsAreBlockedInTheThreadAndNotInItsStarter) {
  sigset_t before, after, there;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  auto thread = *EventLoopThread::Start();
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  thread->ref().CallAndWait([&] { pthread_sigmask(SIG_SETMASK, nullptr, &there); });
  for (int signal = 1; signal < SIGRTMAX; ++signal) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGPIPE, SIGALRM}) {
    EXPECT_EQ(sigismember(&there, signal), 1) << signal;
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF}) {
    EXPECT_EQ(sigismember(&there, signal), 0) << signal;
  }
}

TEST_F(EventLoopThreadTest, LoopThatWasQuitStandsStillButLives) {
  auto thread = *EventLoopThread::Start();
  thread->loop().Quit();
  // Once it stands still, calls run on the caller's thread.
  std::thread::id where;
  do {
    ASSERT_TRUE(thread->ref().CallAndWait([&] { where = std::this_thread::get_id(); }));
  } while (where != std::this_thread::get_id());
  EXPECT_TRUE(thread->ref().Post([] { FAIL(); }));
  const LoopRef ref = thread->ref();
  thread.reset();
  EXPECT_FALSE(ref.Post([] {}));
}

TEST_F(EventLoopThreadTest, LoopIsDestroyedOnItsOwnThread) {
  struct WhereDestroyed {
    explicit WhereDestroyed(std::thread::id* o) : out(o) {}
    WhereDestroyed(WhereDestroyed&& other) noexcept : out(std::exchange(other.out, nullptr)) {}
    ~WhereDestroyed() {
      if (out != nullptr) *out = std::this_thread::get_id();
    }
    std::thread::id* out;
  };
  std::thread::id ran, destroyed;
  auto thread = *EventLoopThread::Start();
  thread->ref().CallAndWait([&] {
    ran = std::this_thread::get_id();
    thread->loop().RunAfter(minutes(10), [guard = WhereDestroyed(&destroyed)] {});
  });
  thread.reset();
  EXPECT_EQ(ran, destroyed);
}

TEST_F(EventLoopThreadTest, DestroyedInEveryKindOfCallbackOfItsOwnLoop_H1) {
  for (int kind = 0; kind < 4; ++kind) {
    auto thread = *EventLoopThread::Start();
    const LoopRef ref = thread->ref();
    EventLoop* const loop = &thread->loop();
    std::atomic<bool> went_on{false};
    const auto destroy = [&] {
      thread.reset();
      // The loop is still there, and so is its turn.
      loop->RunAfter(minutes(1), [] {});
      EXPECT_TRUE(loop->IsInLoop());
      went_on.store(true);
    };
    std::unique_ptr<FdWatcher> watcher;
    switch (kind) {
      case 0:
        ref.Post(destroy);
        break;
      case 1:
        ref.CallAndWait([&] { loop->RunAfter(microseconds(1), destroy); });
        break;
      case 2:
        EXPECT_TRUE(ref.CallAndWait(destroy));
        break;
      case 3:
        ref.CallAndWait([&] {
          watcher = *FdWatcher::Create(*loop, 0, Interest::kReadWrite, Trigger::kOneShot,
                                       [&](FdEvents) { destroy(); });
        });
        // Standard input may be silent here: a task of its own then does it.
        ref.Post([&] {
          if (thread != nullptr) destroy();
        });
        break;
    }
    WaitForEndOf(ref);
    EXPECT_TRUE(went_on.load());
  }
}

TEST_F(EventLoopThreadTest, DestroyedByAThreadThatActsInTheLoopsStead_H1) {
  auto thread = *EventLoopThread::Start();
  const LoopRef ref = thread->ref();
  thread->loop().Quit();
  const std::thread::id me = std::this_thread::get_id();
  while (thread != nullptr) {
    ASSERT_TRUE(ref.CallAndWait([&] {
      if (std::this_thread::get_id() == me) thread.reset();
    }));
  }
  WaitForEndOf(ref);
}

TEST_F(EventLoopThreadTest, JoinServesCallsToTheLoopOfTheOneWhoWaits_H2) {
  for (int i = 0; i < 200; ++i) {
    auto main_loop = *EventLoop::Create();
    auto thread = *EventLoopThread::Start();
    std::atomic<bool> calling{false};
    int served = 0;
    thread->ref().Post([&, main = main_loop->ref()] {
      calling.store(true);
      for (int n = 0; n < 10; ++n) EXPECT_TRUE(main.CallAndWait([&] { ++served; }));
    });
    main_loop->Post([&] {
      while (!calling.load()) std::this_thread::yield();
      thread.reset();
    });
    ASSERT_TRUE(main_loop->RunOnce().ok());
    EXPECT_EQ(served, 10);
  }
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kStarts = 1000;  // Each takes ten times as long.
#else
constexpr int kStarts = 10'000;
#endif

TEST_F(EventLoopThreadTest, StopsAtAnyMoment_H2) {
  Random random(1);
  for (int i = 0; i < kStarts; ++i) {
    auto thread = *EventLoopThread::Start();
    if (random.OneIn(2)) thread->ref().Post([] {});
    if (random.OneIn(4)) thread->loop().Quit();
    for (uint64_t spin = random.Uniform(2000); spin > 0; --spin) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    if (random.OneIn(8)) std::this_thread::yield();
  }
}

TEST_F(EventLoopThreadTest, EveryFailureOfStartIsReportedAndLeavesNothing_Z1) {
  FaultySyscalls faulty;
  for (uint64_t n = 0; n < 10; ++n) {
    // Of the calls that the thread makes up to its first turn. The wake-up is not among them: it
    // fails only when it is not needed.
    std::atomic<uint64_t> left{n};
    std::atomic<int> failed_with{0};
    faulty.SetHook([&](const SysCallInfo& info) {
      if (info.call == SysCall::kWrite || info.call == SysCall::kClose) return 0;
      if (left.fetch_sub(1) != 0) return 0;
      failed_with.store(TypicalErrno(info.call));
      return failed_with.load();
    });
    auto thread = EventLoopThread::Start({.loop = {.syscalls = &faulty}});
    EXPECT_TRUE(n >= 6 || !thread.ok()) << "call " << n;
    // A failure later on ends the loop's run, and everything else still works.
    if (thread.ok()) {
      EXPECT_TRUE((*thread)->ref().Post([] {}));
      EXPECT_TRUE((*thread)->ref().CallAndWait([] {}));
    } else {
      EXPECT_EQ(ErrnoOf(thread.status()), failed_with.load());
    }
    thread = absl::CancelledError();
    faulty.SetHook(nullptr);
  }
}

TEST_F(EventLoopThreadTest, HundredThreadsLeaveNothing_Z3) {
  for (int i = 0; i < 5; ++i) {
    std::vector<std::unique_ptr<EventLoopThread>> threads;
    for (int n = 0; n < 20; ++n) threads.push_back(*EventLoopThread::Start());
    for (auto& thread : threads) thread->ref().Post([] {});
  }
}

}  // namespace
}  // namespace spindle
