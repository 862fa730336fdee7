#include "net/loop/loop_ref.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/syscalls.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread.h"
#include "net/loop/fd_watcher.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::minutes;

// A gate that threads wait at until it is opened.
class Gate {
 public:
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  void Pass() {
    MutexLock lock(mutex_);
    while (!open_) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

class LoopRefTest : public LeakCheckTest {
 private:
  const Watchdog watchdog_{minutes(4)};
};

TEST_F(LoopRefTest, DefaultMadeOneNamesNoLoop) {
  const LoopRef ref;
  EXPECT_FALSE(ref);
  EXPECT_FALSE(ref.Post([] {}));
  EXPECT_FALSE(ref.CallAndWait([] {}));
  EXPECT_FALSE(ref.Quit());
  EXPECT_FALSE(ref.IsInLoop());
  EXPECT_EQ(ref, LoopRef());
}

TEST_F(LoopRefTest, EverythingIsRefusedOnceTheLoopIsGone) {
  auto loop = *EventLoop::Create();
  const LoopRef ref = loop->ref();
  EXPECT_TRUE(ref);
  EXPECT_EQ(ref, loop->ref());
  loop.reset();
  auto held = std::make_shared<int>(0);
  EXPECT_FALSE(ref.Post([held] { FAIL(); }));
  EXPECT_EQ(held.use_count(), 1) << "the task was kept";
  EXPECT_FALSE(ref.CallAndWait([] { FAIL(); }));
  EXPECT_FALSE(ref.Quit());
}

// The thread that quits is not joined before the loop is destroyed, and may be at it still.
TEST_F(LoopRefTest, QuitMayMeetTheEndOfTheLoop) {
  std::vector<std::thread> late;
  for (int round = 0; round < 300; ++round) {
    auto loop = *EventLoop::Create();
    late.emplace_back([ref = loop->ref()] { EXPECT_TRUE(ref.Quit()); });
    EXPECT_TRUE(loop->Run().ok());
    loop.reset();
  }
  for (std::thread& thread : late) thread.join();
}

TEST_F(LoopRefTest, TasksOfOneThreadRunInOrder) {
  auto thread = *EventLoopThread::Start();
  std::array<std::vector<int>, 4> seen;
  std::vector<std::thread> posters;
  for (auto& mine : seen) {
    posters.emplace_back([ref = thread->ref(), &mine] {
      for (int i = 0; i < 5000; ++i) ref.Post([&mine, i] { mine.push_back(i); });
    });
  }
  for (std::thread& poster : posters) poster.join();
  bool done = false;
  ASSERT_TRUE(thread->ref().Post([&] { done = true; }));
  bool seen_done = false;
  while (!seen_done) thread->ref().CallAndWait([&] { seen_done = done; });
  for (const auto& mine : seen) {
    ASSERT_EQ(mine.size(), 5000u);
    for (int i = 0; i < 5000; ++i) ASSERT_EQ(mine[static_cast<size_t>(i)], i);
  }
}

TEST_F(LoopRefTest, CallRunsDirectlyOnTheLoopsThreadAndOnAnIdleLoop) {
  auto loop = *EventLoop::Create();
  const LoopRef ref = loop->ref();
  const auto me = std::this_thread::get_id();
  bool idle = false, inside = false;
  EXPECT_TRUE(ref.CallAndWait([&] {
    idle = std::this_thread::get_id() == me && ref.IsInLoop();
    // The full rights of the loop's thread.
    loop->RunAfter(Duration::zero(), [&] { EXPECT_TRUE(ref.CallAndWait([&] { inside = true; })); });
  }));
  EXPECT_TRUE(idle);
  EXPECT_FALSE(ref.IsInLoop());
  ASSERT_TRUE(loop->RunOnce().ok());
  EXPECT_TRUE(inside);
}

TEST_F(LoopRefTest, CallRunsOnTheThreadThatRunsTheLoop) {
  auto thread = *EventLoopThread::Start();
  std::thread::id there;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(thread->ref().CallAndWait([&] { there = std::this_thread::get_id(); }));
    ASSERT_NE(there, std::this_thread::get_id());
  }
}

TEST_F(LoopRefTest, LoopsMayCallEachOtherAllAtOnce) {
  std::vector<std::unique_ptr<EventLoopThread>> threads;
  for (int i = 0; i < 4; ++i) threads.push_back(*EventLoopThread::Start());
  constexpr int kRounds = 300;
  std::atomic<int> calls{0}, finished{0};
  std::vector<std::function<void(int)>> rounds(threads.size());
  for (size_t i = 0; i < threads.size(); ++i) {
    rounds[i] = [&, i](int left) {
      if (left == 0) {
        ++finished;
        return;
      }
      // Everybody calls everybody, two deep, while being called.
      for (size_t j = 0; j < threads.size(); ++j) {
        EXPECT_TRUE(threads[j]->ref().CallAndWait([&] {
          ++calls;
          EXPECT_TRUE(threads[i]->ref().CallAndWait([&] { ++calls; }));
        }));
      }
      threads[i]->ref().Post([&, i, left] { rounds[i](left - 1); });
    };
    threads[i]->ref().Post([&, i] { rounds[i](kRounds); });
  }
  while (finished.load() < 4) std::this_thread::yield();
  EXPECT_EQ(calls.load(), kRounds * 4 * 4 * 2);
  threads.clear();
}

TEST_F(LoopRefTest, CallsToALoopThatStopsAreServedOrRefusedButNeverLost) {
  for (int i = 0; i < 300; ++i) {
    auto thread = *EventLoopThread::Start();
    std::atomic<int> served{0}, counted{0};
    std::vector<std::thread> callers;
    for (int t = 0; t < 3; ++t) {
      callers.emplace_back([&, ref = thread->ref()] {
        while (ref.CallAndWait([&] { ++served; })) ++counted;
      });
    }
    while (counted.load() < 20) std::this_thread::yield();
    thread.reset();
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(served.load(), counted.load());
  }
}

TEST_F(LoopRefTest, LoopIsNotDestroyedUnderOneWhoActsInItsStead) {
  for (int i = 0; i < 300; ++i) {
    auto loop = *EventLoop::Create();
    std::atomic<bool> inside{false};
    bool finished = false;
    std::thread borrower([&, ref = loop->ref(), raw = loop.get()] {
      EXPECT_TRUE(ref.CallAndWait([&] {
        inside.store(true);
        for (int n = 0; n < 50; ++n) raw->RunAfter(minutes(1), [] {});
        finished = true;
      }));
    });
    while (!inside.load()) std::this_thread::yield();
    loop.reset();
    EXPECT_TRUE(finished);
    borrower.join();
  }
}

TEST_F(LoopRefTest, RunWaitsForABorrowerThatNeedsAnotherLoopOfTheSameThread) {
  auto outer = *EventLoop::Create();
  auto inner = *EventLoop::Create();
  Gate borrowed;
  std::atomic<bool> waiting{false};
  int calls = 0;
  std::thread borrower([&] {
    EXPECT_TRUE(inner->ref().CallAndWait([&] {
      borrowed.Open();
      while (!waiting.load()) std::this_thread::yield();
      // The thread that runs `outer` is waiting for us to let go of `inner`.
      EXPECT_TRUE(outer->ref().CallAndWait([&] { ++calls; }));
    }));
  });
  outer->Post([&] {
    borrowed.Pass();
    waiting.store(true);
    EXPECT_TRUE(inner->RunOnce(WaitMode::kPoll).ok());
  });
  EXPECT_TRUE(outer->RunOnce().ok());
  borrower.join();
  EXPECT_EQ(calls, 1);
}

// ---- L2: a wake-up on its way while the loop dies must not reach a descriptor of somebody else.

class Canaries {
 public:
  Canaries() {
    for (int& fd : fds_) fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  }
  Canaries(const Canaries&) = delete;
  Canaries& operator=(const Canaries&) = delete;
  ~Canaries() {
    for (const int fd : fds_) close(fd);
  }
  bool Touched() const {
    uint64_t count = 0;
    bool touched = false;
    // EAGAIN is what an untouched one says; one that somebody has closed says something else.
    for (const int fd : fds_) touched |= read(fd, &count, sizeof count) > 0 || errno != EAGAIN;
    return touched;
  }

