// Runs seeds of the stream simulation: one to replay it, or many as a gate.
//
//   stream_simulation --seed=7
//   stream_simulation --seeds=1000000 [--first=1]

#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/sim/replay.h"
#include "tests/sim/seed_range.h"

namespace {

int Run(uint64_t first, uint64_t count) {
  const spindle::SimulationTotals totals = spindle::RunSeeds(
      first, count, 1,
      [](const std::string& failure) { std::fprintf(stderr, "%s\n", failure.c_str()); });
  std::printf("%s\n", totals.ToString().c_str());
  return totals.failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto seeds = spindle::ParseSeedRange(argc, argv, "stream_simulation");
  if (!seeds.has_value()) return 2;
  return Run(seeds->first, seeds->count);
}
