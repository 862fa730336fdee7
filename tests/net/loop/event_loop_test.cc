#include "net/loop/event_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "net/loop/fd_watcher.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/manual_time_syscalls.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(ends_.data(), O_NONBLOCK | O_CLOEXEC), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  int reader() const { return ends_[0]; }
  void Send() const { EXPECT_EQ(write(ends_[1], "x", 1), 1); }
  void Take() const {
    char byte;
    EXPECT_EQ(read(ends_[0], &byte, 1), 1);
  }

 private:
  std::array<int, 2> ends_{};
};

class EventLoopTest : public LeakCheckTest {};

TEST_F(EventLoopTest, LoopsAreNumberedAndNamed) {
  auto a = *EventLoop::Create({.name = "first"});
  auto b = *EventLoop::Create();
  EXPECT_EQ(a->name(), "first");
  EXPECT_EQ(b->name(), "loop");
  EXPECT_EQ(b->index(), a->index() + 1);
  EXPECT_EQ(a->backend_name(), "epoll");
}

TEST_F(EventLoopTest, QuitBeforeRunIsKeptAndUsedUpOnce) {
  auto loop = *EventLoop::Create();
  loop->Quit();
  loop->Quit();
  ASSERT_TRUE(loop->Run().ok());
  int runs = 0;
  loop->Post([&] {
    ++runs;
    loop->Quit();
  });
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(runs, 1) << "the second request lived on";
}

