#ifndef SPINDLE_TESTS_SIM_STREAM_SCENARIO_H_
#define SPINDLE_TESTS_SIM_STREAM_SCENARIO_H_

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "net/backend/sim_options.h"

namespace spindle {

// What one run came to.
struct StreamScenarioResult {
  std::string failure;  // Empty: all rules were kept.
  uint64_t trace_hash = 0;
  uint64_t operations = 0;
  uint64_t callbacks = 0;
  uint64_t connections = 0;
  uint64_t bytes_received = 0;
  uint64_t drains = 0;
  uint64_t tasks = 0;
  Duration virtual_time{0};
  SimCounters counters;
};

// A server, its workers and some clients on a simulated machine, whose callbacks do whatever the
// seed says; then the machine is repaired and everybody is asked to end. Checked all the while:
// order of callbacks, each byte, each ledger; and at the end that all has ended in time, that a
// fresh client is served, and that nothing is left. One thread at a time in the process.
StreamScenarioResult RunStreamScenario(uint64_t seed);

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_STREAM_SCENARIO_H_
