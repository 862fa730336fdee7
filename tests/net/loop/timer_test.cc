// Timers through EventLoop, mostly on a clock that moves only when the loop sleeps.

#include "net/loop/timer.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/manual_time_syscalls.h"

namespace spindle {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class TimerTest : public LeakCheckTest {
 protected:
  TimerTest() : loop_(*EventLoop::Create({.syscalls = &time_})), start_(time_.Now()) {}
  void TearDown() override {
    loop_.reset();
    LeakCheckTest::TearDown();
  }

  Duration elapsed() { return time_.Now() - start_; }
  // One turn, which sleeps until the next timer.
  void Turn() { ASSERT_TRUE(loop_->RunOnce().ok()); }

  ManualTimeSyscalls time_;
  std::unique_ptr<EventLoop> loop_;
  const TimePoint start_;
};

TEST_F(TimerTest, IdsAreSmallValues) {
  EXPECT_TRUE(std::is_trivially_copyable_v<TimerId>);
  EXPECT_FALSE(TimerId().valid());
  const TimerId a = loop_->RunAfter(seconds(1), [] {});
  const TimerId b = loop_->RunAfter(seconds(1), [] {});
  EXPECT_TRUE(a.valid());
  EXPECT_FALSE(a == b);
  EXPECT_FALSE(loop_->Cancel(TimerId()));
}

TEST_F(TimerTest, RunsOnceAtItsTimeAndNotEarlier) {
  int runs = 0;
  loop_->RunAfter(milliseconds(5), [&] {
    ++runs;
    EXPECT_EQ(elapsed(), milliseconds(5));
  });
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
  EXPECT_EQ(runs, 0);
  Turn();
  EXPECT_EQ(runs, 1);
  loop_->RunAfter(milliseconds(5), [] {});
  Turn();
  EXPECT_EQ(runs, 1);
}

TEST_F(TimerTest, EqualDeadlinesRunInTheOrderOfSetting) {
  std::vector<int> order;
  const TimePoint when = start_ + milliseconds(1);
  for (int i = 0; i < 100; ++i) loop_->RunAt(when, [&order, i] { order.push_back(i); });
  Turn();
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(TimerTest, ZeroNegativeAndPastDelaysRunInTheNextTurn_T3) {
  int runs = 0;
  const auto count = [&] { ++runs; };
  for (const Duration delay : {nanoseconds(0), nanoseconds(-1), Duration::min()}) {
    loop_->RunAfter(delay, count);
  }
  loop_->RunAt(start_ - hours(1), count);
  loop_->RunAt(TimePoint::min(), count);
  loop_->RunAt(TimePoint(), count);
  EXPECT_EQ(runs, 0) << "ran inside RunAfter";
  Turn();
  EXPECT_EQ(runs, 6);
  EXPECT_EQ(elapsed(), Duration::zero());
  EXPECT_EQ(loop_->Stats().max_timer_lag, Duration::zero());
}

TEST_F(TimerTest, TinyDelaysAreNeitherLostNorRoundedToNothing_T3) {
  for (const Duration delay : {nanoseconds(1), nanoseconds(999), nanoseconds(1000)}) {
    const TimePoint begin = time_.Now();
    TimePoint ran = kNever;
    loop_->RunAfter(delay, [&] { ran = time_.Now(); });
    Turn();
    EXPECT_EQ(ran - begin, delay);
  }
}

TEST_F(TimerTest, TimerSetToZeroByATimerWaitsForTheNextTurn) {
  int runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    loop_->RunAfter(Duration::zero(), again);
  };
  again();
  for (int turn = 1; turn <= 5; ++turn) {
    Turn();
    EXPECT_EQ(runs, turn + 1);
  }
}

TEST_F(TimerTest, CancelledSiblingNeverFires_T1) {
  constexpr size_t kTimers = 1000;
  Random random(7);
  std::vector<TimerId> ids(kTimers);
  std::vector<bool> cancelled(kTimers), ran(kTimers);
  for (size_t i = 0; i < kTimers; ++i) {
    ids[i] = loop_->RunAfter(milliseconds(1), [&, i] {
      EXPECT_FALSE(cancelled[i]) << i;
      ran[i] = true;
      const size_t other = random.Uniform(kTimers);
      const bool was_waiting = !ran[other] && !cancelled[other];
      EXPECT_EQ(loop_->Cancel(ids[other]), was_waiting);
      cancelled[other] = cancelled[other] || was_waiting;
    });
  }
  Turn();
  for (size_t i = 0; i < kTimers; ++i) EXPECT_NE(ran[i], cancelled[i]) << i;
  EXPECT_EQ(time_.armed(), kNever);
}

TEST_F(TimerTest, CancellingOneselfIsAllowedAndReportsTheTruth_T2) {
  TimerId once, periodic;
  int runs = 0;
  once = loop_->RunAfter(milliseconds(1), [&] {
    ++runs;
    EXPECT_FALSE(loop_->Cancel(once)) << "it has run already";
  });
  periodic = loop_->RunEvery(milliseconds(1), [&] {
    ++runs;
    EXPECT_TRUE(loop_->Cancel(periodic));
    EXPECT_FALSE(loop_->Cancel(periodic));
  });
  Turn();
  EXPECT_EQ(runs, 2);
  loop_->RunAfter(seconds(1), [] {});
  Turn();
  EXPECT_EQ(runs, 2);
}

TEST_F(TimerTest, PeriodicThatIsCancelledAndReplacedInItsCallbackKeepsNothing_T2) {
  auto held = std::make_shared<int>(0);
  TimerId id;
  int replaced = 0;
  id = loop_->RunEvery(milliseconds(1), [&, held] {
    EXPECT_TRUE(loop_->Cancel(id));
    // Takes the slot that has just become free, while the old callback still runs.
    id = loop_->RunAfter(milliseconds(1), [&] { ++replaced; });
    EXPECT_EQ(held.use_count(), 2);
  });
  Turn();
  EXPECT_EQ(held.use_count(), 1);
  Turn();
  EXPECT_EQ(replaced, 1);
  EXPECT_FALSE(loop_->Cancel(id));
}

TEST_F(TimerTest, WhatACallbackHoldsIsFreedWhenItIsCancelledOrHasRun) {
  auto held = std::make_shared<int>(0);
  const TimerId id = loop_->RunAfter(seconds(1), [held] {});
  loop_->RunAfter(milliseconds(1), [held] {});
  EXPECT_EQ(held.use_count(), 3);
  EXPECT_TRUE(loop_->Cancel(id));
  EXPECT_EQ(held.use_count(), 2);
  Turn();
  EXPECT_EQ(held.use_count(), 1);
  loop_->RunEvery(seconds(1), [held] {});
  loop_.reset();
  EXPECT_EQ(held.use_count(), 1);
}

// Destroys something on its own destruction, as a captured object does.
struct OnDestroy {
  explicit OnDestroy(std::function<void()> f) : action(std::move(f)) {}
  OnDestroy(OnDestroy&& other) noexcept : action(std::exchange(other.action, nullptr)) {}
  ~OnDestroy() {
    if (action) action();
  }
  std::function<void()> action;
};

TEST_F(TimerTest, DestroyedCallbackMayCancelAndSetTimers) {
  const TimerId other = loop_->RunAfter(seconds(9), [] {});
  bool cancelled = false;
  const TimerId id = loop_->RunAfter(seconds(1), [guard = OnDestroy([&] {
                                                    cancelled = loop_->Cancel(other);
                                                    loop_->RunAfter(seconds(2), [] {});
                                                  })] {});
  EXPECT_TRUE(loop_->Cancel(id));
  EXPECT_TRUE(cancelled);
}

TEST_F(TimerTest, CallbackDestroyedWithTheLoopMayUseItsTimers) {
  EventLoop* const loop = loop_.get();
  std::vector<TimerId> ids;
  int destroyed = 0;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(loop->RunAfter(seconds(1), [guard = OnDestroy([&, loop] {
                                                ++destroyed;
                                                for (const TimerId id : ids) loop->Cancel(id);
                                                loop->RunAfter(seconds(1), [] {});
                                                loop->Post([] {});
                                              })] {}));
  }
  loop_.reset();
  EXPECT_EQ(destroyed, 20);
}

