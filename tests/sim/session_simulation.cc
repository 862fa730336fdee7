// Runs seeds of the session simulation: one to replay it, or many as a gate.
//
//   session_simulation --seed=7
//   session_simulation --seeds=1000000 [--first=1]

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>

#include "base/clock.h"
#include "tests/sim/seed_range.h"
#include "tests/sim/session_scenario.h"

namespace {

int Run(uint64_t first, uint64_t count) {
  std::map<spindle::SessionCloseKind, uint64_t> kinds;
  uint64_t failures = 0;
  const spindle::TimePoint began = spindle::Clock::now();
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const spindle::SessionScenarioResult result = spindle::RunSessionScenario(seed);
    for (const auto& [kind, times] : result.kinds) kinds[kind] += times;
    if ((seed - first + 1) % 10'000 == 0) {
      std::fprintf(stderr, "%llu seeds\n", static_cast<unsigned long long>(seed - first + 1));
    }
    if (result.failure.empty()) continue;
    ++failures;
    std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(seed),
                 result.failure.c_str());
  }
  const double seconds = std::chrono::duration<double>(spindle::Clock::now() - began).count();
  std::printf("%llu seeds, %llu failures, %.0f seeds/s;", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(failures), static_cast<double>(count) / seconds);
  for (const auto& [kind, times] : kinds) {
    const std::string_view name = spindle::SessionCloseKindName(kind);
    std::printf(" %.*s %llu", static_cast<int>(name.size()), name.data(),
                static_cast<unsigned long long>(times));
  }
  std::printf("\n");
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto seeds = spindle::ParseSeedRange(argc, argv, "session_simulation");
  if (!seeds.has_value()) return 2;
  return Run(seeds->first, seeds->count);
}
