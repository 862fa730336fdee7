#include "bench/report/read_run.h"

#include <cmath>
#include <string>

#include "bench/report/run_json.h"
#include "gtest/gtest.h"
#include "tests/bench/report/sample_record.h"

namespace spindle::bench {
namespace {

std::string Error(std::string_view text) {
  const absl::StatusOr<RunRecord> record = RunFromJson(text);
  return record.ok() ? "" : std::string(record.status().message());
}

// The sample with the first `from` replaced by `to`.
std::string Changed(const std::string& from, const std::string& to) {
  std::string text = ToJson(SampleSeqpar());
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ReadRun, WhatWasWrittenComesBack) {
  for (const RunRecord& record : {SampleSeqpar(), SampleBench(), SampleInterrupted()}) {
    const std::string text = ToJson(record);
    const absl::StatusOr<RunRecord> copy = RunFromJson(text);
    ASSERT_TRUE(copy.ok()) << copy.status();
    EXPECT_EQ(ToJson(*copy), text);
  }
}

TEST(ReadRun, TheRecordIsTheSame) {
  const RunRecord record = SampleSeqpar();
  const absl::StatusOr<RunRecord> read = RunFromJson(ToJson(record));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->command, record.command);
  EXPECT_EQ(read->config, record.config);
  EXPECT_EQ(read->host->cpu_model, record.host->cpu_model);
  EXPECT_EQ(read->net.rtt_measured, record.net.rtt_measured);
  ASSERT_EQ(read->arms.size(), record.arms.size());
  EXPECT_EQ(read->arms[3].setting, record.arms[3].setting);
  EXPECT_EQ(read->arms[3].blocks[2].wall, record.arms[3].blocks[2].wall);
  EXPECT_EQ(read->arms[3].blocks[2].server_cpu->system,
            record.arms[3].blocks[2].server_cpu->system);
  EXPECT_EQ(read->arms[3].latency.ValueAtQuantile(0.9),
            record.arms[3].latency.ValueAtQuantile(0.9));
  ASSERT_EQ(read->points.size(), record.points.size());
  EXPECT_EQ(read->points[2].speedup.low, record.points[2].speedup.low);
  EXPECT_EQ(read->points[2].predicted_arm_wall, record.points[2].predicted_arm_wall);
  ASSERT_EQ(read->timeline.size(), record.timeline.size());
  EXPECT_EQ(read->timeline[5].phase, record.timeline[5].phase);
  EXPECT_EQ(read->timeline[5].start, record.timeline[5].start);
}

TEST(ReadRun, InfinityComesBack) {
  const absl::StatusOr<RunRecord> read = RunFromJson(ToJson(SampleInterrupted()));
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(std::isinf(read->points[0].speedup.high));
  EXPECT_TRUE(std::isinf(read->points[0].speedup.detectable));
}

TEST(ReadRun, ErrorsNameThePlace) {
  EXPECT_EQ(Error(Changed(R"("speedup":)", R"("speedUp":)")),
            "points[0].speedup: a number is missing");
  EXPECT_EQ(Error(Changed(R"("wall_s":)", R"("wall_s":null,"x":)")),
            "arms[0].blocks[0].wall_s: a number is expected");
  EXPECT_EQ(Error(Changed(R"("wall_s":)", R"("wall_s":-1,"x":)")),
            "arms[0].blocks[0].wall_s: a time of at least 0 and below 292 years is expected");
  EXPECT_EQ(Error(Changed(R"("connections":1,)", R"("connections":1.5,)")),
            "arms[0].connections: a whole number of at least 0 is expected");
  EXPECT_EQ(Error(Changed("spindle.run/1", "spindle.run/2")),
            "schema: \"spindle.run/2\" is not spindle.run/1");
  EXPECT_EQ(Error(Changed(R"("verdict":"same")", R"("verdict":"great")")),
            "points[0].verdict: \"great\" is not known");
  EXPECT_EQ(Error(Changed(R"("buckets":[[)", R"("buckets":[[1,)")),
            "arms[0].latency.hdr.buckets[0]: [lower bound in ns, count] is expected");
  EXPECT_EQ(Error(Changed(R"("clamped_low":0)", R"("clamped_low":0,"max":1)")),
            "arms[0].latency.hdr: the buckets, minimum, maximum and mean do not fit together");
  EXPECT_EQ(Error(Changed(R"({"arm":6,)", R"({"arm":10,)")), "timeline[0].arm: there are 10 arms");
  EXPECT_EQ(Error("[]"), "schema: a text is missing");
  EXPECT_EQ(Error("{}"), "schema: a text is missing");
}

TEST(ReadRun, WhatIsNoJsonIsALineAndAColumn) {
  EXPECT_NE(Error("").find("line 1, column 1"), std::string::npos) << Error("");
  EXPECT_NE(Error("{\n\"schema\": oops}").find("line 2, column 11"), std::string::npos);
  EXPECT_NE(Error("{\"seed\": 1e999}"), "");
  EXPECT_NE(Error("{\"schema\": \"\xff\"}"), "");
  EXPECT_EQ(Error(std::string(1 << 20, '[')), "lists within lists too deep");
  const std::string quoted = "{\"x\": \"\\\"" + std::string(1 << 20, '[') + "\", \"schema\": 1}";
  EXPECT_EQ(Error(quoted), "schema: a text is expected");
}

TEST(ReadRun, LaterMembersArePassedOverAndEarlierFilesRead) {
  EXPECT_EQ(Error(Changed(R"("seed":)", R"("new": {"a": [1]}, "seed":)")), "");
  // As the first version of the format wrote it.
  const std::string old = R"({"schema": "spindle.run/1",
      "tool": {"version": "0.1.0", "commit": null, "build": "b"}, "cmd": [], "seed": 1,
      "host": {"kernel": "k", "cpus": 2, "cc": null, "governor": null, "sysctl": {}}, "config": {},
      "arms": [{"name": "sequential", "connections": 1, "message_bytes": 8, "blocks": [],
                "latency": {"unit": "us", "count": 0}, "loop": "closed"}],
      "points": [{"connections": 1, "message_bytes": 8, "rtt_us": null, "blocks": 0, "speedup": 1,
                  "speedup_ci95": [0, null], "mde": null, "verdict": "cannot tell"}],
      "errors": {}, "interrupted": false, "warnings": []})";
  EXPECT_EQ(Error(old), "");
}

TEST(ReadRun, AFileThatCannotBeReadIsNamed) {
  const absl::StatusOr<RunRecord> missing = ReadRun("/nowhere/run.json");
  EXPECT_NE(std::string(missing.status().message()).find("/nowhere/run.json"), std::string::npos);
  const absl::StatusOr<RunRecord> folder = ReadRun("/");
  EXPECT_NE(std::string(folder.status().message()).find("EISDIR"), std::string::npos);
}

}  // namespace
}  // namespace spindle::bench
