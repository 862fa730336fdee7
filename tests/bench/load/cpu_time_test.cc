#include "bench/load/cpu_time.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "base/clock.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

// Until this thread has used that much by its own clock.
void Use(Duration time) {
  const CpuTime begin = ThreadCpuTime();
  while ((ThreadCpuTime() - begin).total() < time) {
  }
}

TEST(CpuTimeTest, DifferencesAndSumsTakeEachPart) {
  const CpuTime a{
      .user = Duration(5), .system = Duration(7), .context_switches = 3, .run_delay = Duration(11)};
  CpuTime b = a;
  b += a;
  EXPECT_EQ(b.total(), Duration(24));
  const CpuTime c = b - a;
  EXPECT_EQ(c.user, a.user);
  EXPECT_EQ(c.system, a.system);
  EXPECT_EQ(c.context_switches, a.context_switches);
  EXPECT_EQ(c.run_delay, a.run_delay);
}

TEST(CpuTimeTest, AProcessHasAtLeastWhatItsThreadHas) {
  Use(std::chrono::milliseconds(20));
  const std::optional<CpuTime> process = ProcessCpuTime(getpid());
  ASSERT_TRUE(process.has_value());
  EXPECT_GE(process->total(), std::chrono::milliseconds(20));
  EXPECT_GE(process->user, Duration(0));
  EXPECT_GE(process->system, Duration(0));
}

TEST(CpuTimeTest, AProcessThatIsGoneHasNone) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ASSERT_GT(child, 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(ProcessCpuTime(child).has_value());
}

TEST(CpuTimeTest, ADifferenceKeepsTheSumAndHasNoNegativePart) {
  using std::chrono::milliseconds;
  const CpuTime before{.user = milliseconds(5), .system = milliseconds(1)};
  const CpuTime after{.user = milliseconds(4), .system = milliseconds(4)};
  const CpuTime used = after - before;
  EXPECT_EQ(used.user, milliseconds(0));
  EXPECT_EQ(used.system, milliseconds(2));
}

}  // namespace
}  // namespace spindle::bench
