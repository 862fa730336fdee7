#ifndef SPINDLE_BENCH_CLI_PIN_H_
#define SPINDLE_BENCH_CLI_PIN_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace spindle::bench {

// Which processors the threads of the client and of an own server run on; empty: on any.
struct PinPlan {
  std::vector<int> client = {};
  std::vector<int> server = {};
};

// "client:0,server:1", "client:0,client:1", "none" (the empty plan). Processors that this process
// may use (sched_getaffinity(2)); each item adds one. Any thread. Errors: kInvalidArgument, which
// quotes the text.
absl::StatusOr<PinPlan> ParsePin(std::string_view text);

// The first half of the processors that this process may use for the client, the rest for the
// server; the empty plan if there is only one.
PinPlan HalfAndHalf();

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_PIN_H_
