// `spindle compare`: two servers, one against itself, and saved runs.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/bench/cli/program.h"

namespace spindle::bench {
namespace {

using Words = std::vector<std::string>;

struct Server {
  std::unique_ptr<Program> program;
  std::string port = {};
};

Server Serve(const Words& options) {
  Words words = {"serve", "--mode", "ack"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"127.0.0.1", "0"});
  Server server{.program = std::make_unique<Program>(words)};
  const std::string address = server.program->WaitForLine("listening on ");
  server.port = address.substr(address.rfind(':') + 1);
  return server;
}

std::string Path(const std::string& name) {
  return std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
}

TEST(CompareTest, ATenfoldSlowerServerIsSlower) {
  const Server a = Serve({"--think", "1ms"});
  const Server b = Serve({"--think", "10ms"});
  const std::string path = Path("compare.json");
  const ProgramResult result =
      RunProgram({"compare", "127.0.0.1", a.port, "127.0.0.1", b.port, "--mode", "ack", "-c", "2",
                  "--blocks", "8", "--block-time", "20ms", "--quiet", "--json=" + path, "--fail-if",
                  "throughput<-5%", "--fail-if", "throughput>+10%"});
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_NE(result.out.find("limit passed: throughput<-5%"), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("limit passed: throughput>"), std::string::npos) << result.out;
  const auto record = nlohmann::json::parse(std::ifstream(path));
  EXPECT_EQ(record["arms"][0]["name"], "A");
  EXPECT_EQ(record["arms"][1]["name"], "B");
  EXPECT_EQ(record["arms"][1]["blocks"].size(), 8u);
}

TEST(CompareTest, OneServerAgainstItselfIsTheNoiseFloor) {
  const Server a = Serve({"--think", "1ms"});
  const ProgramResult result =
      RunProgram({"compare", "--aa", "127.0.0.1", a.port, "--mode", "ack", "-c", "2", "--blocks",
                  "8", "--block-time", "10ms", "--quiet"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("noise floor:"), std::string::npos) << result.out;
}

TEST(CompareTest, SavedRunsOfTheSameThing) {
  const std::string path = Path("saved.json");
  ASSERT_EQ(RunProgram({"seqpar", "-n", "2", "-m", "1", "--blocks", "10", "--think", "1ms",
                        "--quiet", "--json=" + path})
                .exit_code,
            0);
  const ProgramResult result = RunProgram({"compare", path, path, "--arm", "parallel"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("Mann-Whitney"), std::string::npos) << result.out;
  EXPECT_EQ(RunProgram({"compare", path, path, "--arm", "nobody"}).exit_code, 2);
}

TEST(CompareTest, NonsenseIsOneLineAndTheRightCode) {
  const std::string broken = Path("broken.json");
  std::ofstream(broken) << "{\"schema\": ";
  const struct {
    Words words;
    int code;
  } cases[] = {
      {{"compare"}, 2},
      {{"compare", "127.0.0.1", "1"}, 2},
      {{"compare", "--aa", "127.0.0.1", "1", "127.0.0.1", "2"}, 2},
      {{"compare", "127.0.0.1", "1", "127.0.0.1"}, 2},
      {{"compare", "--fail-if", "p99", "127.0.0.1", "1", "127.0.0.1", "2"}, 2},
      {{"compare", "-c", "0", "127.0.0.1", "1", "127.0.0.1", "2"}, 2},
      {{"compare", broken, broken}, 2},
      {{"compare", "/nowhere/a.json", broken}, 3},
      {{"compare", "--aa", "unix:/nowhere"}, 3},
  };
  for (const auto& one : cases) {
    const ProgramResult result = RunProgram(one.words);
    EXPECT_EQ(result.exit_code, one.code) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

}  // namespace
}  // namespace spindle::bench