TEST_F(EventLoopTest, QuitLetsTheTurnFinish) {
  auto loop = *EventLoop::Create();
  std::vector<int> order;
  loop->Post([&] {
    order.push_back(1);
    loop->Quit();
  });
  loop->Post([&] { order.push_back(2); });
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST_F(EventLoopTest, RunOnceLeavesAQuitRequestToRunAndDoesNotSleepOnIt) {
  const Watchdog watchdog(minutes(1));
  auto loop = *EventLoop::Create();
  loop->Quit();
  ASSERT_TRUE(loop->RunOnce(WaitMode::kBlock).ok());
  ASSERT_TRUE(loop->Run().ok());
}

TEST_F(EventLoopTest, RunOnceCountsWhatItRan) {
  auto loop = *EventLoop::Create();
  const Pipe pipe;
  pipe.Send();
  auto watcher = *FdWatcher::Create(*loop, pipe.reader(), Interest::kRead, Trigger::kLevel,
                                    [&](FdEvents) { pipe.Take(); });
  loop->Post([] {});
  loop->RunAfter(Duration::zero(), [] {});
  EXPECT_EQ(*loop->RunOnce(WaitMode::kPoll), 3u);
  EXPECT_EQ(*loop->RunOnce(WaitMode::kPoll), 0u);
  const LoopStats stats = loop->Stats();
  EXPECT_EQ(stats.turns, 2u);
  EXPECT_EQ(stats.events, 1u);
  EXPECT_EQ(stats.tasks_run, 1u);
  EXPECT_EQ(stats.timers_fired, 1u);
}

TEST_F(EventLoopTest, TurnRunsEventsThenTimersThenTasks) {
  auto loop = *EventLoop::Create();
  std::string order;
  const Pipe pipe;
  pipe.Send();
  auto watcher = *FdWatcher::Create(*loop, pipe.reader(), Interest::kRead, Trigger::kEdge,
                                    [&](FdEvents) { order += 'e'; });
  loop->Post([&] { order += 't'; });
  loop->RunAfter(Duration::zero(), [&] { order += 'm'; });
  ASSERT_TRUE(loop->RunOnce(WaitMode::kPoll).ok());
  EXPECT_EQ(order, "emt");
}

TEST_F(EventLoopTest, NowIsTheTimeOfTheTurn) {
  ManualTimeSyscalls time;
  auto loop = *EventLoop::Create({.syscalls = &time});
  loop->Post([&] {
    const TimePoint begin = loop->now();
    time.clock().Advance(seconds(1));
    EXPECT_EQ(loop->now(), begin);
    EXPECT_EQ(loop->Now(), begin + seconds(1));
  });
  ASSERT_TRUE(loop->RunOnce().ok());
}

TEST_F(EventLoopTest, StatsMeasureWaitBusyAndLag) {
  ManualTimeSyscalls time;
  auto loop = *EventLoop::Create({.syscalls = &time});
  loop->RunAfter(milliseconds(10), [&] { time.clock().Advance(milliseconds(7)); });
  loop->RunAfter(milliseconds(12), [] {});
  ASSERT_TRUE(loop->RunOnce().ok());
  ASSERT_TRUE(loop->RunOnce().ok());
  loop->Post([] {});
  time.clock().Advance(milliseconds(3));
  ASSERT_TRUE(loop->RunOnce().ok());
  const LoopStats stats = loop->Stats();
  EXPECT_EQ(stats.wait_time, milliseconds(10 + 3));
  EXPECT_EQ(stats.busy_time, milliseconds(7));
  EXPECT_EQ(stats.max_busy_time, milliseconds(7));
  EXPECT_EQ(stats.max_timer_lag, milliseconds(5));
  EXPECT_EQ(stats.max_task_wait, milliseconds(3));
}

// A task queued from wherever runs without the loop ever sleeping in between: on this clock a sleep
// would move the time, or end the test.
TEST_F(EventLoopTest, TaskNeverWaitsForASleep_L1) {
  ManualTimeSyscalls time;
  auto loop = *EventLoop::Create({.syscalls = &time});
  const Pipe pipe;
  const TimePoint start = time.Now();
  int runs = 0;
  const auto task = [&] {
    ++runs;
    EXPECT_EQ(time.Now(), start);
  };
  loop->Post(task);  // Before the first turn.
  ASSERT_TRUE(loop->RunOnce().ok());
  EXPECT_EQ(runs, 1);

  loop->RunAfter(Duration::zero(), [&] { loop->Post(task); });  // From a timer.
  ASSERT_TRUE(loop->RunOnce().ok());
  EXPECT_EQ(runs, 2);

  pipe.Send();
  auto watcher = *FdWatcher::Create(*loop, pipe.reader(), Interest::kRead, Trigger::kEdge,
                                    [&](FdEvents) { loop->Post(task); });  // From an event.
  ASSERT_TRUE(loop->RunOnce().ok());
  EXPECT_EQ(runs, 3);

  loop->Post([&] { loop->Post(task); });  // From a task that is being run.
  ASSERT_TRUE(loop->RunOnce().ok());
  ASSERT_TRUE(loop->RunOnce().ok());
  EXPECT_EQ(runs, 4);

  loop->ref().CallAndWait([&] { loop->Post(task); });  // From one who acts in the loop's stead.
  ASSERT_TRUE(loop->RunOnce().ok());
  EXPECT_EQ(runs, 5);
}

TEST_F(EventLoopTest, TaskOfAnotherThreadWakesASleepingLoop_L1) {
  const Watchdog watchdog(minutes(2));
  auto loop = *EventLoop::Create();
  const LoopRef ref = loop->ref();
  std::thread runner([&] { EXPECT_TRUE(loop->Run().ok()); });
  // Each waits for the one before, so the loop is mostly asleep or about to be.
  for (int i = 0; i < 20'000; ++i) {
    std::atomic<bool> ran{false};
    ASSERT_TRUE(ref.Post([&] { ran.store(true); }));
    while (!ran.load()) std::this_thread::yield();
  }
  loop->Quit();
  runner.join();
}

TEST_F(EventLoopTest, OneTaskQueueFloodStarvesNeitherTimersNorDescriptors_L3) {
  ManualTimeSyscalls time;
  auto loop = *EventLoop::Create({.max_tasks_per_turn = 16, .syscalls = &time});
  // 20 chains that each requeue themselves for ever; each link takes 10 us.
  std::function<void()> link = [&] {
    time.clock().Advance(microseconds(10));
    loop->Post(link);
  };
  for (int i = 0; i < 20; ++i) loop->Post(link);
  const Pipe pipe;
  int echoes = 0, ticks = 0;
  const TimePoint start = time.Now();
  TimePoint sent = start;
  Duration worst{0};
  pipe.Send();
  auto watcher =
      *FdWatcher::Create(*loop, pipe.reader(), Interest::kRead, Trigger::kLevel, [&](FdEvents) {
        ++echoes;
        worst = std::max<Duration>(worst, time.Now() - sent);
        pipe.Take();
        sent = time.Now();
        pipe.Send();
      });
  loop->RunEvery(milliseconds(1), [&] { ++ticks; });
  for (int turn = 0; turn < 1000; ++turn) ASSERT_TRUE(loop->RunOnce().ok());
  EXPECT_EQ(echoes, 1000) << "one in every turn";
  EXPECT_EQ(worst, microseconds(16 * 10)) << "one budget of tasks";
  EXPECT_GE(ticks, (time.Now() - start) / milliseconds(1) - 1);
  EXPECT_LE(loop->Stats().max_timer_lag, microseconds(16 * 10));
}

TEST_F(EventLoopTest, FloodFromOtherThreadsDoesNotKeepTheLoopFromQuitting_L3) {
  const Watchdog watchdog(minutes(2));
  auto loop = *EventLoop::Create({.max_tasks_per_turn = 64});
  const LoopRef ref = loop->ref();
  std::atomic<bool> stop{false};
  std::vector<std::thread> producers;
  for (int i = 0; i < 4; ++i) {
    producers.emplace_back([&] {
      while (!stop.load()) ref.Post([] {});
    });
  }
  int ticks = 0;
  loop->RunEvery(milliseconds(1), [&] {
    if (++ticks == 20) loop->Quit();
  });
  ASSERT_TRUE(loop->Run().ok());
  stop.store(true);
  for (std::thread& producer : producers) producer.join();
}

TEST_F(EventLoopTest, FewEventsPerTurnStarveNoDescriptorAndNoTimer_T4) {
  auto loop = *EventLoop::Create({.max_events_per_turn = 1});
  std::vector<std::unique_ptr<Pipe>> pipes;
  std::vector<std::unique_ptr<FdWatcher>> watchers;
  std::vector<int> seen(8, 0);
  for (size_t i = 0; i < seen.size(); ++i) {
    pipes.push_back(std::make_unique<Pipe>());
    pipes[i]->Send();
    watchers.push_back(*FdWatcher::Create(*loop, pipes[i]->reader(), Interest::kRead,
                                          Trigger::kLevel, [&seen, i](FdEvents) { ++seen[i]; }));
  }
  int ticks = 0;
  loop->RunEvery(milliseconds(1), [&] {
    if (++ticks == 20) loop->Quit();
  });
  const Watchdog watchdog(minutes(1));
  ASSERT_TRUE(loop->Run().ok());
  for (const int count : seen) EXPECT_GT(count, 0);
}

// Runs `body` on a thread with a stack of 64 KiB.
void RunOnSmallStack(std::function<void()> body) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr size_t kStack = 1024 * 1024;  // Sanitizers want more for the thread itself.
#else
  constexpr size_t kStack = 64 * 1024;
#endif
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kStack), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* argument) -> void* {
                  (*static_cast<std::function<void()>*>(argument))();
                  return nullptr;
                },
                &body),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST_F(EventLoopTest, TaskThatRequeuesItselfDoesNotRecurse_L10) {
  RunOnSmallStack([] {
    auto loop = *EventLoop::Create();
    int left = 300'000;
    std::function<void()> task = [&] {
      if (--left == 0) return loop->Quit();
      loop->Post([&] { task(); });
    };
    task();
    EXPECT_TRUE(loop->Run().ok());
    EXPECT_EQ(left, 0);
  });
}

