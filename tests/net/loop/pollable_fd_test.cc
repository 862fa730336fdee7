// EventLoop::PrepareWait and pollable_fd: the loop as a guest of a program that waits by itself.

#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <thread>

#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/fd_watcher.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;

enum class Waiting { kNo, kYes };

class PollableFdTest : public LeakCheckTest {
 protected:
  void TearDown() override {
    loop_.reset();
    LeakCheckTest::TearDown();
  }

  bool MayWait() { return *loop_->PrepareWait(); }
  bool Readable(Waiting waiting = Waiting::kNo) {
    pollfd fd = {loop_->pollable_fd(), POLLIN, 0};
    return poll(&fd, 1, waiting == Waiting::kYes ? -1 : 0) == 1;
  }
  size_t Turn() { return *loop_->RunOnce(WaitMode::kPoll); }

  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();

 private:
  const Watchdog watchdog_{std::chrono::minutes(2)};
};

TEST_F(PollableFdTest, NotReadableWhileThereIsNothingToDo) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(MayWait());
    EXPECT_FALSE(Readable());
    EXPECT_EQ(Turn(), 0u);
  }
}

TEST_F(PollableFdTest, TimerMakesItReadable) {
  int runs = 0;
  loop_->RunAfter(milliseconds(2), [&] { ++runs; });
  while (runs == 0) {
    ASSERT_TRUE(MayWait());
    ASSERT_TRUE(Readable(Waiting::kYes));
    Turn();
  }
  EXPECT_TRUE(MayWait());
  EXPECT_FALSE(Readable()) << "the timer has rung";
}

TEST_F(PollableFdTest, EarlierTimerSetInATurnIsArmed) {
  int runs = 0;
  loop_->RunAfter(std::chrono::hours(1), [] {});
  ASSERT_TRUE(MayWait());
  loop_->Post([&] { loop_->RunAfter(milliseconds(2), [&] { ++runs; }); });
  Turn();
  while (runs == 0) {
    ASSERT_TRUE(MayWait());
    ASSERT_TRUE(Readable(Waiting::kYes));
    Turn();
  }
}

TEST_F(PollableFdTest, WaitingTasksForbidToWait) {
  int runs = 0;
  loop_->Post([&] { ++runs; });
  EXPECT_FALSE(MayWait());
  Turn();
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(MayWait());
}

TEST_F(PollableFdTest, TaskOfAnotherThreadMakesItReadable) {
  for (int i = 0; i < 100; ++i) {
    int runs = 0;
    ASSERT_TRUE(MayWait());
    std::thread poster([ref = loop_->ref(), &runs] { ref.Post([&] { ++runs; }); });
    ASSERT_TRUE(Readable(Waiting::kYes));
    Turn();
    EXPECT_EQ(runs, 1);
    poster.join();
  }
}

TEST_F(PollableFdTest, CallOfAnotherThreadWakesForWhatItLeftBehind) {
  int runs = 0;
  ASSERT_TRUE(MayWait());
  std::thread caller([&] {
    loop_->ref().CallAndWait([&] { loop_->RunAfter(Duration::zero(), [&] { ++runs; }); });
  });
  ASSERT_TRUE(Readable(Waiting::kYes)) << "nobody armed the timer";
  caller.join();
  while (runs == 0) Turn();  // Zero delay: due as soon as a turn arms the timer.
  ASSERT_TRUE(MayWait());
  std::thread([ref = loop_->ref(), &runs] { ref.Post([&] { ++runs; }); }).join();
  EXPECT_TRUE(Readable()) << "the call switched the wake-up off";
  Turn();
  EXPECT_EQ(runs, 2);
}

TEST_F(PollableFdTest, WatchedDescriptorMakesItReadable) {
  std::array<int, 2> ends;
  ASSERT_EQ(pipe(ends.data()), 0);
  int calls = 0;
  auto watcher = *FdWatcher::Create(*loop_, ends[0], Interest::kRead, Trigger::kLevel,
                                    [&](FdEvents) { ++calls; });
  EXPECT_TRUE(MayWait());
  EXPECT_FALSE(Readable());
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  EXPECT_TRUE(Readable());
  EXPECT_EQ(Turn(), 1u);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(MayWait());
  EXPECT_TRUE(Readable()) << "level-triggered: the byte is still there";
  watcher.reset();
  close(ends[0]);
  close(ends[1]);
}

TEST_F(PollableFdTest, QuitDoesNotForbidToWait) {
  loop_->Quit();
  EXPECT_TRUE(MayWait());
  EXPECT_FALSE(Readable());
  EXPECT_TRUE(loop_->Run().ok()) << "kept for Run";
}

TEST_F(PollableFdTest, RunMayTakeOver) {
  ASSERT_TRUE(MayWait());
  loop_->Post([&] { loop_->Quit(); });
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_TRUE(MayWait());
}

}  // namespace
}  // namespace spindle
