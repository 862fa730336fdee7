// What `spindle bench` says about its own numbers.

#include "bench/cli/bench_report.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bench/cli/bench_flags.h"
#include "bench/load/load_team.h"
#include "bench/report/run_record.h"
#include "gtest/gtest.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A run without anything to complain about.
BenchMeasurement Healthy() {
  BenchMeasurement measurement;
  measurement.server = SocketAddress::LoopbackV4(9000);
  LoadOutcome& outcome = measurement.outcome;
  outcome.wall = seconds(10);
  outcome.counts.messages = 20000;
  outcome.counts.bytes = 20000 * 64;
  outcome.counts.latency.RecordMany(milliseconds(1), 20000);
  outcome.counts.send_lag.RecordMany(microseconds(50), 20000);
  outcome.first_half_messages = 10000;
  outcome.cpu.user = seconds(1);
  outcome.cpu.system = seconds(3);
  outcome.busiest = 0.4;
  outcome.reads = 20000;
  outcome.writes = 10000;
  outcome.turns = 5000;
  outcome.slices = {{12000, 12000 * 64}, {8000, 8000 * 64}};
  return measurement;
}

BenchFlags OpenLoop() {
  BenchFlags flags;
  flags.endpoint = {"127.0.0.1", "9000"};
  flags.rate = 2000;
  return flags;
}

// The number of warnings with `part` in them.
long Count(const RunRecord& record, std::string_view part) {
  return std::count_if(record.warnings.begin(), record.warnings.end(),
                       [&](const std::string& w) { return w.find(part) != std::string::npos; });
}

TEST(BenchReportTest, AHealthyOpenLoopWarnsOfTheMachineAlone) {
  const RunRecord record = BenchRecord(OpenLoop(), {"spindle", "bench"}, Healthy());
  ASSERT_EQ(record.warnings.size(), 1u) << record.warnings[0];
  EXPECT_EQ(Count(record, "same machine"), 1);
}

TEST(BenchReportTest, AClosedLoopSaysThatItHidesStalls) {
  BenchFlags flags = OpenLoop();
  flags.rate = 0;
  EXPECT_EQ(Count(BenchRecord(flags, {}, Healthy()), "closed loop: hides stalls"), 1);
}

TEST(BenchReportTest, AGeneratorThatIsTheLimitIsNotTrusted) {
  BenchMeasurement busy = Healthy();
  busy.outcome.busiest = 0.91;
  EXPECT_EQ(Count(BenchRecord(OpenLoop(), {}, busy), "generator-bound, do not trust: a client"), 1);

  BenchMeasurement late = Healthy();  // 1.5 % of them, by 0.2 of the median latency.
  late.outcome.counts.send_lag.RecordMany(microseconds(200), 300);
  const RunRecord record = BenchRecord(OpenLoop(), {}, late);
  EXPECT_EQ(Count(record, "generator-bound, do not trust: 1 % of the messages were sent"), 1);

  BenchMeasurement starved = Healthy();
  starved.outcome.cpu.run_delay = seconds(2);
  EXPECT_EQ(Count(BenchRecord(OpenLoop(), {}, starved), "20 % of the time for a processor"), 1);
}

TEST(BenchReportTest, HalvesThatDifferAreNotSteady) {
  BenchMeasurement measurement = Healthy();
  measurement.outcome.first_half_messages = 10400;  // 8.3 % more.
  EXPECT_EQ(Count(BenchRecord(OpenLoop(), {}, measurement), "not steady"), 0);
  measurement.outcome.first_half_messages = 10600;  // 12.8 % more.
  EXPECT_EQ(Count(BenchRecord(OpenLoop(), {}, measurement), "not steady"), 1);
  measurement.interrupted = true;
  EXPECT_EQ(Count(BenchRecord(OpenLoop(), {}, measurement), "not steady"), 0);
}