TEST_F(EventLoopTest, TwoLoopsThatPostToEachOtherDoNotRecurse_L10) {
  const Watchdog watchdog(minutes(2));
  auto a = *EventLoop::Create();
  auto b = *EventLoop::Create();
  const LoopRef to_a = a->ref(), to_b = b->ref();
  int left = 20'000;
  std::function<void(bool)> ball = [&](bool in_a) {
    if (--left == 0) {
      a->Quit();
      return b->Quit();
    }
    (in_a ? to_b : to_a).Post([&ball, in_a] { ball(!in_a); });
  };
  to_a.Post([&] { ball(true); });
  std::thread other([&] { RunOnSmallStack([&] { EXPECT_TRUE(b->Run().ok()); }); });
  EXPECT_TRUE(a->Run().ok());
  other.join();
  EXPECT_EQ(left, 0);
}

TEST_F(EventLoopTest, TasksLeftAtTheEndAreDestroyedUnrunInOrder) {
  struct Note {
    Note(std::vector<int>& l, int n) : log(&l), name(n) {}
    Note(Note&& other) noexcept : log(std::exchange(other.log, nullptr)), name(other.name) {}
    ~Note() {
      if (log != nullptr) log->push_back(name);
    }
    std::vector<int>* log;
    int name;
  };
  std::vector<int> log;
  bool ran = false;
  {
    auto loop = *EventLoop::Create({.max_tasks_per_turn = 1});
    loop->Post([] {});
    for (int i = 0; i < 3; ++i) loop->Post([&ran, note = Note(log, i)] { ran = true; });
    ASSERT_TRUE(loop->RunOnce().ok());  // Takes all, runs one.
    for (int i = 3; i < 6; ++i) loop->Post([&ran, note = Note(log, i)] { ran = true; });
    EXPECT_TRUE(log.empty());
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(log, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST_F(EventLoopTest, TaskDestroyedWithTheLoopMayUseIt) {
  const Pipe pipe;
  auto loop = *EventLoop::Create();
  EventLoop* const raw = loop.get();
  const LoopRef ref = loop->ref();
  auto watcher =
      *FdWatcher::Create(*loop, pipe.reader(), Interest::kRead, Trigger::kLevel, [](FdEvents) {});
  const TimerId timer = loop->RunAfter(minutes(1), [] {});
  int destroyed = 0;
  struct OnDestroy {
    explicit OnDestroy(std::function<void()> f) : action(std::move(f)) {}
    OnDestroy(OnDestroy&& other) noexcept : action(std::exchange(other.action, nullptr)) {}
    ~OnDestroy() {
      if (action) action();
    }
    std::function<void()> action;
  };
  loop->Post(
      [guard = OnDestroy([&, raw] {
         ++destroyed;
         watcher.reset();
         raw->Cancel(timer);
         raw->RunAfter(seconds(1), [] {});
         ref.Post([] {});
         ref.CallAndWait([] {});
         EXPECT_FALSE(
             FdWatcher::Create(*raw, pipe.reader(), Interest::kRead, Trigger::kLevel, [](FdEvents) {
             }).ok());
       })] {});
  loop.reset();
  EXPECT_EQ(destroyed, 1);
}

TEST_F(EventLoopTest, LoopMayRunOnOneThreadAfterAnother) {
  auto loop = *EventLoop::Create();
  for (int i = 0; i < 3; ++i) {
    std::thread([&] {
      EXPECT_FALSE(loop->IsInLoop());
      loop->Post([&] { EXPECT_TRUE(loop->IsInLoop()); });
      loop->Quit();
      EXPECT_TRUE(loop->RunOnce().ok());
      EXPECT_TRUE(loop->Run().ok());
    }).join();
  }
  loop->RunAfter(Duration::zero(), [&] { loop->Quit(); });
  EXPECT_TRUE(loop->Run().ok());
}

using EventLoopDeathTest = EventLoopTest;

TEST_F(EventLoopDeathTest, UseFromAnotherThreadWhileItRunsFailsACheck) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto loop = *EventLoop::Create();
        loop->Post([&] { std::thread([&] { loop->RunAfter(seconds(1), [] {}); }).join(); });
        (void)loop->RunOnce();
      },
      "another thread");
}

