#ifndef SPINDLE_BENCH_SEND_MODES_SEND_ARM_H_
#define SPINDLE_BENCH_SEND_MODES_SEND_ARM_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "net/send/send_run.h"

namespace spindle::bench {

// One way of sending the messages of an experiment. Plain data.
struct SendArm {
  std::string name;
  SendMode mode = {};
  // The connections lie on the client's worker loops; else all on one loop.
  bool over_loops = false;
};

// "sequential", "parallel", "parallel-loops", "window-K" (at most K connections await a reply at
// once) or "pipeline-K" (in parallel, with K messages of each connection under way), K from 1 on.
// INVALID_ARGUMENT for any other text.
absl::StatusOr<SendArm> ParseSendArm(std::string_view name);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_SEND_ARM_H_
