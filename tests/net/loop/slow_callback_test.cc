// Slow callbacks are named: on a clock that moves only when a callback moves it.

#include "net/loop/slow_callback.h"

#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/mutex.h"
#include "base/owned_fd.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/fd_watcher.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/manual_time_syscalls.h"

namespace spindle {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class SlowCallbackTest : public LeakCheckTest {
 protected:
  // The log is for one test, as it has one line a second.
  SlowCallbackTest() : loop_(Make(milliseconds(50))) { SetMinLogLevel(LogLevel::kError); }
  void TearDown() override {
    SetMinLogLevel(LogLevel::kInfo);
    loop_.reset();
    LeakCheckTest::TearDown();
  }

  std::unique_ptr<EventLoop> Make(Duration limit) {
    return *EventLoop::Create({.name = "tested", .slow_callback = limit, .syscalls = &time_});
  }
  void Turn() { ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok()); }
  void Pass(Duration time) { time_.clock().Advance(time); }

  ManualTimeSyscalls time_;
  std::unique_ptr<EventLoop> loop_;
};

// A pair of sockets of which the first is readable.
struct Readable {
  Readable() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    mine = OwnedFd(fds[0]);
    other = OwnedFd(fds[1]);
    EXPECT_EQ(send(other.get(), "x", 1, 0), 1);
  }
  OwnedFd mine;
  OwnedFd other;
};

TEST_F(SlowCallbackTest, NamesTasksByWhereTheyWerePosted) {
  loop_->Post([&] { Pass(milliseconds(10)); });
  loop_->Post([&] { Pass(milliseconds(60)); });
  const uint32_t line = __LINE__ - 1;
  loop_->ref().Post([&] { Pass(milliseconds(70)); });
  Turn();
  const std::vector<SlowCallback> slow = loop_->SlowCallbacks();
  ASSERT_EQ(slow.size(), 2u);
  EXPECT_STREQ(slow[0].origin.kind, "task");
  EXPECT_EQ(slow[0].origin.where.line(), line);
  EXPECT_TRUE(
      std::string_view(slow[0].origin.where.file_name()).ends_with("slow_callback_test.cc"));
  EXPECT_EQ(slow[0].took, milliseconds(60));
  EXPECT_EQ(slow[1].origin.where.line(), line + 2);
  EXPECT_EQ(slow[1].begin - slow[0].begin, milliseconds(60));
  EXPECT_EQ(loop_->Stats().slow_callbacks, 2u);
}

TEST_F(SlowCallbackTest, NamesTimersAndDescriptors) {
  loop_->RunAfter(Duration::zero(), [&] { Pass(milliseconds(51)); });
  const uint32_t timer_line = __LINE__ - 1;
  Readable socket;
  const auto watcher =
      *FdWatcher::Create(*loop_, socket.mine.get(), Interest::kRead, Trigger::kEdge,
                         [&](FdEvents) { Pass(milliseconds(52)); });
  const uint32_t watcher_line = __LINE__ - 2;
  Turn();
  const std::vector<SlowCallback> slow = loop_->SlowCallbacks();
  ASSERT_EQ(slow.size(), 2u);
  EXPECT_STREQ(slow[0].origin.kind, "descriptor");
  EXPECT_EQ(slow[0].origin.where.line(), watcher_line);
  EXPECT_STREQ(slow[1].origin.kind, "timer");
  EXPECT_EQ(slow[1].origin.where.line(), timer_line);
}