 private:
  std::array<int, 8> fds_{};
};

// Holds the next wake-up back, just before it is written.
class SlowWakeSyscalls : public Syscalls {
 public:
  ssize_t Write(int fd, const void* data, size_t length) override {
    if (armed.exchange(false)) {
      under_way.Open();
      go_on.Pass();
    }
    return Syscalls::Write(fd, data, length);
  }
  std::atomic<bool> armed{false};
  Gate under_way;
  Gate go_on;
};

TEST_F(LoopRefTest, WakeUpUnderWayDuringDestructionHitsNobodyElse_L2) {
  SlowWakeSyscalls slow;
  auto loop = *EventLoop::Create({.syscalls = &slow});
  std::array<int, 2> ends;
  ASSERT_EQ(pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
  auto watcher = *FdWatcher::Create(*loop, ends[0], Interest::kRead, Trigger::kEdge,
                                    [&](FdEvents) { loop->Quit(); });
  slow.armed.store(true);
  std::thread runner([&] { EXPECT_TRUE(loop->Run().ok()); });
  std::thread poster([&, ref = loop->ref()] {
    // Until one finds the loop asleep, and is then held back.
    while (slow.armed.load()) ref.Post([] {});
  });
  slow.under_way.Pass();
  EXPECT_EQ(write(ends[1], "x", 1), 1);
  runner.join();
  watcher.reset();
  loop.reset();
  const Canaries canaries;
  slow.go_on.Open();
  poster.join();
  EXPECT_FALSE(canaries.Touched());
  for (const int fd : ends) close(fd);
}

TEST_F(LoopRefTest, EightThreadsPostWhileTheLoopDies_L2) {
  for (int i = 0; i < 200; ++i) {
    auto thread = *EventLoopThread::Start();
    std::atomic<int> posting{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> posters;
    for (int t = 0; t < 8; ++t) {
      posters.emplace_back([&, ref = thread->ref()] {
        ++posting;
        while (!stop.load()) {
          ref.Post([] {});
          std::this_thread::yield();
        }
      });
    }
    while (posting.load() < 8) std::this_thread::yield();
    thread.reset();
    const Canaries canaries;
    // Let each of them try again.
    for (int n = 0; n < 20; ++n) std::this_thread::yield();
    stop.store(true);
    for (std::thread& poster : posters) poster.join();
    ASSERT_FALSE(canaries.Touched());
  }
}

}  // namespace
}  // namespace spindle
