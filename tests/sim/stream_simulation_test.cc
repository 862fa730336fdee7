// Ten thousand random lives of servers and clients on a simulated machine. Catalogue D1, and the
// accounting of every layer below.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "gtest/gtest.h"
#include "tests/sim/replay.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr uint64_t kSeeds = 2'000;
#else
constexpr uint64_t kSeeds = 10'000;
#endif
// Test cases, so that they can run side by side.
constexpr uint64_t kParts = 4;

class StreamSimulationTest : public testing::TestWithParam<uint64_t> {
 private:
  const Watchdog watchdog_{std::chrono::minutes(4)};
};

TEST_P(StreamSimulationTest, EverySeedKeepsTheRules_D1) {
  const SimulationTotals totals =
      RunSeeds(1 + GetParam(), kSeeds / kParts, kParts,
               [](const std::string& failure) { ADD_FAILURE() << failure; });
  std::printf("%s\n", totals.ToString().c_str());
  // It was not about nothing.
  EXPECT_GT(totals.sum.operations, 50 * totals.seeds);
  EXPECT_GT(totals.sum.connections, totals.seeds);
  EXPECT_GT(totals.sum.counters.short_reads, 0u);
  EXPECT_GT(totals.sum.counters.short_writes, 0u);
  EXPECT_GT(totals.sum.counters.eagain_after_ready, 0u);
  EXPECT_GT(totals.sum.counters.spurious_readiness, 0u);
  EXPECT_GT(totals.sum.counters.eintr, 0u);
  EXPECT_GT(totals.sum.counters.resets, 0u);
  EXPECT_GT(totals.sum.counters.accept_aborted, 0u);
  EXPECT_GT(totals.sum.counters.accept_emfile, 0u);
  EXPECT_GT(totals.sum.counters.connect_refused, 0u);
  EXPECT_GT(totals.sum.counters.clock_stalls, 0u);
}

INSTANTIATE_TEST_SUITE_P(Parts, StreamSimulationTest, testing::Range<uint64_t>(0, kParts));

}  // namespace
}  // namespace spindle
