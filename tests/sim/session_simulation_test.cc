// Thousands of random lives of sessions on a simulated machine, against a model.

#include <cstdint>
#include <map>

#include "gtest/gtest.h"
#include "tests/sim/seed_range.h"
#include "tests/sim/session_scenario.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kUsualSeeds = 600;
#else
constexpr uint64_t kUsualSeeds = 3'000;
#endif
// As many as SPINDLE_SEEDS says, if it is set.
const uint64_t kSeeds = SeedCount(kUsualSeeds);

TEST(SessionSimulationTest, EverySeedKeepsTheRules_D1) {
  const Watchdog watchdog(std::chrono::minutes(4));
  uint64_t messages = 0;
  uint64_t cuts = 0;
  std::map<SessionCloseKind, uint64_t> kinds;
  std::map<SessionState, uint64_t> states;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SessionScenarioResult result = RunSessionScenario(seed);
    if (result.failure.empty() && seed % 100 == 0 &&
        RunSessionScenario(seed).trace_hash != result.trace_hash) {
      result.failure = "two runs differ";
    }
    EXPECT_EQ(result.failure, "") << "replay: bazel run //tests/sim:session_simulation -- --seed="
                                  << seed;
    messages += result.messages;
    cuts += result.cuts;
    for (const auto& [kind, times] : result.kinds) kinds[kind] += times;
    for (const auto& [state, times] : result.states) states[state] += times;
  }
  // It was not about nothing.
  EXPECT_GT(messages, kSeeds);
  EXPECT_GT(cuts, kSeeds / 100);
  if (kSeeds < 3'000) return;
  for (const SessionCloseKind kind :
       {SessionCloseKind::kAgreed, SessionCloseKind::kPeerSilent, SessionCloseKind::kPeerVanished,
        SessionCloseKind::kPeerReset, SessionCloseKind::kPeerFailed,
        SessionCloseKind::kHelloTimeout, SessionCloseKind::kAckTimeout,
        SessionCloseKind::kEndTimeout, SessionCloseKind::kLocalFail, SessionCloseKind::kLocalAbort,
        SessionCloseKind::kOutputLimit, SessionCloseKind::kStopped}) {
    EXPECT_GT(kinds[kind], 0u) << kind;
  }
  for (const SessionState state :
       {SessionState::kHello, SessionState::kOpen, SessionState::kEnding, SessionState::kEndAcked,
        SessionState::kPeerEnded, SessionState::kLastAck}) {
    EXPECT_GT(states[state], 0u) << SessionStateName(state);
  }
}

}  // namespace
}  // namespace spindle