TEST_F(EventLoopDeathTest, NestedRunAndSelfDestructionFailACheck) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto loop = *EventLoop::Create();
  loop->Post([&] { (void)loop->RunOnce(); });
  EXPECT_DEATH((void)loop->RunOnce(), "inside one of its callbacks");
  auto other = *EventLoop::Create();
  other->Post([&] { other.reset(); });
  EXPECT_DEATH((void)other->RunOnce(), "inside one of its callbacks");
}

// What escapes from a callback ends the process, whoever would catch it further up.
TEST_F(EventLoopDeathTest, CallbackThatThrowsEndsTheProcess_L9) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [](std::function<void(EventLoop&)> set_up) {
    auto loop = *EventLoop::Create();
    try {
      set_up(*loop);
      (void)loop->RunOnce();
    } catch (int) {
    }
    _exit(0);
  };
  const char* const kText = "terminate called";
  EXPECT_DEATH(run([](EventLoop& l) { l.Post([] { throw 1; }); }), kText);
  EXPECT_DEATH(run([](EventLoop& l) { l.RunAfter(Duration::zero(), [] { throw 1; }); }), kText);
  EXPECT_DEATH(run([](EventLoop& l) { l.ref().CallAndWait([] { throw 1; }); }), kText);
  EXPECT_DEATH(run([](EventLoop& l) {
                 static const Pipe pipe;
                 pipe.Send();
                 static const auto watcher = *FdWatcher::Create(
                     l, pipe.reader(), Interest::kRead, Trigger::kLevel, [](FdEvents) { throw 1; });
               }),
               kText);
}

