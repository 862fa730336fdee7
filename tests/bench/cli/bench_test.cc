// `spindle bench` and `spindle serve` as their user sees them: options that do not go together,
// each kind of load against each kind of server, what is in the JSON.

#include <signal.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/bench/cli/program.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

using Words = std::vector<std::string>;

// A short run; `options` first.
Words Bench(Words options, const Words& endpoint = {}) {
  Words words = {"bench", "-d", "100ms", "--warmup", "10ms"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), endpoint.begin(), endpoint.end());
  return words;
}

class BenchTest : public ::testing::Test {
 protected:
  // Starts a server on 127.0.0.1 and sets endpoint_.
  std::unique_ptr<Program> Serve(Words options) {
    options.insert(options.begin(), "serve");
    options.insert(options.end(), {"127.0.0.1", "0"});
    auto server = std::make_unique<Program>(options);
    const std::string address = server->WaitForLine("listening on ");
    endpoint_ = {"127.0.0.1", address.substr(address.find(':') + 1)};
    return server;
  }

  Watchdog watchdog_{std::chrono::seconds(240)};
  Words endpoint_;
};

TEST_F(BenchTest, WhatDoesNotGoTogetherIsOneLineAndExitCode2) {
  const Words somewhere = {"127.0.0.1", "1"};
  for (const Words& options : std::vector<Words>{
           {"-c", "0"},
           {"-s", "-1"},
           {"-d", "0"},
           {"-d", "-1s"},
           {"--rate", "0"},
           {"--rate", "-5"},
           {"--rate", "10K"},
           {"--rate", "2000M"},
           {"--rate", "100", "--stream"},
           {"--rate", "100", "--pipeline", "2"},
           {"--arrivals", "poisson"},
           {"--stream", "--churn"},
           {"--stream", "--pipeline", "2"},
           {"--mode", "sink"},
           {"--mode", "loud", "--stream"},
           {"--mode", "sink", "--stream", "--idle", "1"},
           {"-c", "2", "-t", "3"},
           {"-t", "0"},
           {"--pin", "client:77777"},
           {"--server-pid", "1"},
           {"--room", "1"},
       }) {
    const ProgramResult result = RunProgram(Bench(options));
    EXPECT_EQ(result.exit_code, 2) << options.back();
    EXPECT_TRUE(result.err.starts_with("spindle bench: ")) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  for (const Words& options : std::vector<Words>{{"--loops", "1"},
                                                 {"--think", "1ms"},
                                                 {"--pin", "server:0"},
                                                 {"--room", "2"},
                                                 {"--room", "1", "-s", "7"},
                                                 {"--room", "1", "--churn"}}) {
    EXPECT_EQ(RunProgram(Bench(options, somewhere)).exit_code, 2) << options.front();
  }
  for (const Words& options : std::vector<Words>{
           {"--stall", "1s"}, {"--think-mode", "burn"}, {"--mode", "sink", "--think", "1s"}}) {
    Words words = {"serve"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"127.0.0.1", "0"});
    EXPECT_EQ(RunProgram(words).exit_code, 2) << options.front();
  }
}

TEST_F(BenchTest, EachKindOfLoadOnItsOwnServer) {
  for (const Words& options : std::vector<Words>{
           {"-c", "4", "-t", "2"},
           {"-c", "2", "--pipeline", "8", "--idle", "10"},
           {"-c", "4", "--rate", "1k", "-t", "2"},
           {"--rate", "500", "--arrivals", "poisson", "--pin", "none"},
           {"-c", "2", "--churn"},
           {"--churn", "--rate", "200"},
           {"-c", "2", "--stream"},
           {"--stream", "--mode", "sink"},
           {"--stream", "--mode", "chargen", "-s", "1000"},
           {"--think", "1ms", "--think-mode", "block", "--loops", "2"},
           {"--think", "1ms", "--think-mode", "burn", "--loops", "0"},
       }) {
    const ProgramResult result = RunProgram(Bench(options));
    EXPECT_EQ(result.exit_code, 0) << options.back() << result.out << result.err;
    EXPECT_NE(result.out.find("client: "), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("server: this process"), std::string::npos) << result.out;
  }
}

TEST_F(BenchTest, AnOpenLoopInJson) {
  const ProgramResult result =
      RunProgram(Bench({"-c", "4", "--rate", "1000", "--json", "--quiet"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  const auto& arm = json["arms"][0];
  EXPECT_EQ(arm["loop"], "open");
  // One for each millisecond of the measured time, but for the edges: no more were due. The time
  // may end later than it should, with nothing due any more.
  const double wall_s = arm["blocks"][0]["wall_s"].get<double>();
  EXPECT_GE(arm["latency"]["count"].get<double>(), 100 - 3);
  EXPECT_LE(arm["latency"]["count"].get<double>(), 1000 * wall_s + 3);
  EXPECT_EQ(json["config"]["rate"], 1000);
  EXPECT_EQ(json["config"]["own_server"], true);
}

TEST_F(BenchTest, AServerElsewhereIsFoundByItsPort) {
  const auto server = Serve({"--loops", "1"});
  const ProgramResult found = RunProgram(Bench({}, endpoint_));
  EXPECT_EQ(found.exit_code, 0) << found.err;
  EXPECT_NE(found.out.find("server: pid "), std::string::npos) << found.out;
  const ProgramResult none = RunProgram(Bench({"--server-pid", "1073741824"}, endpoint_));
  EXPECT_EQ(none.exit_code, 2) << none.err;
  EXPECT_NE(none.err.find("1073741824"), std::string::npos) << none.err;
}

TEST_F(BenchTest, ServersThatDoSomethingElseAreNoticed) {
  {
    const auto sink = Serve({"--mode", "sink"});
    const ProgramResult result = RunProgram(Bench({"--timeout", "10ms"}, endpoint_));
    EXPECT_EQ(result.exit_code, 5);
    EXPECT_NE(result.out.find("no answer at the end: 1"), std::string::npos) << result.out;
    EXPECT_EQ(RunProgram(Bench({"--stream", "--mode", "sink"}, endpoint_)).exit_code, 0);
  }
  const auto http = Serve({"--mode", "http"});
  const ProgramResult result = RunProgram(Bench({"--idle", "3", "--timeout", "200ms"}, endpoint_));
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_NE(result.out.find("error: idle connection: "), std::string::npos) << result.out;
}

TEST_F(BenchTest, StallsOfAServerDoNotLoseAnything) {
  const auto server = Serve({"--stall", "20ms@0/40ms", "--loops", "1"});
  const ProgramResult result = RunProgram(Bench({"-c", "4", "--rate", "2000"}, endpoint_));
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait().exit_code, 0);
}

}  // namespace
}  // namespace spindle::bench
