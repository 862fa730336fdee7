#ifndef SPINDLE_TESTS_SIM_REPLAY_H_
#define SPINDLE_TESTS_SIM_REPLAY_H_

#include <cstdint>
#include <functional>
#include <string>

#include "tests/sim/stream_scenario.h"

namespace spindle {

// "bazel run //tests/sim:stream_simulation -- --seed=7"
std::string ReplayCommand(uint64_t seed);

// Sums over many runs.
struct SimulationTotals {
  uint64_t seeds = 0;
  uint64_t failures = 0;
  StreamScenarioResult sum;  // failure: the first one.

  std::string ToString() const;
};

// Runs the seeds first, first + stride, ... below first + count * stride; one in a hundred twice,
// to compare the traces. `report` hears of each failure. If the process dies of a signal or of a
// sanitizer's report, the command that replays the seed is the last thing on stderr.
SimulationTotals RunSeeds(uint64_t first, uint64_t count, uint64_t stride,
                          const std::function<void(const std::string&)>& report);

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_REPLAY_H_
