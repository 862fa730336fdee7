// Runs seeds of the pool scenario: one to replay it, or many as a gate.
//
//   pool_simulation --seed=7
//   pool_simulation --seeds=1000000 [--first=1]

#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/sim/pool/pool_scenario.h"

int main(int argc, char** argv) {
  uint64_t first = 1;
  uint64_t count = 1000;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    bool ok = false;
    if (absl::ConsumePrefix(&argument, "--seed=")) {
      ok = absl::SimpleAtoi(argument, &first);
      count = 1;
    } else if (absl::ConsumePrefix(&argument, "--seeds=")) {
      ok = absl::SimpleAtoi(argument, &count);
    } else if (absl::ConsumePrefix(&argument, "--first=")) {
      ok = absl::SimpleAtoi(argument, &first);
    }
    if (!ok) {
      std::fprintf(stderr, "usage: pool_simulation [--seed=N | --seeds=COUNT [--first=N]]\n");
      return 2;
    }
  }
  const spindle::PoolScenarioResult sum = spindle::RunPoolSeeds(
      first, count, 1,
      [](const std::string& failure) { std::fprintf(stderr, "%s\n", failure.c_str()); });
  std::printf("%s\n", sum.ToString().c_str());
  return sum.failures == 0 ? 0 : 1;
}
