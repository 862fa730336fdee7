// Random lives of a pool and its server on a simulated machine. Catalogue C4, P6.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "gtest/gtest.h"
#include "tests/sim/pool/pool_scenario.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kSeeds = 20;
#else
constexpr uint64_t kSeeds = 60;  // A tenth of a second each.
#endif

TEST(PoolSimulationTest, EverySeedKeepsTheRules_C4_P6) {
  const Watchdog watchdog(std::chrono::minutes(4));
  const PoolScenarioResult sum =
      RunPoolSeeds(1, kSeeds, 1, [](const std::string& failure) { ADD_FAILURE() << failure; });
  std::printf("%s\n", sum.ToString().c_str());
  // It was not about nothing.
  EXPECT_GT(sum.granted, 5 * kSeeds);
  EXPECT_GT(sum.restarts, kSeeds / 2);
  EXPECT_GT(sum.timeouts, kSeeds);
  EXPECT_GT(sum.circuit_refusals, kSeeds / 10);
  EXPECT_GT(sum.cancelled, kSeeds / 10);
  EXPECT_GT(sum.greetings, kSeeds / 10);
  EXPECT_GT(sum.requeued, 0u);
  EXPECT_GT(sum.moved, kSeeds / 10);
  EXPECT_GT(sum.drains, kSeeds / 10);
}

}  // namespace
}  // namespace spindle
