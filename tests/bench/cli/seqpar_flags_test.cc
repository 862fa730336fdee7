// The options of `spindle seqpar` and what they make of the record.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/bench/cli/program.h"

namespace spindle::bench {
namespace {

using Words = std::vector<std::string>;

// What `spindle seqpar` writes for these options.
nlohmann::json Record(Words words) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/seqpar_flags.json";
  words.insert(words.begin(), "seqpar");
  words.push_back("--quiet");
  words.push_back("--json=" + path);
  const ProgramResult result = RunProgram(words);
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  return nlohmann::json::parse(std::ifstream(path));
}

TEST(SeqparFlags, ArmsSizesAndConnectionsMakeAGrid) {
  const auto record = Record({"-n", "1,2", "-s", "1K,4K", "--arms",
                              "parallel,sequential,parallel-loops", "--window", "2", "--pipeline",
                              "2,4", "--client-loops", "2", "-m", "2", "--blocks", "1"});
  ASSERT_EQ(record["arms"].size(), 4u * 6u);
  ASSERT_EQ(record["points"].size(), 4u * 5u);
  EXPECT_EQ(record["arms"][0]["name"], "parallel");
  EXPECT_EQ(record["arms"][5]["name"], "pipeline-4");
  EXPECT_EQ(record["arms"][23]["message_bytes"], 4096);
  EXPECT_EQ(record["arms"][23]["blocks"][0]["msgs"], 4);
}

TEST(SeqparFlags, WithoutPoolEachArmOpensItsConnections) {
  const auto record = Record(
      {"-n", "2", "-m", "1", "--blocks", "3", "--pool", "off", "--nodelay", "off", "--loops", "1"});
  EXPECT_EQ(record["config"]["pool"], false);
  EXPECT_EQ(record["config"]["nodelay"], false);
  EXPECT_EQ(record["points"][0]["accepted_per_loop"], (std::vector<int>{16}));
}

TEST(SeqparFlags, ThinkTimeIsInTheTimeline) {
  const auto record = Record({"-n", "2", "-m", "1", "--blocks", "1", "--think", "2ms"});
  std::map<std::string, int> phases;
  for (const auto& span : record["timeline"]) ++phases[span["phase"].get<std::string>()];
  EXPECT_EQ(phases["think"], 4) << record["timeline"].dump();
  EXPECT_EQ(phases["ack"], 4);
}

TEST(SeqparFlags, AnArmAgainstItselfIsTheNoiseFloor) {
  const auto record = Record(
      {"-n", "1", "-m", "1", "--blocks", "6", "--think", "1ms", "--aa", "--arms", "parallel"});
  ASSERT_EQ(record["arms"].size(), 2u);
  EXPECT_EQ(record["arms"][1]["name"], "parallel-again");
}

TEST(SeqparFlags, StrictMakesCannotTellAnExitCode) {
  // Below six blocks there is no interval, and so nothing can be told.
  const Words few = {"seqpar", "-n", "1", "-m", "1", "--blocks", "2", "--quiet"};
  EXPECT_EQ(RunProgram(few).exit_code, 0);
  Words strict = few;
  strict.push_back("--strict");
  EXPECT_EQ(RunProgram(strict).exit_code, 4);
}

TEST(SeqparFlags, TargetIntervalSaysHowItEnded) {
  const ProgramResult result =
      RunProgram({"seqpar", "-n", "1", "-m", "1", "--blocks", "6", "--target-ci", "0.000001%",
                  "--max-time", "50ms", "--quiet"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("note: 1 connection: intervals of"), std::string::npos) << result.out;
}

TEST(SeqparFlags, WhatMakesNoSenseIsExitCode2) {
  for (const Words& words : {Words{"--arms", "sideways"},
                             {"--arms", "parallel"},
                             {"--arms", "parallel,parallel"},
                             {"--window", "0"},
                             {"--pool", "maybe"},
                             {"--target-ci", "5"},
                             {"--target-ci", "0%"},
                             {"--max-time", "1s"},
                             {"--client-loops", "0"},
                             {"-s", "0"}}) {
    Words line = words;
    line.insert(line.begin(), "seqpar");
    const ProgramResult result = RunProgram(line);
    EXPECT_EQ(result.exit_code, 2) << words[0] << " " << words[1] << ": " << result.err;
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
  }
}

// Each round trip with each rate is a network of its own; 0 is the machine as it is.
TEST(SeqparFlags, RoundTripsAreRealNetworks) {
  if (RunProgram({"netlab", "--check"}).exit_code == 77) {
    GTEST_SKIP() << "this machine or user can have no network namespaces";
  }
  const auto record = Record({"-n", "1,3", "-m", "1", "--blocks", "6", "--rtt", "0,20ms"});
  ASSERT_EQ(record["points"].size(), 4u);
  EXPECT_EQ(record["net"]["kind"], "netlab");
  EXPECT_TRUE(record["points"][0]["rtt_us_asked"].is_null());
  const auto& far = record["points"][3];
  EXPECT_EQ(far["rtt_us_asked"], 20000.0);
  EXPECT_GE(far["rtt_us"], 20000.0);
  EXPECT_NEAR(far["speedup_model"], 3, 0.5);
  EXPECT_EQ(far["limit"], "round trip");
  // Three round trips, one after the other; nothing is early.
  for (const auto& block : record["arms"][6]["blocks"]) EXPECT_GE(block["wall_s"], 0.060);
  EXPECT_EQ(record["arms"][6]["blocks"][0]["retrans"].is_number(), true);
  for (const auto& span : record["timeline"]) EXPECT_GE(span["arm"], 6);
}

TEST(SeqparFlags, ANetworkOfOursNeedsAServerOfOurs) {
  for (const Words& words :
       {Words{"seqpar", "--rtt", "1ms", "127.0.0.1", "1"}, Words{"seqpar", "--rtt", "soon"},
        Words{"seqpar", "--bw", "fast"}, Words{"seqpar", "--loss", "1%"},
        Words{"seqpar", "--server-pid", "1"}}) {
    const ProgramResult result = RunProgram(words);
    EXPECT_EQ(result.exit_code, 2) << words[1];
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

}  // namespace
}  // namespace spindle::bench