TEST_F(EventLoopTest, EveryFailureOfCreateIsReportedAndLeavesNothing_Z1) {
  FaultySyscalls faulty;
  uint64_t points = 0;
  while (true) {
    faulty.FailNth(points);
    auto loop = EventLoop::Create({.syscalls = &faulty});
    const bool failed = faulty.failed();
    faulty.Clear();
    if (!failed) {
      EXPECT_TRUE(loop.ok());
      break;
    }
    ASSERT_FALSE(loop.ok()) << SysCallName(faulty.last_failed().call);
    EXPECT_EQ(ErrnoOf(loop.status()), TypicalErrno(faulty.last_failed().call)) << loop.status();
    ++points;
  }
  EXPECT_GE(points, 5u);
}

TEST_F(EventLoopTest, FailureToWaitOrToArmEndsRunAndTheLoopCanGoOn_Z1) {
  FaultySyscalls faulty;
  auto loop = *EventLoop::Create({.syscalls = &faulty});
  faulty.FailNext(SysCall::kEpollWait, ENOMEM);
  EXPECT_EQ(ErrnoOf(loop->Run()), ENOMEM);
  int runs = 0;
  loop->RunAfter(milliseconds(1), [&] {
    ++runs;
    loop->Quit();
  });
  faulty.FailNext(SysCall::kTimerFdSet, ENOMEM);
  EXPECT_EQ(ErrnoOf(loop->Run()), ENOMEM);
  const Watchdog watchdog(minutes(1));
  EXPECT_TRUE(loop->Run().ok());
  EXPECT_EQ(runs, 1) << "the timer was taken for armed";
}

TEST_F(EventLoopTest, SignalsDuringTheWaitAreNoErrors) {
  FaultySyscalls faulty;
  auto loop = *EventLoop::Create({.syscalls = &faulty});
  faulty.FailNext(SysCall::kEpollWait, EINTR, 3);
  loop->RunAfter(milliseconds(1), [&] { loop->Quit(); });
  EXPECT_TRUE(loop->Run().ok());
}

TEST_F(EventLoopTest, ThousandLoopsLeaveNothing_Z3) {
  for (int i = 0; i < 1000; ++i) {
    auto loop = *EventLoop::Create();
    loop->RunAfter(seconds(1), [] {});
    loop->Post([] {});
    if (i % 3 == 0) {
      ASSERT_TRUE(loop->RunOnce(WaitMode::kPoll).ok());
      loop->Post([] {});
    }
  }
}

}  // namespace
}  // namespace spindle
