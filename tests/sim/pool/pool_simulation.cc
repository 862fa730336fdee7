// Runs seeds of the pool scenario: one to replay it, or many as a gate.
//
//   pool_simulation --seed=7
//   pool_simulation --seeds=1000000 [--first=1]

#include <cstdio>
#include <string>

#include "tests/sim/pool/pool_scenario.h"
#include "tests/sim/seed_range.h"

int main(int argc, char** argv) {
  const auto seeds = spindle::ParseSeedRange(argc, argv, "pool_simulation");
  if (!seeds.has_value()) return 2;
  const spindle::PoolScenarioResult sum = spindle::RunPoolSeeds(
      seeds->first, seeds->count, 1,
      [](const std::string& failure) { std::fprintf(stderr, "%s\n", failure.c_str()); });
  std::printf("%s\n", sum.ToString().c_str());
  return sum.failures == 0 ? 0 : 1;
}