TEST(BenchReportTest, TheRecordHoldsWhatWasMeasured) {
  BenchMeasurement measurement = Healthy();
  measurement.outcome.wall = milliseconds(150);
  measurement.outcome.errors["wrong bytes"] = 2;
  measurement.server_cpu = CpuTime{.user = seconds(2)};
  const RunRecord record = BenchRecord(OpenLoop(), {"spindle", "bench"}, measurement);
  ASSERT_EQ(record.arms.size(), 1u);
  const ArmRecord& arm = record.arms[0];
  EXPECT_FALSE(arm.closed_loop);
  EXPECT_EQ(arm.latency.count(), 20000u);
  ASSERT_TRUE(arm.send_lag.has_value());
  EXPECT_EQ(arm.send_lag->count(), 20000u);
  ASSERT_EQ(arm.blocks.size(), 1u);
  EXPECT_EQ(arm.blocks[0].messages, 20000u);
  EXPECT_EQ(arm.blocks[0].system_calls, 35000u);
  EXPECT_EQ(arm.blocks[0].server_cpu->user, seconds(2));
  ASSERT_EQ(arm.intervals.size(), 2u);
  EXPECT_EQ(arm.intervals[1].start, milliseconds(100));
  EXPECT_EQ(arm.intervals[1].length, milliseconds(50)) << "the run ended within it";
  EXPECT_EQ(arm.intervals[1].messages, 8000u);
  EXPECT_EQ(record.errors.at("wrong bytes"), 2u);
}

TEST(BenchReportTest, HighPercentilesNeedEnoughSamples) {
  BenchMeasurement measurement = Healthy();
  const BenchFlags flags = OpenLoop();
  const RunRecord record = BenchRecord(flags, {}, measurement);
  EXPECT_EQ(BenchText(flags, record, measurement).find("n/a"), std::string::npos);
  measurement.outcome.counts.latency.Clear();
  measurement.outcome.counts.latency.RecordMany(milliseconds(1), 9000);
  EXPECT_NE(BenchText(flags, record, measurement).find("n/a"), std::string::npos);
}

TEST(BenchReportTest, CostsAreGivenForEachMessage) {
  BenchMeasurement measurement = Healthy();
  measurement.server_name = "pid 123";
  measurement.server_cpu = CpuTime{.user = milliseconds(500), .system = milliseconds(500)};
  const BenchFlags flags = OpenLoop();
  const std::string text = BenchText(flags, BenchRecord(flags, {}, measurement), measurement);
  EXPECT_NE(text.find("per message 200 us of CPU (50.0 user, 150 system)"), std::string::npos)
      << text;
  EXPECT_NE(text.find("1.00 reads, 0.500 writes, 0.250 waits"), std::string::npos) << text;
  EXPECT_NE(text.find("server: pid 123, 10 % busy; per message 50.0 us of CPU"), std::string::npos)
      << text;
}

TEST(BenchReportTest, ProgressLinesCountFromTheLineBefore) {
  BenchProgress lines((BenchFlags()));
  LoadProgress at;
  at.warmup = seconds(1);
  at.total = seconds(31);
  at.open = 64;
  at.elapsed = milliseconds(500);
  at.warming_up = true;
  at.messages = 1000;
  EXPECT_EQ(lines.Line(at), "0s/31s  64 conn  2000 msg/s  err 0  warming up");
  at.elapsed = seconds(2);  // One second of measured time.
  at.warming_up = false;
  at.messages = 41200;
  at.latency.RecordMany(microseconds(310), 41200);
  const std::string first = lines.Line(at);
  EXPECT_TRUE(first.starts_with("2s/31s  64 conn  41.2k msg/s  p50 310 us  p99 310 us  err 0"))
      << first;
  at.elapsed = seconds(3);
  at.messages = 41700;
  at.errors = 3;
  const std::string second = lines.Line(at);
  EXPECT_TRUE(second.starts_with("3s/31s  64 conn  500 msg/s")) << second;
  EXPECT_TRUE(second.ends_with("err 3")) << second;
}

}  // namespace
}  // namespace spindle::bench