TEST_F(SlowCallbackTest, CountsWhoHadToWait) {
  std::vector<Readable> sockets(4);
  std::vector<std::unique_ptr<FdWatcher>> watchers;
  bool slow_one = true;
  for (size_t i = 0; i < 3; ++i) {
    watchers.push_back(*FdWatcher::Create(*loop_, sockets[i].mine.get(), Interest::kRead,
                                          Trigger::kEdge, [&](FdEvents) {
                                            if (!std::exchange(slow_one, false)) return;
                                            Pass(milliseconds(60));
                                          }));
  }
  Turn();
  // Two more of its turn; who comes meanwhile is found by the next.
  ASSERT_EQ(loop_->SlowCallbacks().size(), 1u);
  EXPECT_EQ(loop_->SlowCallbacks()[0].waited, 2u);
  watchers.push_back(*FdWatcher::Create(*loop_, sockets[3].mine.get(), Interest::kRead,
                                        Trigger::kEdge, [](FdEvents) {}));
  Turn();
  ASSERT_EQ(loop_->SlowCallbacks().size(), 1u);
  EXPECT_EQ(loop_->SlowCallbacks()[0].waited, 3u);
}

TEST_F(SlowCallbackTest, AnOwnerMayDieInItsCallback) {
  Readable socket;
  std::unique_ptr<FdWatcher> watcher;
  watcher = *FdWatcher::Create(*loop_, socket.mine.get(), Interest::kRead, Trigger::kLevel,
                               [&](FdEvents) {
                                 watcher.reset();
                                 Pass(milliseconds(60));
                               });
  Turn();
  ASSERT_EQ(loop_->SlowCallbacks().size(), 1u);
  EXPECT_STREQ(loop_->SlowCallbacks()[0].origin.kind, "descriptor");
}

TEST_F(SlowCallbackTest, TheLatestAreKept) {
  for (int i = 0; i < 100; ++i) {
    loop_->Post([this, i] { Pass(milliseconds(100 + i)); });
  }
  Turn();
  const std::vector<SlowCallback> slow = loop_->SlowCallbacks();
  ASSERT_EQ(slow.size(), 64u);
  EXPECT_EQ(slow.front().took, milliseconds(136));
  EXPECT_EQ(slow.back().took, milliseconds(199));
  EXPECT_EQ(loop_->Stats().slow_callbacks, 100u);
}

TEST_F(SlowCallbackTest, TimesOfAllCallbacksAreCounted) {
  for (const Duration time : {Duration(microseconds(1)), Duration(microseconds(2)),
                              Duration(milliseconds(60)), Duration(std::chrono::seconds(5))}) {
    loop_->Post([this, time] { Pass(time); });
  }
  Turn();
  const CallbackTimes times = loop_->Stats().callback_times;
  EXPECT_EQ(times.counts[0], 1u);   // Up to 1 us.
  EXPECT_EQ(times.counts[1], 1u);   // Up to 4 us.
  EXPECT_EQ(times.counts[8], 1u);   // Up to 65.5 ms.
  EXPECT_EQ(times.counts[12], 1u);  // Longer than 4.2 s.
  EXPECT_EQ(times.sum, microseconds(3) + milliseconds(60) + std::chrono::seconds(5));
}

TEST_F(SlowCallbackTest, OneLineNamesIt) {
  Mutex mutex;
  std::string message;
  SetLogSink([&](const LogRecord& record) {
    const MutexLock lock(mutex);
    message += record.message;
  });
  SetMinLogLevel(LogLevel::kInfo);
  loop_->Post([&] { Pass(milliseconds(60)); });
  const std::string line = std::to_string(__LINE__ - 1);
  Turn();
  Turn();
  SetLogSink(nullptr);
  EXPECT_NE(message.find("loop tested: slow callback: 60.0 ms, task, registered at "),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("slow_callback_test.cc:" + line + "; 0 events waited"), std::string::npos)
      << message;
}

TEST_F(SlowCallbackTest, NothingIsMeasuredUnasked) {
  loop_ = Make(Duration::zero());
  loop_->Post([&] { Pass(milliseconds(500)); });
  Turn();
  EXPECT_TRUE(loop_->SlowCallbacks().empty());
  EXPECT_EQ(loop_->Stats().slow_callbacks, 0u);
  EXPECT_EQ(loop_->Stats().callback_times.sum, Duration::zero());
}

}  // namespace
}  // namespace spindle
