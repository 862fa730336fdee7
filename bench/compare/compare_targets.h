#ifndef SPINDLE_BENCH_COMPARE_COMPARE_TARGETS_H_
#define SPINDLE_BENCH_COMPARE_COMPARE_TARGETS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/report/run_record.h"
#include "bench/send_modes/framed_messages.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// A server to compare.
struct CompareTarget {
  std::string name;  // Of its arm: "A".
  SocketAddress address;
  std::vector<pid_t> pids = {};  // Its processes, if they can be looked at.
};

struct CompareTargetsOptions {
  size_t connections = 16;
  uint64_t message_bytes = 64;
  ReplyMode reply = ReplyMode::kEcho;
  uint64_t blocks = 40;  // Besides the first one, which only warms up.
  // What one target's part of a block takes; the messages that fit into it are found out first, and
  // are the same for all.
  Duration block_time = std::chrono::milliseconds(100);
  uint64_t seed = 1;
  double equivalence = 0.05;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(10);
  // Asked between turns of the loop; true ends the run with what there is.
  absl::AnyInvocable<bool()> interrupted = nullptr;
  // Called after each block, with how many there were.
  absl::AnyInvocable<void(uint64_t)> on_progress = nullptr;
  absl::AnyInvocable<void(const ArmRecord& arm, const BlockRecord& block)> on_block = nullptr;
};

// For each metric (bench/compare/metric.h) a comparison of the second target with the first.
struct CompareTargetsResult {
  std::vector<ArmRecord> arms = {};
  std::vector<CompareRecord> compare = {};
  ErrorCounts errors = {};
  bool interrupted = false;
};

// Sends the same messages to both targets in blocks that hold each of them once in random order, in
// parallel over connections that are open already. Both may be the same server: then what comes out
// is what "no difference" looks like.
//
// Runs the loop of this thread. Errors: the loop's; that a target could not be connected to.
absl::StatusOr<CompareTargetsResult> CompareTargets(EventLoop& loop, const CompareTarget& a,
                                                    const CompareTarget& b,
                                                    CompareTargetsOptions& options);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_COMPARE_COMPARE_TARGETS_H_