TEST_F(TimerTest, TimerIsArmedOncePerTurnAndOnlyForAnEarlierDeadline) {
  for (int i = 100; i > 0; --i) loop_->RunAfter(milliseconds(i), [] {});
  EXPECT_EQ(time_.times_armed(), 0u);
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
  EXPECT_EQ(time_.times_armed(), 1u);
  EXPECT_EQ(time_.armed(), start_ + milliseconds(1));
  loop_->RunAfter(seconds(1), [] {});
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
  EXPECT_EQ(time_.times_armed(), 1u);
}

TEST_F(TimerTest, TimerDueWhileOthersKeepTheLoopBusyIsRearmed_T4) {
  // Turns that never sleep, over the deadline and beyond; then one that does.
  int runs = 0;
  const TimerId id = loop_->RunEvery(milliseconds(10), [&] { ++runs; });
  for (int i = 0; i < 25; ++i) {
    loop_->Post([&] { time_.clock().Advance(milliseconds(1)); });
    Turn();
  }
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(elapsed(), milliseconds(25));
  Turn();  // Sleeps: the timer must be armed for 30 ms.
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(elapsed(), milliseconds(30));
  EXPECT_TRUE(loop_->Cancel(id));
}

TEST_F(TimerTest, PeriodicTimerDoesNotDrift_T7) {
  int64_t runs = 0;
  TimePoint last = start_;
  loop_->RunEvery(milliseconds(1), [&] {
    ++runs;
    EXPECT_EQ(time_.Now() - last, milliseconds(1));
    last = time_.Now();
    // Work that takes time, but less than a period, must not show.
    loop_->Post([&] { time_.clock().Advance(microseconds(1 + runs % 900)); });
  });
  while (runs < 100'000 && !HasFailure()) Turn();
  EXPECT_EQ(last - start_, milliseconds(100'000));
}

TEST_F(TimerTest, StallIsMadeUpForByOneCallAndThePhaseIsKept_T7) {
  int runs = 0;
  loop_->RunEvery(milliseconds(10), [&] { ++runs; });
  Turn();
  EXPECT_EQ(runs, 1);
  time_.clock().Advance(seconds(10) + milliseconds(3));
  Turn();
  EXPECT_EQ(runs, 2) << "one for all that were missed";
  Turn();
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(elapsed() % milliseconds(10), Duration::zero()) << "out of step";
  EXPECT_EQ(elapsed(), seconds(10) + milliseconds(20));
}

TEST_F(TimerTest, CallbackLongerThanItsPeriodStarvesNobody_T7) {
  int runs = 0, others = 0;
  loop_->RunEvery(milliseconds(1), [&] {
    ++runs;
    time_.clock().Advance(milliseconds(5));
  });
  for (int i = 0; i < 10; ++i) {
    loop_->Post([&] {
      ++others;
      time_.clock().Advance(milliseconds(1));
    });
    Turn();
    EXPECT_EQ(others, i + 1);
  }
  EXPECT_EQ(runs, 9) << "once in each turn but the first";
}

TEST_F(TimerTest, HugeDelaysNeitherOverflowNorFire_T8) {
  int runs = 0;
  const auto fail = [&] { ++runs; };
  loop_->RunAfter(Duration::max(), fail);
  loop_->RunAfter(Duration::max() - seconds(1), fail);
  loop_->RunAt(kNever, fail);
  loop_->RunEvery(Duration::max(), fail);
  const TimerId id = loop_->RunAfter(Duration::max(), fail);
  loop_->RunAfter(seconds(1), [] {});
  Turn();
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(elapsed(), seconds(1));
  EXPECT_EQ(time_.armed(), kNever);
  EXPECT_TRUE(loop_->Cancel(id));
}

TEST_F(TimerTest, LongDelaysAreExact_T8) {
  const std::vector<Duration> delays = {milliseconds(int64_t{1} << 31), milliseconds(4294967295),
                                        milliseconds(4294967296), hours(24 * 365 * 200)};
  std::vector<Duration> ran;
  for (const Duration delay : delays) {
    loop_->RunAfter(delay, [&] { ran.push_back(elapsed()); });
  }
  for (size_t i = 0; i < delays.size(); ++i) Turn();
  EXPECT_EQ(ran, delays);
}

// ---- On the kernel's clock and timer.

TEST(KernelTimerTest, HugeDelaysAreAcceptedByTheKernel_T8) {
  const LeakCheck leaks;
  {
    auto loop = *EventLoop::Create();
    int wrong = 0;
    for (const Duration delay : {Duration::max(), Duration::max() - seconds(1),
                                 Duration(hours(24 * 365 * 250)), Duration(hours(24 * 50))}) {
      loop->RunAfter(delay, [&] { ++wrong; });
      ASSERT_TRUE(loop->RunOnce(WaitMode::kPoll).ok());
    }
    loop->RunAfter(milliseconds(1), [&] { loop->Quit(); });
    ASSERT_TRUE(loop->Run().ok());
    EXPECT_EQ(wrong, 0);
  }
  leaks.ExpectUnchanged();
}

TEST(KernelTimerTest, TinyAndPastDelaysRing_T3) {
  auto loop = *EventLoop::Create();
  for (const Duration delay :
       {nanoseconds(-1), nanoseconds(0), nanoseconds(1), nanoseconds(999), nanoseconds(1000)}) {
    loop->RunAfter(delay, [&] { loop->Quit(); });
    ASSERT_TRUE(loop->Run().ok());
  }
  loop->RunAt(TimePoint(), [&] { loop->Quit(); });
  ASSERT_TRUE(loop->Run().ok());
  // The seam itself, where a time of zero would disarm the timer.
  const int timer = Syscalls::Real().TimerFd();
  for (const TimePoint when : {TimePoint(), TimePoint::min(), Clock::now()}) {
    EXPECT_EQ(Syscalls::Real().TimerFdSet(timer, when), 0);
    pollfd waiting = {timer, POLLIN, 0};
    EXPECT_EQ(poll(&waiting, 1, 60'000), 1) << when.time_since_epoch().count();
  }
  Syscalls::Real().Close(timer);
}

// True if a wait of the loop would return within `milliseconds`.
bool WouldWake(EventLoop& loop, int milliseconds) {
  pollfd waiting = {loop.pollable_fd(), POLLIN, 0};
  return poll(&waiting, 1, milliseconds) > 0;
}

TEST(KernelTimerTest, NoSpinAfterTheLastTimerIsCancelledInItsTick_T5) {
  auto loop = *EventLoop::Create();
  // Two at one time: the first cancels the second, and there are no others.
  TimerId second;
  const TimePoint when = loop->Now() + milliseconds(1);
  loop->RunAt(when, [&] { EXPECT_TRUE(loop->Cancel(second)); });
  second = loop->RunAt(when, [] { FAIL(); });
  while (loop->Stats().timers_fired == 0) ASSERT_TRUE(loop->RunOnce().ok());
  ASSERT_TRUE(loop->RunOnce(WaitMode::kPoll).ok());
  EXPECT_FALSE(WouldWake(*loop, 0));
  // One that is armed, cancelled, and rings for nobody, once.
  const TimerId third = loop->RunAfter(milliseconds(5), [] { FAIL(); });
  ASSERT_TRUE(loop->RunOnce(WaitMode::kPoll).ok());
  EXPECT_TRUE(loop->Cancel(third));
  EXPECT_TRUE(WouldWake(*loop, 60'000));
  ASSERT_TRUE(loop->RunOnce(WaitMode::kPoll).ok());
  EXPECT_FALSE(WouldWake(*loop, 0));
}

TEST(KernelTimerTest, DurationsAreMeasuredOnTheMonotonicClock_T6) {
  EXPECT_TRUE(Clock::is_steady);
  const std::map<int, std::string> before = OpenFds();
  auto loop = *EventLoop::Create();
  int timers = 0;
  for (const auto& [fd, target] : OpenFds()) {
    if (before.contains(fd) || target.find("timerfd") == std::string::npos) continue;
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd));
    std::string word, clock;
    while (info >> word) {
      if (word == "clockid:") info >> clock;
    }
    EXPECT_EQ(clock, "1") << "CLOCK_MONOTONIC";
    ++timers;
  }
  EXPECT_EQ(timers, 1);
  // So is the clock of the loop.
  const auto monotonic = [] {
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return TimePoint(seconds(now.tv_sec) + nanoseconds(now.tv_nsec));
  };
  const TimePoint earlier = monotonic();
  const TimePoint now = loop->Now();
  EXPECT_LE(earlier, now);
  EXPECT_LE(now, monotonic());
}

}  // namespace
}  // namespace spindle
