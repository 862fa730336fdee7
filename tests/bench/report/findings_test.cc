#include "bench/report/findings.h"

#include <chrono>
#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "tests/bench/report/sample_record.h"

namespace spindle::bench {
namespace {

PointRecord Point(size_t connections, double ratio, double low, double high) {
  PointRecord point{.setting = {.connections = connections, .message_bytes = 1024}};
  point.speedup = {
      .blocks = 20, .ratio = ratio, .low = low, .high = high, .detectable = 0.25, .deviation = 0.4};
  point.verdict = Judge(point.speedup, 0.05);
  return point;
}

TEST(Findings, EachVerdictIsASentence) {
  PointRecord faster = Point(8, 7.5, 7.4, 7.6);
  faster.setting.rtt = std::chrono::milliseconds(10);
  faster.setting.bits_per_second = 50'000'000;
  faster.predicted = 7.9;
  EXPECT_EQ(
      FindingOf(faster).sentence,
      "Parallel was 7.5× as fast as sequential [7.4, 7.6] for 8 connections of 1 KiB at 10 ms "
      "RTT and 50 Mbit/s; the model said 7.9×.");
  EXPECT_EQ(FindingOf(faster).verdict, "faster");
  EXPECT_EQ(FindingOf(faster).tone, Finding::Tone::kGood);
  EXPECT_EQ(
      FindingOf(Point(1, 0.8, 0.7, 0.9)).sentence,
      "Parallel was slower, 0.8× as fast as sequential [0.7, 0.9], for 1 connection of 1 KiB.");
  EXPECT_EQ(
      FindingOf(Point(1, 1, 0.99, 1.01)).sentence,
      "Parallel took the same time as sequential, 1× [0.99, 1.01], for 1 connection of 1 KiB.");
  EXPECT_EQ(
      FindingOf(Point(2, 1.1, 0.9, 1.4)).sentence,
      "Cannot tell whether parallel is faster than sequential for 2 connections of 1 KiB: "
      "effects below 25 % are lost in the noise; about 507 more blocks would show one of 5 %.");
}

TEST(Findings, TooFewBlocksAreSaid) {
  PointRecord point = Point(2, 3, 0, std::numeric_limits<double>::infinity());
  point.speedup.blocks = 3;
  EXPECT_EQ(FindingOf(point).sentence,
            "Cannot tell whether parallel is faster than sequential for 2 connections of 1 KiB: "
            "3 complete blocks are too few, an interval needs 6.");
}

TEST(Findings, TheMostTellingPointSpeaksForTheRun) {
  RunRecord record;
  record.points = {Point(1, 1, 0.99, 1.01), Point(4, 3.9, 3.8, 4), Point(8, 1.2, 0.8, 1.5)};
  EXPECT_NE(FindingOf(record).sentence.find("4 connections"), std::string::npos);
  record.points = {Point(1, 0.2, 0.1, 0.3), Point(4, 3.9, 3.8, 4)};
  EXPECT_NE(FindingOf(record).sentence.find("slower"), std::string::npos) << "a larger effect";
  record.points = {Point(1, 1, 0.99, 1.01), Point(8, 1.2, 0.8, 1.5)};
  EXPECT_NE(FindingOf(record).sentence.find("8 connections"), std::string::npos);
  record.points = {Point(4, 3.9, 3.8, 4), Point(4, 20, 19, 21)};
  record.points[1].arm = "pipeline-4";
  EXPECT_TRUE(FindingOf(record).sentence.starts_with("Parallel was 3.9×")) << "the first arm";
}

TEST(Findings, RunsWithoutPoints) {
  EXPECT_EQ(FindingOf(RunRecord()).sentence, "Nothing was measured.");
  EXPECT_EQ(FindingOf(SampleInterrupted()).sentence, "There is no complete block to report.");
  const Finding load = FindingOf(SampleBench());
  EXPECT_TRUE(load.sentence.starts_with(
      "Echo over 64 connections of 64 B: 5000 messages per second, half of them within "))
      << load.sentence;
  EXPECT_EQ(load.verdict, "2 errors");
}

}  // namespace
}  // namespace spindle::bench
