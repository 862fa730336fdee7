// What the charts of a page are made of: groups, summaries of arms, lines, the timeline.

#include <algorithm>
#include <chrono>
#include <string>

#include "bench/report/arm_summary.h"
#include "bench/report/arm_table.h"
#include "bench/report/chart_timeline.h"
#include "bench/report/run_charts.h"
#include "bench/report/run_groups.h"
#include "gtest/gtest.h"
#include "tests/bench/report/sample_record.h"

namespace spindle::bench {
namespace {

using std::chrono::milliseconds;

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

TEST(RunGroups, OneForEachSettingWhateverTheConnections) {
  EXPECT_EQ(GroupsOf(SampleSeqpar()).size(), 1u);
  const RunRecord large = SampleLarge();
  const std::vector<RunGroup> groups = GroupsOf(large);
  ASSERT_EQ(groups.size(), 4u);
  EXPECT_EQ(groups[1].setting.message_bytes, 1024u);
  EXPECT_EQ(groups[1].points.size(), 11u);
  EXPECT_EQ(groups[1].arms.size(), 22u);
  EXPECT_EQ(DescribeSetting(groups[1].setting), "1 KiB messages, 10 ms RTT");
}

TEST(ArmSummary, IsPerMessageAndOfMedians) {
  ArmRecord arm{.name = "x", .setting = {.connections = 4}};
  for (const int wall : {10, 20, 90}) {
    arm.blocks.push_back({.wall = milliseconds(wall),
                          .messages = 20,
                          .bytes = 2000,
                          .cpu = {milliseconds(1), milliseconds(1), 40},
                          .server_cpu = CpuTime{milliseconds(4), milliseconds(0), 0},
                          .retransmits = 2});
  }
  arm.blocks.push_back({});  // Nothing happened in it.
  const std::optional<ArmSummary> summary = Summarize(arm);
  ASSERT_TRUE(summary.has_value());
  EXPECT_DOUBLE_EQ(summary->wall_s, 0.02);
  EXPECT_DOUBLE_EQ(summary->per_second, 1000);
  EXPECT_DOUBLE_EQ(summary->bytes_per_s, 100000);
  EXPECT_DOUBLE_EQ(summary->client_cpu_s, 0.0001);
  EXPECT_DOUBLE_EQ(*summary->server_cpu_s, 0.0002);
  EXPECT_DOUBLE_EQ(summary->switches, 2);
  EXPECT_EQ(*summary->retransmits, 6u);
  EXPECT_FALSE(summary->system_calls.has_value());
  EXPECT_DOUBLE_EQ(RoundTimeOf(arm)->median, 0.004) << "5 rounds in 20 ms";
  EXPECT_DOUBLE_EQ(RoundsOf(arm), 5);
  EXPECT_FALSE(Summarize(ArmRecord()).has_value());
}

TEST(ArmTable, LeavesOutWhatNoArmHas) {
  ArmRecord arm{.name = "x", .setting = {.connections = 1}};
  arm.blocks.push_back({.wall = milliseconds(1), .messages = 1});
  const ArmTable table = TableOfArms({&arm}, SettingColumns::kYes);
  EXPECT_EQ(std::count(table.headings.begin(), table.headings.end(), "retransmits"), 0);
  EXPECT_EQ(std::count(table.headings.begin(), table.headings.end(), "p50"), 0);
  EXPECT_EQ(std::count(table.headings.begin(), table.headings.end(), "connections"), 1);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0].size(), table.headings.size());
}

TEST(TimeChart, HasMeasuredAndPredictedLines) {
  const RunRecord record = SampleSeqpar();
  const std::optional<XyChart> chart = TimeChart(record, GroupsOf(record)[0], "");
  ASSERT_TRUE(chart.has_value());
  ASSERT_EQ(chart->series.size(), 4u);
  EXPECT_EQ(chart->series[0].name, "sequential, model");
  EXPECT_EQ(chart->series[0].line, Series::Line::kDashed);
  ASSERT_EQ(chart->series[3].marks.size(), 5u);
  // The model's block over three rounds: 16 messages one after the other.
  EXPECT_NEAR(chart->series[0].path[4].second, 16 * 0.01002, 1e-9);
  EXPECT_NEAR(chart->series[2].marks[4].y, 0.16, 0.01) << "and so it was measured";
  const Mark& mark = chart->series[3].marks[4];
  EXPECT_EQ(mark.x_text, "16 connections");
  EXPECT_LE(mark.whisker->first, mark.y);
  EXPECT_GE(mark.whisker->second, mark.y);
}

