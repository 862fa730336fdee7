#include "base/logging.h"

#include <pthread.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// What a sink has seen, alive for as long as a sink may use it.
struct Captured {
  void Add(const LogRecord& record) {
    MutexLock lock(mutex);
    messages.emplace_back(record.message);
    levels.push_back(record.level);
    threads.emplace_back(record.thread);
    files.emplace_back(record.file);
  }
  Mutex mutex;
  std::vector<std::string> messages ABSL_GUARDED_BY(mutex);
  std::vector<LogLevel> levels ABSL_GUARDED_BY(mutex);
  std::vector<std::string> threads ABSL_GUARDED_BY(mutex);
  std::vector<std::string> files ABSL_GUARDED_BY(mutex);
};

class LoggingTest : public testing::Test {
 protected:
  LoggingTest() {
    SetLogSink([captured = captured_](const LogRecord& record) { captured->Add(record); });
  }
  ~LoggingTest() override {
    SetLogSink(nullptr);
    SetMinLogLevel(LogLevel::kInfo);
  }

  std::vector<std::string> Messages() {
    MutexLock lock(captured_->mutex);
    return captured_->messages;
  }

  std::shared_ptr<Captured> captured_ = std::make_shared<Captured>();
};

TEST_F(LoggingTest, RecordCarriesLevelPlaceAndMessage) {
  SPINDLE_LOG(Warning) << "port " << 80;
  MutexLock lock(captured_->mutex);
  EXPECT_EQ(captured_->messages, std::vector<std::string>{"port 80"});
  EXPECT_EQ(captured_->levels, std::vector<LogLevel>{LogLevel::kWarning});
  ASSERT_EQ(captured_->files.size(), 1u);
  EXPECT_TRUE(captured_->files[0].ends_with("logging_test.cc"));
}

TEST_F(LoggingTest, DisabledLevelsDoNotEvaluateOperands) {
  int evaluated = 0;
  SPINDLE_LOG(Debug) << ++evaluated;
  SetMinLogLevel(LogLevel::kError);
  SPINDLE_LOG(Warning) << ++evaluated;
  SPINDLE_LOG_EVERY(Warning, hours(1)) << ++evaluated;
  EXPECT_EQ(evaluated, 0);
  SPINDLE_LOG(Error) << ++evaluated;
  SetMinLogLevel(LogLevel::kDebug);
  SPINDLE_LOG(Debug) << ++evaluated;
  EXPECT_EQ(Messages(), (std::vector<std::string>{"1", "2"}));
}

TEST_F(LoggingTest, IsOneExpressionInAnUnbracedIf) {
  bool reached_else = false;
  if (reached_else)
    SPINDLE_LOG(Info) << "no";
  else
    reached_else = true;
  if (!reached_else)
    SPINDLE_LOG_EVERY(Info, hours(1)) << "no";
  else
    reached_else = false;
  EXPECT_FALSE(reached_else);
  EXPECT_TRUE(Messages().empty());
}

TEST_F(LoggingTest, NamedThreadsShowTheirNameOthersTheirId) {
  std::thread([] {
    pthread_setname_np(pthread_self(), "loop-7");
    SPINDLE_LOG(Info) << "named";
  }).join();
  SPINDLE_LOG(Info) << "main thread";
  MutexLock lock(captured_->mutex);
  EXPECT_EQ(captured_->threads, (std::vector<std::string>{"loop-7", std::to_string(gettid())}));
}

TEST_F(LoggingTest, EveryPassesTheFirstAndCountsTheSuppressed) {
  int evaluated = 0;
  for (int i = 0; i < 5; ++i) SPINDLE_LOG_EVERY(Warning, hours(1)) << "accept " << ++evaluated;
  EXPECT_EQ(Messages(), std::vector<std::string>{"accept 1"});
  EXPECT_EQ(evaluated, 1);
}

TEST_F(LoggingTest, EveryAppendsTheSuppressedCount) {
  for (int i = 0; i < 3; ++i) SPINDLE_LOG_EVERY(Info, Duration::zero()) << i;
  EXPECT_EQ(Messages(), (std::vector<std::string>{"0", "1", "2"}));
  internal_logging::LogMessage(LogLevel::kInfo, "f.cc", 1, 12).stream() << "accept";
  EXPECT_EQ(Messages().back(), "accept [12 suppressed]");
}

