// A callback that hangs is named, with its stack, while it hangs.

#include "net/loop/watchdog.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/logging.h"
#include "base/mutex.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

// The lines logged so far. Shared with the sink, which may be at work when the test has ended.
class Lines {
 public:
  void Add(std::string_view line) {
    MutexLock lock(mutex_);
    lines_.emplace_back(line);
    count_.store(lines_.size());
    changed_.NotifyAll();
  }
  // Waits until there are `count`.
  void Await(size_t count) {
    MutexLock lock(mutex_);
    while (lines_.size() < count) changed_.Wait(mutex_);
  }
  size_t count() const { return count_.load(); }
  std::vector<std::string> all() {
    MutexLock lock(mutex_);
    return lines_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  std::atomic<size_t> count_{0};
};

// The threads of this process that are called "watchdog".
size_t WatchdogThreads() {
  size_t count = 0;
  DIR* const folder = opendir("/proc/self/task");
  while (const dirent* entry = readdir(folder)) {
    std::ifstream file(std::string("/proc/self/task/") + entry->d_name + "/comm");
    std::string name;
    if (std::getline(file, name) && name == "watchdog") ++count;
  }
  closedir(folder);
  return count;
}

class LoopWatchdogTest : public LeakCheckTest {
 protected:
  LoopWatchdogTest() {
    SetLogSink([lines = lines_](const LogRecord& record) { lines->Add(record.message); });
  }
  void TearDown() override {
    SetLogSink(nullptr);
    LeakCheckTest::TearDown();
  }
  static std::unique_ptr<EventLoopThread> Start(const std::string& name,
                                                Duration limit = milliseconds(20)) {
    return *EventLoopThread::Start({.loop = {.name = name, .watchdog = limit}});
  }
  // Runs `hang`, and returns when it has ended.
  static void Hang(EventLoopThread& thread, absl::AnyInvocable<void()> hang,
                   std::source_location where = std::source_location::current()) {
    std::atomic<bool> done = false;
    thread.ref().Post(
        [&, hang = std::move(hang)]() mutable {
          hang();
          done = true;
          done.notify_one();
        },
        where);
    done.wait(false);
  }

  const std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();

