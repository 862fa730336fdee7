#ifndef SPINDLE_BENCH_SEND_MODES_EXPLAIN_H_
#define SPINDLE_BENCH_SEND_MODES_EXPLAIN_H_

#include <cstdint>
#include <span>
#include <vector>

#include "bench/report/run_record.h"

namespace spindle::bench {

// What explaining a run needs to know of it besides its records. Plain data.
struct ExplainOptions {
  // Round trips are those of a network, not of threads that wake each other.
  bool network = false;
  bool think_blocks = false;  // The server's loops wait while they think.
  bool echo = false;          // The reply is as long as the message.
  uint64_t cores = 1;
  uint64_t client_loops = 1;  // Of arms over loops.
  uint64_t server_loops = 1;  // That serve connections.
};

// Fills in what the model (send_model.h) says of each point, and what kept its arm from being
// faster: predicted, predicted_base_wall, predicted_arm_wall, limit.
//
// What a message costs besides waiting is taken from the first arm of the fewest connections of the
// same setting: one message at a time. So that arm's own time is not a prediction; all others are.
// How much of its processor time is for wake-ups is told by the arm with the most messages under
// way, which shares them: of that arm the model says what its processors allow.
// A processor counts as the limit if it was busy for nearly all of the time. Points whose arms have
// no blocks, or are unknown, stay as they are. Pure; any thread.
void Explain(const ExplainOptions& options, std::span<const ArmRecord> arms,
             std::span<PointRecord> points);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_EXPLAIN_H_
