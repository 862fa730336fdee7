#include "bench/report/run_json.h"

#include <cmath>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace spindle::bench {
namespace {

RunRecord Sample() {
  RunRecord record{.command = {"spindle", "seqpar", "\xff"}, .seed = 7};
  record.config = {{"size", uint64_t{64}}, {"pool", true}, {"mode", std::string("ack")}};
  ArmRecord arm{.name = "sequential", .setting = {.connections = 4, .message_bytes = 64}};
  arm.blocks.push_back(
      {.block = 1, .order = 1, .wall = std::chrono::milliseconds(5), .messages = 8});
  arm.latency.RecordMany(std::chrono::microseconds(100), 50);
  record.arms.push_back(arm);
  record.points.push_back(
      {.setting = {.connections = 4, .message_bytes = 64}, .accepted_per_loop = {2, 2}});
  record.points[0].speedup = EstimateRatio(std::vector<double>{0.0}, 1);
  record.errors["connection 3: wrong"] = 2;
  return record;
}

TEST(RunJson, HoldsTheFieldsOfTheSchema) {
  const auto json = nlohmann::json::parse(ToJson(Sample()));
  EXPECT_EQ(json["schema"], "spindle.run/1");
  EXPECT_EQ(json["seed"], 7);
  EXPECT_TRUE(json["tool"]["version"].is_string());
  EXPECT_TRUE(json["host"]["kernel"].is_string());
  EXPECT_EQ(json["config"]["pool"], true);
  EXPECT_EQ(json["arms"][0]["loop"], "closed");
  EXPECT_EQ(json["arms"][0]["blocks"][0]["wall_s"], 0.005);
  EXPECT_EQ(json["arms"][0]["blocks"][0]["msgs"], 8);
  EXPECT_EQ(json["arms"][0]["latency"]["count"], 50);
  EXPECT_EQ(json["points"][0]["verdict"], "cannot tell");
  EXPECT_EQ(json["points"][0]["accepted_per_loop"], (std::vector<int>{2, 2}));
  EXPECT_EQ(json["errors"]["connection 3: wrong"], 2);
  EXPECT_EQ(json["interrupted"], false);
}

TEST(RunJson, WhatIsNotKnownIsNull) {
  const auto json = nlohmann::json::parse(ToJson(Sample()));
  const auto& point = json["points"][0];
  EXPECT_TRUE(point["rtt_us"].is_null());
  EXPECT_EQ(point["speedup_ci95"][0], 0);
  EXPECT_TRUE(point["speedup_ci95"][1].is_null()) << "infinity";
  EXPECT_TRUE(point["mde"].is_null());
  EXPECT_TRUE(json["arms"][0]["latency"]["p99"].is_null()) << "too few records beyond it";
  EXPECT_TRUE(json["arms"][0]["latency"]["p50"].is_number());
}

TEST(RunJson, AFileThatCannotBeWrittenIsNamed) {
  const absl::Status status = WriteJson(Sample(), "/nowhere/run.json");
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message()).find("/nowhere/run.json"), std::string::npos);
}

}  // namespace
}  // namespace spindle::bench
