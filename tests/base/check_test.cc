#include "base/check.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(Check, TrueConditionEvaluatesOnceAndSkipsTheMessage) {
  int evaluated = 0;
  int printed = 0;
  SPINDLE_CHECK(++evaluated > 0) << ++printed;
  EXPECT_EQ(evaluated, 1);
  EXPECT_EQ(printed, 0);
}

TEST(Check, IsOneStatementInAnUnbracedIf) {
  bool reached_else = false;
  if (reached_else)
    SPINDLE_CHECK(false);
  else
    reached_else = true;
  EXPECT_TRUE(reached_else);
  if (!reached_else)
    SPINDLE_CHECK_OK(absl::InternalError("not reached"));
  else
    reached_else = false;
  EXPECT_FALSE(reached_else);
}

TEST(CheckDeathTest, FailurePrintsPlaceConditionAndMessage) {
  const int fd = -3;
  EXPECT_DEATH(SPINDLE_CHECK(fd >= 0) << "fd " << fd,
               "check_test.cc:[0-9]+\\] CHECK failed: fd >= 0: fd -3");
}

TEST(CheckDeathTest, FailureReachesTheLogSink) {
  EXPECT_DEATH(
      {
        SetLogSink([](const LogRecord& record) {
          LogRecord changed = record;
          changed.thread = "through-the-sink";
          WriteLogToStderr(changed);
        });
        SetMinLogLevel(LogLevel::kOff);
        SPINDLE_CHECK(1 > 2);
      },
      " F through-the-sink .*CHECK failed: 1 > 2");
}

TEST(Check, OkStatusesPass) {
  SPINDLE_CHECK_OK(absl::OkStatus()) << "not printed";
  const absl::StatusOr<int> value = 5;
  SPINDLE_CHECK_OK(value);
}

TEST(CheckDeathTest, NotOkPrintsTheStatus) {
  const absl::StatusOr<int> value = absl::NotFoundError("no such host");
  EXPECT_DEATH(SPINDLE_CHECK_OK(value) << "while resolving",
               "CHECK failed: value is NOT_FOUND: no such host: while resolving");
  EXPECT_DEATH(SPINDLE_CHECK_OK(value.status()), "NOT_FOUND");
}

#ifdef NDEBUG
TEST(Dcheck, IsNotEvaluatedInReleaseBuilds) {
  int evaluated = 0;
  SPINDLE_DCHECK(++evaluated > 5) << "never";
  EXPECT_EQ(evaluated, 0);
}
#else
TEST(DcheckDeathTest, FailsInDebugBuilds) {
  EXPECT_DEATH(SPINDLE_DCHECK(1 > 2) << "message", "CHECK failed: 1 > 2: message");
}
#endif

}  // namespace
}  // namespace spindle
