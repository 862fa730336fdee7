#include "tests/sim/pool/pool_scenario.h"

#include "absl/strings/str_cat.h"
#include "base/live_counter.h"
#include "tests/sim/pool/death_note.h"
#include "tests/sim/pool/pool_world.h"

namespace spindle {

std::string PoolScenarioResult::ToString() const {
  return absl::StrCat(runs, " seeds, ", failures, " failures; ", operations, " operations, ",
                      acquires, " acquires, ", granted, " granted, ", timeouts, " timeouts, ",
                      cancelled, " cancelled, ", greetings, " greetings, ", circuit_refusals,
                      " refused by the circuit, ", requeued, " requeued; ", opened, " opened, ",
                      moved, " moved; ", restarts, " restarts, ", drains, " drains, ", pools,
                      " pools");
}

PoolScenarioResult RunPoolScenario(uint64_t seed) {
  PoolScenarioResult result;
  const size_t objects = NonZeroLiveCounts().size();
  {
    PoolSimWorld world(seed);
    world.Hammer();
    if (!world.failed()) world.Recover();
    if (!world.failed()) world.DrainAll();
    world.Finish(&result);
  }
  if (result.failure.empty() && NonZeroLiveCounts().size() != objects) {
    result.failure = "objects are left";
  }
  result.runs = 1;
  return result;
}

std::string PoolReplayCommand(uint64_t seed) {
  return absl::StrCat("bazel run //tests/sim/pool:pool_simulation -- --seed=", seed);
}

PoolScenarioResult RunPoolSeeds(uint64_t first, uint64_t count, uint64_t stride,
                                const std::function<void(const std::string&)>& report) {
  PoolScenarioResult sum;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t seed = first + i * stride;
    TellAtDeath(absl::StrCat("replay: ", PoolReplayCommand(seed), "\n"));
    PoolScenarioResult one = RunPoolScenario(seed);
    if (one.failure.empty() && i % 100 == 0 && RunPoolScenario(seed).trace_hash != one.trace_hash) {
      one.failure = "two runs differ";
    }
    ++sum.runs;
    sum.operations += one.operations;
    sum.acquires += one.acquires;
    sum.granted += one.granted;
    sum.timeouts += one.timeouts;
    sum.cancelled += one.cancelled;
    sum.greetings += one.greetings;
    sum.circuit_refusals += one.circuit_refusals;
    sum.requeued += one.requeued;
    sum.moved += one.moved;
    sum.opened += one.opened;
    sum.restarts += one.restarts;
    sum.drains += one.drains;
    sum.pools += one.pools;
    if (one.failure.empty()) continue;
    ++sum.failures;
    if (sum.failure.empty()) sum.failure = one.failure;
    report(absl::StrCat("seed ", seed, ": ", one.failure, "\nreplay: ", PoolReplayCommand(seed)));
  }
  return sum;
}

}  // namespace spindle
