// Whole programs on the simulated kernel, by seed: none starves, no byte is lost, and a seed
// replays.

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <set>

#include "gtest/gtest.h"
#include "net/backend/sim_kernel.h"
#include "tests/net/backend/sim_echo_scenario.h"

namespace spindle {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

SimEchoScenario::Plan PlanFor(uint64_t seed, const SimFaults& faults) {
  SimEchoScenario::Plan plan;
  plan.options.seed = seed;
  plan.options.faults = faults;
  // A bit of everything: Unix sockets, small buffers, slow and lumpy networks, few descriptors.
  if (seed % 5 == 1) plan.domain = AF_UNIX;
  if (seed % 3 == 1) plan.options.send_buffer = plan.options.receive_buffer = 16 + seed % 700;
  if (seed % 4 == 1) {
    plan.options.delay_min = microseconds(10);
    plan.options.delay_max = milliseconds(40);
    plan.options.segments = SimOptions::Segments::kRandom;
    plan.options.max_segment = 1 + seed % 1460;
  }
  if (seed % 7 == 1) plan.options.fd_limit = 10;
  return plan;
}

void Add(SimCounters& sum, const SimCounters& part) {
  // Both are plain rows of uint64_t.
  static_assert(sizeof(SimCounters) % sizeof(uint64_t) == 0);
  auto* to = reinterpret_cast<uint64_t*>(&sum);
  const auto* from = reinterpret_cast<const uint64_t*>(&part);
  for (size_t i = 0; i < sizeof(SimCounters) / sizeof(uint64_t); ++i) to[i] += from[i];
}

TEST(SimScenarioTest, EveryEchoIsWholeOnAGoodMachine) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    const auto plan = PlanFor(seed, SimFaults::None());
    const auto outcome = SimEchoScenario::Run(plan);
    ASSERT_EQ("", outcome.failure);
    ASSERT_EQ(plan.clients, outcome.completed);
    ASSERT_EQ(0u, outcome.broken);
  }
}

TEST(SimScenarioTest, EveryEchoIsWholeWhenNothingBreaksConnections) {
  SimFaults faults = SimFaults::Wild();
  faults.reset = faults.connect_refused = faults.accept_aborted = 0;
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    const auto plan = PlanFor(seed, faults);
    const auto outcome = SimEchoScenario::Run(plan);
    ASSERT_EQ("", outcome.failure);
    ASSERT_EQ(plan.clients, outcome.completed);
  }
}

TEST(SimScenarioTest, EveryFaultOfWildStrikes) {
  SimCounters sum;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE(seed);
    const auto outcome = SimEchoScenario::Run(PlanFor(seed, SimFaults::Wild()));
    ASSERT_EQ("", outcome.failure);
    Add(sum, outcome.counters);
  }
  for (const uint64_t count :
       {sum.short_reads,     sum.short_writes,  sum.eagain_after_ready, sum.spurious_readiness,
        sum.eintr,           sum.resets,        sum.shuffled_ready,     sum.cut_ready,
        sum.accept_aborted,  sum.accept_emfile, sum.accept_enobufs,     sum.connect_late,
        sum.connect_refused, sum.timer_late,    sum.clock_stalls,       sum.delayed_arrivals,
        sum.window_full,     sum.rst_received,  sum.rst_on_unread,      sum.rdhup_reported,
        sum.hup_reported,    sum.err_reported,  sum.fd_limit_hits}) {
    EXPECT_GT(count, 0u);
  }
}

TEST(SimScenarioTest, MildBreaksNoConnectionButByAccept) {
  size_t completed = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    const auto outcome = SimEchoScenario::Run(PlanFor(seed, SimFaults::Mild()));
    ASSERT_EQ("", outcome.failure);
    ASSERT_EQ(outcome.broken, outcome.counters.accept_aborted);
    completed += outcome.completed;
  }
  EXPECT_GT(completed, 850u);
}

TEST(SimScenarioTest, ASeedReplaysCallByCall) {
  std::set<uint64_t> hashes;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    const auto plan = PlanFor(seed, SimFaults::Wild());
    const auto first = SimEchoScenario::Run(plan);
    const auto second = SimEchoScenario::Run(plan);
    ASSERT_EQ(first.trace_hash, second.trace_hash);
    ASSERT_EQ(first.virtual_time, second.virtual_time);
    hashes.insert(first.trace_hash);
  }
  EXPECT_EQ(200u, hashes.size());
}

}  // namespace
}  // namespace spindle
