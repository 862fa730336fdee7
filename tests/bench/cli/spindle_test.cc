// The program as its user sees it: exit codes, one line for each error, what signals do.

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/bench/cli/program.h"
#include "tests/testing/unique_name.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

using Words = std::vector<std::string>;

class SpindleTest : public ::testing::Test {
 protected:
  // Starts a server on 127.0.0.1 and sets port_.
  std::unique_ptr<Program> Serve(Words options, int descriptors = 0) {
    options.insert(options.begin(), "serve");
    options.insert(options.end(), {"127.0.0.1", "0"});
    auto server = std::make_unique<Program>(options, descriptors);
    const std::string address = server->WaitForLine("listening on ");
    EXPECT_TRUE(address.starts_with("127.0.0.1:")) << address;
    port_ = address.substr(address.find(':') + 1);
    return server;
  }

  void ExpectOneLine(const ProgramResult& result, const std::string& start) {
    EXPECT_TRUE(result.err.starts_with(start)) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "");
  }

  Watchdog watchdog_{std::chrono::seconds(240)};
  std::string port_;
};

TEST_F(SpindleTest, HelpAndVersionAreResults) {
  for (const Words& words : {Words{"--help"}, Words{"serve", "--help"}, Words{"bench", "--help"},
                             Words{"seqpar", "-h"}, Words{"--version"}}) {
    const ProgramResult result = RunProgram(words);
    EXPECT_EQ(result.exit_code, 0) << words.back();
    EXPECT_EQ(result.err, "");
    EXPECT_NE(result.out, "");
  }
}

TEST_F(SpindleTest, WrongCommandLinesAreOneLineAndExitCode2) {
  const std::vector<Words> wrong = {
      {},
      {"nonsense"},
      {"--nonsense"},
      {"serve"},
      {"serve", "127.0.0.1"},
      {"serve", "127.0.0.1", "65536"},
      {"serve", "127.0.0.1", "http!"},
      {"serve", "--mode", "loud", "127.0.0.1", "0"},
      {"serve", "--loops", "-1", "127.0.0.1", "0"},
      {"serve", "--think", "5", "127.0.0.1", "0"},
      {"serve", "--placement", "reuseport", "unix:@spindle"},
      {"serve", "unix:"},
      {"bench", "--bogus", "127.0.0.1", "1"},
      {"bench", "-s", "0", "127.0.0.1", "1"},
      {"bench", "-c", "many", "127.0.0.1", "1"},
      {"bench", "-d", "-1s", "127.0.0.1", "1"},
      {"bench", "--churn", "--pipeline", "2", "127.0.0.1", "1"},
      {"bench", "127.0.0.1", "1", "2"},
      {"seqpar", "-n", "4..2"},
      {"seqpar", "-n", "0"},
      {"seqpar", "--blocks", "0"},
      {"seqpar", "--think-mode", "block", "127.0.0.1", "1"},
      {"seqpar", "--loops", "1", "127.0.0.1", "1"},
  };
  for (const Words& words : wrong) {
    std::string line = "spindle";
    for (const std::string& word : words) line += " " + word;
    SCOPED_TRACE(line);
    const ProgramResult result = RunProgram(words);
    EXPECT_EQ(result.exit_code, 2);
    ExpectOneLine(result, "spindle");
  }
}

TEST_F(SpindleTest, WhatCannotBeReachedIsExitCode3) {
  const auto server = Serve({"--loops", "0"});
  const ProgramResult busy = RunProgram({"serve", "127.0.0.1", port_});
  EXPECT_EQ(busy.exit_code, 3);
  ExpectOneLine(busy, "spindle serve: bind 127.0.0.1:" + port_ + ": Address already in use");
  for (const std::string command : {"serve", "bench", "seqpar"}) {
    const ProgramResult unknown = RunProgram({command, "no-such-host.invalid", "80"});
    EXPECT_EQ(unknown.exit_code, 3);
    ExpectOneLine(unknown, "spindle " + command + ": ");
    EXPECT_NE(unknown.err.find("no-such-host.invalid"), std::string::npos) << unknown.err;
  }
  server->Signal(SIGTERM);
  server->Wait();
  for (const Words& words :
       {Words{"bench", "127.0.0.1", port_}, Words{"seqpar", "127.0.0.1", port_},
        Words{"bench", "--churn", "-d", "50ms", "127.0.0.1", port_}}) {
    const ProgramResult refused = RunProgram(words);
    EXPECT_EQ(refused.exit_code, 3);
    ExpectOneLine(refused, "spindle " + words[0] + ": ");
    EXPECT_NE(refused.err.find("127.0.0.1:" + port_ + ": "), std::string::npos) << refused.err;
  }
}

TEST_F(SpindleTest, NoDescriptorsLeftIsSaidInOneLine) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the undefined-behaviour sanitizer needs pipe(2) to look at a pointer";
#endif
  const ProgramResult none = RunProgram({"serve", "127.0.0.1", "0"}, 7);
  EXPECT_EQ(none.exit_code, 3);
  ExpectOneLine(none, "spindle serve: ");
  EXPECT_NE(none.err.find("EMFILE"), std::string::npos) << none.err;

  const auto server = Serve({"--loops", "1"});
  const ProgramResult some =
      RunProgram({"bench", "-c", "40", "-d", "50ms", "--warmup", "0", "127.0.0.1", port_}, 20);
  EXPECT_EQ(some.exit_code, 5);
  EXPECT_NE(some.out.find("error: socket: Too many open files (EMFILE): "), std::string::npos)
      << some.out;
}