TEST_F(LoggingTest, EveryCallSiteHasItsOwnLimit) {
  SPINDLE_LOG_EVERY(Info, hours(1)) << "a";
  SPINDLE_LOG_EVERY(Info, hours(1)) << "b";
  EXPECT_EQ(Messages(), (std::vector<std::string>{"a", "b"}));
}

TEST(RateLimiter, AdmitsOncePerPeriod) {
  internal_logging::RateLimiter limiter;
  const TimePoint start{hours(1)};
  EXPECT_TRUE(Admit(limiter, milliseconds(10), start));
  EXPECT_EQ(internal_logging::TakeSuppressed(), 0u);
  EXPECT_FALSE(Admit(limiter, milliseconds(10), start + milliseconds(1)));
  EXPECT_FALSE(Admit(limiter, milliseconds(10), start + milliseconds(10) - Duration(1)));
  EXPECT_TRUE(Admit(limiter, milliseconds(10), start + milliseconds(10)));
  EXPECT_EQ(internal_logging::TakeSuppressed(), 2u);
  EXPECT_EQ(internal_logging::TakeSuppressed(), 0u);
}

TEST(RateLimiter, HugePeriodDoesNotOverflow) {
  internal_logging::RateLimiter limiter;
  EXPECT_TRUE(Admit(limiter, Duration::max(), TimePoint(hours(1))));
  EXPECT_FALSE(Admit(limiter, Duration::max(), TimePoint(hours(2))));
}

TEST_F(LoggingTest, ConcurrentRecordsAndLimitsLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  internal_logging::RateLimiter limiter;
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&limiter, &admitted] {
      for (int i = 0; i < kEach; ++i) {
        SPINDLE_LOG(Info) << "x";
        if (Admit(limiter, hours(1), TimePoint(hours(5)))) ++admitted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Messages().size(), static_cast<size_t>(kThreads * kEach));
  EXPECT_EQ(admitted.load(), 1);
  EXPECT_EQ(limiter.suppressed.load(), static_cast<uint64_t>(kThreads * kEach - 1));
}

TEST_F(LoggingTest, SinkMayBeChangedWhileOthersLog) {
  std::thread logger([] {
    for (int i = 0; i < 1000; ++i) SPINDLE_LOG(Info) << i;
  });
  const auto other = std::make_shared<Captured>();
  for (int i = 0; i < 100; ++i) {
    SetLogSink([other](const LogRecord& record) { other->Add(record); });
  }
  logger.join();
  MutexLock lock(other->mutex);
  EXPECT_EQ(Messages().size() + other->messages.size(), 1000u);
}

TEST_F(LoggingTest, SinkThatLogsOrReplacesItselfDoesNotRecur) {
  auto calls = std::make_shared<int>(0);
  SetLogSink([calls](const LogRecord&) {
    ++*calls;
    SPINDLE_LOG(Info) << "from inside the sink";
    SetLogSink(nullptr);
  });
  testing::internal::CaptureStderr();
  SPINDLE_LOG(Info) << "outer";
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_EQ(*calls, 1);
  EXPECT_NE(printed.find("from inside the sink\n"), std::string::npos);
}

TEST(FormatLogLine, IsOneLineWithTimeLevelThreadAndPlace) {
  LogRecord record;
  record.level = LogLevel::kError;
  record.time = std::chrono::system_clock::time_point(std::chrono::microseconds(1700000000000042));
  record.thread = "loop-1";
  record.file = "net/x.cc";
  record.line = 12;
  record.message = "bad \n header\x1b[0m\tend";
  EXPECT_EQ(FormatLogLine(record),
            "2023-11-14T22:13:20.000042Z E loop-1 net/x.cc:12] bad \\n header\\x1b[0m\tend\n");
}

TEST(FormatLogLine, TimeBeforeTheEpochIsNotNegative) {
  LogRecord record;
  record.time = std::chrono::system_clock::time_point(std::chrono::microseconds(-1));
  EXPECT_EQ(FormatLogLine(record).substr(0, 27), "1969-12-31T23:59:59.999999Z");
}

TEST(DefaultSink, WritesEachRecordToStderr) {
  testing::internal::CaptureStderr();
  SPINDLE_LOG(Error) << "first";
  SPINDLE_LOG(Error) << "second";
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_NE(printed.find("] first\n"), std::string::npos);
  EXPECT_TRUE(printed.ends_with("] second\n"));
}

}  // namespace
}  // namespace spindle