TEST(SpeedupChart, HasBoundModelNoiseAndIntervals) {
  const RunRecord record = SampleSeqpar();
  const std::vector<RunGroup> groups = GroupsOf(record);
  const std::optional<XyChart> chart =
      SpeedupChart({{"parallel", 1, groups[0].points}}, record.noise_floor, "");
  ASSERT_TRUE(chart.has_value());
  ASSERT_EQ(chart->bands.size(), 1u);
  EXPECT_EQ(chart->bands[0].low, 0.98);
  EXPECT_EQ(chart->series[0].path.back(), std::pair(16.0, 16.0)) << "y = N";
  EXPECT_EQ(chart->series.back().marks.size(), 5u);
  EXPECT_TRUE(chart->series.back().marks[4].whisker.has_value());
  EXPECT_FALSE(SpeedupChart({}, std::nullopt, "").has_value());
  EXPECT_FALSE(SpeedupChart({{"x", 0, {}}}, std::nullopt, "").has_value());
}

TEST(LatencyChart, EndsWhereTenMessagesAreBeyond) {
  RunRecord record;
  record.arms.push_back({.name = "x"});
  record.arms[0].latency.RecordMany(milliseconds(1), 1000);
  const std::optional<XyChart> chart = LatencyChart(record, {&record.arms[0]}, "");
  ASSERT_TRUE(chart.has_value());
  EXPECT_NEAR(chart->series[0].path.back().first, 2, 1e-9) << "two nines";
  ASSERT_EQ(chart->series[0].marks.size(), 3u);
  EXPECT_EQ(chart->series[0].marks[2].x_text, "99 %");
  EXPECT_FALSE(LatencyChart(record, {}, "").has_value());
}

TEST(ThroughputChart, TakesManyIntervalsTogether) {
  RunRecord record;
  record.arms.push_back({.name = "x"});
  for (int64_t i = 0; i < 10000; ++i) {
    record.arms[0].intervals.push_back(
        {.start = milliseconds(10 * i), .length = milliseconds(10), .messages = 5});
  }
  const std::optional<XyChart> chart = ThroughputChart(record, {&record.arms[0]}, "");
  ASSERT_TRUE(chart.has_value());
  EXPECT_LE(chart->series[0].path.size(), 500u);
  for (const auto& [time, rate] : chart->series[0].path) EXPECT_NEAR(rate, 500, 1e-6);
}

TEST(Timeline, BothArmsOnOneAxis) {
  const std::string drawing = DrawTimeline(SampleSeqpar(), "");
  EXPECT_EQ(Count(drawing, "data-c="), 16u);
  EXPECT_EQ(Count(drawing, "data-s="), 64u);
  EXPECT_EQ(Count(drawing, "Shown are"), 0u);
  EXPECT_NE(drawing.find("Sequential: done after 89 ms"), std::string::npos);
  EXPECT_NE(drawing.find("Parallel: done after 11.4 ms"), std::string::npos);
  EXPECT_EQ(DrawTimeline(SampleBench(), ""), "");
}

TEST(Timeline, ShowsSixtyFourLanesAndSaysSo) {
  const std::string drawing = DrawTimeline(SampleLarge(), "");
  EXPECT_EQ(Count(drawing, "data-c="), 128u);
  EXPECT_EQ(Count(drawing, "data-c=\"0\""), 2u);
  EXPECT_EQ(Count(drawing, "data-c=\"1023\""), 2u) << "the last one is among them";
  EXPECT_NE(drawing.find("Shown are 64 of 1024 connections, evenly chosen."), std::string::npos);
}

TEST(Timeline, CutsLongLanesAndSaysSo) {
  RunRecord record = SampleInterrupted();
  for (int64_t i = 0; i < 5000; ++i) {
    record.timeline.push_back(
        {.arm = 0, .connection = 0, .start = milliseconds(i), .length = milliseconds(1)});
  }
  record.timeline.push_back({.arm = 7});  // There is no such arm.
  const std::string drawing = DrawTimeline(record, "");
  EXPECT_EQ(Count(drawing, "data-s="), kMostSpans);
  EXPECT_NE(drawing.find("Shown are the first 1500 steps of each connection."), std::string::npos);
}

}  // namespace
}  // namespace spindle::bench