TEST_F(SpindleTest, ServeDrainsOnSigtermAndTellsWhatItDid) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const auto server = Serve({"--loops", "2"});
    const ProgramResult load =
        RunProgram({"bench", "-c", "4", "-d", "50ms", "--warmup", "0", "127.0.0.1", port_});
    EXPECT_EQ(load.exit_code, 0) << load.out << load.err;
    server->Signal(signal);
    const ProgramResult result = server->Wait();
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_NE(result.err.find("drained: "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("accepted 4, per loop 2 2"), std::string::npos) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

// Its worker sleeps from the beginning, and the drain waits for it.
TEST_F(SpindleTest, ServeNamesALoopThatHangs) {
  const auto server = Serve({"--loops", "1", "--stall", "2s@0", "--watchdog", "20ms"});
  server->Signal(SIGTERM);
  const ProgramResult result = server->Wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("loop worker-0: a callback runs for "), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("timer, registered at bench/cli/stall.cc:"), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("spindle::bench::ScheduleStalls("), std::string::npos) << result.err;
}

TEST_F(SpindleTest, TheSecondSignalKillsAServerThatDrains) {
  // An answer that is due in a minute keeps the connection open.
  const auto server = Serve({"--think", "1m", "--drain", "1h"});
  Program client({"bench", "-d", "1h", "--warmup", "0", "127.0.0.1", port_});
  EXPECT_NE(client.WaitForLine("5s/"), "") << "by then its message has long been read";
  server->Signal(SIGTERM);
  // Refused: the first signal has been taken.
  while (RunProgram({"bench", "-d", "1ms", "--warmup", "0", "127.0.0.1", port_}).exit_code != 3) {
  }
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait().signal, SIGTERM);
  EXPECT_EQ(client.Wait().exit_code, 5);
}

TEST_F(SpindleTest, BenchReportsJson) {
  const auto server = Serve({});
  const ProgramResult result =
      RunProgram({"bench", "-c", "2", "-d", "50ms", "--warmup", "0", "--json", "127.0.0.1", port_});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["schema"], "spindle.run/1");
  EXPECT_EQ(json["arms"][0]["name"], "echo");
  EXPECT_EQ(json["arms"][0]["blocks"][0]["msgs"], json["arms"][0]["latency"]["count"]);
  EXPECT_GT(json["arms"][0]["latency"]["count"], 0);
}

TEST_F(SpindleTest, BenchSeesWrongBytes) {
  const auto server = Serve({"--mode", "chargen"});
  const ProgramResult result =
      RunProgram({"bench", "-d", "50ms", "--warmup", "0", "127.0.0.1", port_});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_NE(result.out.find("error: "), std::string::npos) << result.out;
  const ProgramResult allowed =
      RunProgram({"bench", "-d", "50ms", "--warmup", "0", "--max-errors", "9", "127.0.0.1", port_});
  EXPECT_EQ(allowed.exit_code, 0);
}

TEST_F(SpindleTest, ChurnOverUnixAndTcp) {
  const auto server = Serve({"--loops", "2"});
  EXPECT_EQ(
      RunProgram({"bench", "--churn", "-c", "2", "-d", "50ms", "--warmup", "0", "127.0.0.1", port_})
          .exit_code,
      0);
  const std::string address = UniqueName("unix:@spindle-churn-");
  Program unix_server({"serve", address});
  EXPECT_EQ(unix_server.WaitForLine("listening on "), address);
  EXPECT_EQ(RunProgram({"bench", "--churn", "-d", "50ms", "--warmup", "0", address}).exit_code, 0);
}

TEST_F(SpindleTest, InterruptedBenchReportsWhatThereWas) {
  const auto server = Serve({});
  Program bench({"bench", "-d", "1h", "--warmup", "0", "127.0.0.1", port_});
  EXPECT_NE(bench.WaitForLine("5s/"), "") << "the first progress line";
  bench.Signal(SIGINT);
  const ProgramResult result = bench.Wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_NE(result.out.find("interrupted"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("per second"), std::string::npos) << result.out;
}

TEST_F(SpindleTest, SeqparWithItsOwnServerWritesTableAndJson) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/seqpar.json";
  const ProgramResult result =
      RunProgram({"seqpar", "-n", "1,4", "-m", "3", "--blocks", "6", "--json=" + path});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("sequential"), std::string::npos) << result.out;
  const auto json = nlohmann::json::parse(std::ifstream(path));
  ASSERT_EQ(json["points"].size(), 2u);
  EXPECT_EQ(json["points"][1]["connections"], 4);
  EXPECT_EQ(json["points"][1]["blocks"], 6);
  EXPECT_EQ(json["points"][1]["accepted_per_loop"], (std::vector<int>{2, 2}));
  EXPECT_EQ(json["arms"][3]["blocks"][0]["msgs"], 12);
}

TEST_F(SpindleTest, SeqparOverTwoProcesses) {
  const auto server = Serve({"--mode", "ack", "--loops", "2"});
  const ProgramResult result =
      RunProgram({"seqpar", "-n", "4", "-m", "2", "--blocks", "6", "127.0.0.1", port_});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  const ProgramResult mismatch =
      RunProgram({"seqpar", "-n", "2", "-m", "2", "--mode", "echo", "127.0.0.1", port_});
  EXPECT_EQ(mismatch.exit_code, 5);
  EXPECT_NE(mismatch.out.find("is the server in mode echo?"), std::string::npos) << mismatch.out;
  server->Signal(SIGTERM);
  EXPECT_NE(server->Wait().err.find("accepted 8, per loop 4 4"), std::string::npos);
}

TEST_F(SpindleTest, AFileThatCannotBeWrittenIsAnError) {
  const ProgramResult result =
      RunProgram({"seqpar", "-n", "1", "-m", "1", "--blocks", "1", "--json=/nowhere/x.json"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.err.find("/nowhere/x.json"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace spindle::bench