 private:
  const Watchdog watchdog_{minutes(4)};
};

// Not inlined, and not a tail call: the name is to be in the stack.
[[gnu::noinline]] void HangsInHere(Lines& lines, size_t count) {
  lines.Await(count);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

[[gnu::noinline]] void SpinsInHere(const Lines& lines) {
  while (lines.count() == 0) {
  }
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(LoopWatchdogTest, AHangingCallbackIsNamedWithItsStack) {
  auto thread = Start("hung");
  Hang(*thread, [&] { HangsInHere(*lines_, 1); });
  const std::string line = std::to_string(__LINE__ - 1);
  const std::string said = lines_->all().at(0);
  EXPECT_TRUE(said.starts_with("loop hung: a callback runs for ")) << said;
  EXPECT_TRUE(Has(said, "already: task, registered at ")) << said;
  EXPECT_TRUE(Has(said, "watchdog_test.cc:" + line + "; stack: ")) << said;
  EXPECT_TRUE(Has(said, "HangsInHere(")) << said;
  EXPECT_TRUE(Has(said, "spindle::EventLoop::Run() < ")) << said;
  EXPECT_FALSE(Has(said, "OnSignal")) << "the handler is no part of it: " << said;
}

TEST_F(LoopWatchdogTest, AlsoOneThatComputes) {
  if (kThreadSanitizer) {
    GTEST_SKIP() << "ThreadSanitizer delivers signals in the calls that it knows, and here is none";
  }
  auto thread = Start("busy");
  Hang(*thread, [&] { SpinsInHere(*lines_); });
  EXPECT_TRUE(Has(lines_->all().at(0), "SpinsInHere(")) << lines_->all().at(0);
}

TEST_F(LoopWatchdogTest, ALongHangIsRepeated) {
  auto thread = Start("hung");
  Hang(*thread, [&] { HangsInHere(*lines_, 2); });
  for (const std::string& said : lines_->all()) {
    EXPECT_TRUE(Has(said, "HangsInHere(")) << said;
  }
  // 20, 40, 80, 160, 320 and 640 ms all fall into the second in which nothing more is said.
  EXPECT_TRUE(Has(lines_->all().at(1), " suppressed]")) << lines_->all().at(1);
}

TEST_F(LoopWatchdogTest, ALoopThatSleepsIsLeftAlone) {
  const auto asleep = Start("asleep");
  auto hung = Start("hung");
  Hang(*hung, [&] { HangsInHere(*lines_, 2); });
  for (const std::string& said : lines_->all()) {
    EXPECT_TRUE(said.starts_with("loop hung: ")) << said;
  }
}

TEST_F(LoopWatchdogTest, AThreadThatBlocksTheSignalIsNamedWithoutStack) {
  auto thread = Start("deaf");
  Hang(*thread, [&] {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    lines_->Await(1);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);  // The signal comes now, too late.
  });
  const std::string said = lines_->all().at(0);
  EXPECT_TRUE(Has(said, "no stack, as its thread ")) << said;
  EXPECT_TRUE(Has(said, "does not take signal " + std::to_string(WatchdogSignal()))) << said;
  // The next one is found as if nothing had been.
  Hang(*thread, [&] { HangsInHere(*lines_, 2); });
  EXPECT_TRUE(Has(lines_->all().at(1), "HangsInHere(")) << lines_->all().at(1);
}

TEST_F(LoopWatchdogTest, OneThreadAsLongAsThereIsALoopToWatch) {
  {
    const auto unwatched = *EventLoopThread::Start();
    EXPECT_EQ(WatchdogThreads(), 0u);
    const auto a = Start("a");
    const auto b = Start("b");
    EXPECT_EQ(WatchdogThreads(), 1u);
  }
  EXPECT_EQ(WatchdogThreads(), 0u);
  const auto again = Start("c");
  EXPECT_EQ(WatchdogThreads(), 1u);
}

TEST_F(LoopWatchdogTest, LoopsComeAndGoWhileOthersHang) {
  const auto come_and_go = [] {
    for (int i = 0; i < 100; ++i) {
      const auto loop = *EventLoop::Create({.name = "short", .watchdog = milliseconds(1)});
      loop->Post([] {});
      ASSERT_TRUE(loop->RunOnce(WaitMode::kPoll).ok());
    }
  };
  std::thread one(come_and_go);
  std::thread two(come_and_go);
  one.join();
  two.join();
  EXPECT_EQ(WatchdogThreads(), 0u);
}

TEST_F(LoopWatchdogTest, SignalsOfOthersMeanNothing) {
  auto thread = Start("hung");
  EXPECT_EQ(raise(WatchdogSignal()), 0);
  EXPECT_EQ(kill(getpid(), WatchdogSignal()), 0);
  sigval value = {};
  value.sival_int = 1;
  EXPECT_EQ(pthread_sigqueue(pthread_self(), WatchdogSignal(), value), 0);
  Hang(*thread, [&] { HangsInHere(*lines_, 1); });
  EXPECT_TRUE(Has(lines_->all().at(0), "HangsInHere(")) << lines_->all().at(0);
}

TEST_F(LoopWatchdogTest, AChildOfForkMayDestroyTheLoop) {
  auto loop = *EventLoop::Create({.watchdog = milliseconds(20)});
  const pid_t child = fork();
  if (child == 0) {
    loop.reset();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(LoopWatchdogTest, AChildOfForkWatchesItsOwnLoops) {
  if (kThreadSanitizer) GTEST_SKIP() << "ThreadSanitizer allows no threads after fork";
  auto loop = *EventLoop::Create({.watchdog = milliseconds(20)});
  const pid_t child = fork();
  if (child == 0) {
    const auto own = *EventLoop::Create({.name = "child", .watchdog = milliseconds(20)});
    own->Post([&] { HangsInHere(*lines_, 1); });
    const bool ran = own->RunOnce(WaitMode::kPoll).ok();
    _exit(ran && Has(lines_->all().at(0), "HangsInHere(") ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(lines_->count(), 0u) << "the parent's loop did not hang";
}

// In processes of their own, as the choice is for life.
void Expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  _exit(1);
}

TEST(WatchdogSignalDeathTest, IsTheProgramsToChoose) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Expect(WatchdogSignal() == 0, "none is chosen at first");
        Expect(!SetWatchdogSignal(SIGSEGV).ok(), "a fault is refused");
        Expect(!SetWatchdogSignal(SIGKILL).ok(), "what has no handler is refused");
        Expect(!SetWatchdogSignal(0).ok(), "0 is refused");
        Expect(!SetWatchdogSignal(32).ok(), "the C library's is refused");
        Expect(!SetWatchdogSignal(SIGRTMAX + 1).ok(), "more than there are is refused");
        signal(SIGUSR1, SIG_IGN);
        Expect(!SetWatchdogSignal(SIGUSR1).ok(), "what the program uses is refused");
        Expect(SetWatchdogSignal(SIGUSR2).ok(), "a free one is taken");
        Expect(!SetWatchdogSignal(SIGUSR2).ok(), "once");
        Expect(WatchdogSignal() == SIGUSR2, "it is the one");
        Expect(EventLoop::Create({.watchdog = milliseconds(20)}).ok(), "it serves");
        Expect(WatchdogSignal() == SIGUSR2, "it stays the one");
        _exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(WatchdogSignalDeathTest, OneWithAHandlerIsNeverTaken) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        for (int number = SIGRTMIN + 1; number <= SIGRTMAX; ++number) signal(number, SIG_IGN);
        Expect(EventLoop::Create({.watchdog = milliseconds(20)}).ok(), "one is left");
        Expect(WatchdogSignal() == SIGRTMIN, "it is that one");
        _exit(0);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      {
        for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) signal(number, SIG_IGN);
        Expect(
            absl::IsResourceExhausted(EventLoop::Create({.watchdog = milliseconds(20)}).status()),
            "without a signal there is no watchdog");
        _exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace spindle
