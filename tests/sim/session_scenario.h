#ifndef SPINDLE_TESTS_SIM_SESSION_SCENARIO_H_
#define SPINDLE_TESTS_SIM_SESSION_SCENARIO_H_

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "net/session/session_close_reason.h"

namespace spindle {

// What one run came to.
struct SessionScenarioResult {
  std::string failure;  // Empty: all rules were kept.
  uint64_t trace_hash = 0;
  uint64_t operations = 0;
  uint64_t messages = 0;  // Handed out.
  uint64_t cuts = 0;      // Connections whose peer vanished.
  Duration virtual_time{0};
  // Sessions by how they ended, and in which state.
  std::map<SessionCloseKind, uint64_t> kinds;
  std::map<SessionState, uint64_t> states;
};

// A server of sessions and some clients on a simulated machine, which send, end, give up, pause and
// resume as the seed says, while connections are reset or cut and owners destroyed; then everybody
// is asked to end. Compared with a model: each message is handed out at most once, whole, in order;
// all of them if either side says that the end was agreed; every session ends in time, once, with a
// reason that can be true. One thread at a time in the process.
SessionScenarioResult RunSessionScenario(uint64_t seed);

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_SESSION_SCENARIO_H_
