#include "bench/report/json_lines.h"

#include <errno.h>

#include <string>
#include <vector>

#include "base/errno_status.h"
#include "bench/report/write_file.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/bench/report/sample_record.h"

namespace spindle::bench {
namespace {

std::vector<nlohmann::json> Lines(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status();
  std::vector<nlohmann::json> lines;
  for (size_t at = 0; at < text->size();) {
    const size_t end = text->find('\n', at);
    lines.push_back(nlohmann::json::parse(text->substr(at, end - at)));
    at = end + 1;
  }
  return lines;
}

TEST(JsonLines, EachEventIsInTheFileAtOnce) {
  const std::string path = ::testing::TempDir() + "/json_lines_test";
  const RunRecord record = SampleSeqpar();
  const ArmRecord& arm = record.arms[3];
  const auto writer = JsonLines::Open(path);
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_TRUE(Lines(path).empty());
  (*writer)->Start(record);
  ASSERT_EQ(Lines(path).size(), 1u);
  EXPECT_EQ(Lines(path)[0]["event"], "start");
  EXPECT_EQ(Lines(path)[0]["schema"], "spindle.run/1");
  EXPECT_EQ(Lines(path)[0]["cmd"][1], "seqpar");
  (*writer)->Interval(arm.name, arm.setting, arm.intervals[2]);
  ASSERT_EQ(Lines(path).size(), 2u);
  EXPECT_EQ(Lines(path)[1]["event"], "interval");
  EXPECT_EQ(Lines(path)[1]["arm"], "parallel");
  EXPECT_EQ(Lines(path)[1]["connections"], 2);
  EXPECT_EQ(Lines(path)[1]["start_s"], 0.2);
  (*writer)->Block(arm.name, arm.setting, arm.blocks[4]);
  ASSERT_EQ(Lines(path).size(), 3u);
  EXPECT_EQ(Lines(path)[2]["event"], "block");
  EXPECT_EQ(Lines(path)[2]["block"], 5);
  EXPECT_TRUE((*writer)->End(record).ok());
  ASSERT_EQ(Lines(path).size(), 4u);
  EXPECT_EQ(Lines(path)[3]["event"], "end");
  EXPECT_EQ(Lines(path)[3]["points"].size(), 5u);
  EXPECT_EQ(Lines(path)[3]["interrupted"], false);
}

TEST(JsonLines, AFullDiskIsToldAtTheEnd) {
  const auto writer = JsonLines::Open("/dev/full");
  ASSERT_TRUE(writer.ok());
  (*writer)->Start(SampleBench());
  EXPECT_EQ(ErrnoOf((*writer)->End(SampleBench())), ENOSPC);
}

TEST(JsonLines, AFileThatCannotBeOpenedIsNamed) {
  const auto writer = JsonLines::Open("/nowhere/lines");
  EXPECT_EQ(ErrnoOf(writer.status()), ENOENT);
  EXPECT_NE(std::string(writer.status().message()).find("/nowhere/lines"), std::string::npos);
}

}  // namespace
}  // namespace spindle::bench
