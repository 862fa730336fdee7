#ifndef SPINDLE_TESTS_SIM_POOL_POOL_SCENARIO_H_
#define SPINDLE_TESTS_SIM_POOL_POOL_SCENARIO_H_

#include <cstdint>
#include <functional>
#include <string>

namespace spindle {

// What one run, or the sum of many, came to.
struct PoolScenarioResult {
  std::string failure;  // Empty: all rules were kept. Of a sum: the first.
  uint64_t trace_hash = 0;
  uint64_t runs = 0;
  uint64_t failures = 0;
  uint64_t operations = 0;
  uint64_t acquires = 0;
  uint64_t granted = 0;
  uint64_t timeouts = 0;
  uint64_t cancelled = 0;
  uint64_t greetings = 0;
  uint64_t circuit_refusals = 0;
  uint64_t requeued = 0;
  uint64_t moved = 0;
  uint64_t opened = 0;
  uint64_t restarts = 0;
  uint64_t drains = 0;
  uint64_t pools = 0;

  std::string ToString() const;
};

// A server that is restarted, resets and closes, and a pool on one to three loops whose users do
// whatever the seed says, on a simulated machine; then the machine is repaired. Checked all the
// while: every Acquire is answered once, on its loop, not before its deadline; no id names two
// connections, no connection has two holders or hears another's bytes; waiters are served in order;
// the counts add up. At the end the pool is full again and drains; nothing is left open. One thread
// at a time in the process.
PoolScenarioResult RunPoolScenario(uint64_t seed);

// "bazel run //tests/sim/pool:pool_simulation -- --seed=7"
std::string PoolReplayCommand(uint64_t seed);

// Runs the seeds first, first + stride, ...; one in a hundred twice, to compare the traces.
PoolScenarioResult RunPoolSeeds(uint64_t first, uint64_t count, uint64_t stride,
                                const std::function<void(const std::string&)>& report);

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_POOL_POOL_SCENARIO_H_
