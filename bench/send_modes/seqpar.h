#ifndef SPINDLE_BENCH_SEND_MODES_SEQPAR_H_
#define SPINDLE_BENCH_SEND_MODES_SEQPAR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/load/load.h"
#include "bench/report/run_record.h"
#include "bench/send_modes/sender_pool.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// Where a run stands.
struct SeqparProgress {
  size_t connections = 0;
  uint64_t blocks_done = 0;  // Of this number of connections.
  uint64_t blocks = 0;
};

struct SeqparOptions {
  std::vector<uint64_t> connections = {1, 2, 4, 8, 16};
  // Per connection, arm and block. 0: for each number of connections as many as take about 30 ms
  // sequentially, from 2 to 1000.
  uint64_t messages = 0;
  uint64_t message_bytes = 1024;
  ReplyMode reply = ReplyMode::kAck;
  uint64_t blocks = 20;  // Besides the first one, which only warms up.
  uint64_t seed = 1;     // Of the bytes, the order of the arms and the bootstrap.
  double equivalence = 0.05;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(10);

  // Asked between turns of the loop; true ends the run with what there is.
  absl::AnyInvocable<bool()> interrupted = nullptr;
  // Called after each block.
  absl::AnyInvocable<void(const SeqparProgress&)> on_progress = nullptr;
  // The connections that each loop of the server has got since it began.
  absl::AnyInvocable<std::vector<uint64_t>()> accepted_per_loop = nullptr;
};

struct SeqparResult {
  // Two for each number of connections, "sequential" and "parallel", and one point.
  std::vector<ArmRecord> arms = {};
  std::vector<PointRecord> points = {};
  ErrorCounts errors = {};
  bool interrupted = false;
};

// The experiment: over N connections that are open already the same messages are sent sequentially
// and in parallel (see WindowedSends), in blocks that hold both arms in random order, so that what
// changes on the machine meanwhile hits both. A block with an error ends the run; it is not part of
// the statistics.
//
// Runs the loop of this thread. Errors: the loop's, or that not one connection could be opened.
absl::StatusOr<SeqparResult> RunSeqpar(EventLoop& loop, const SocketAddress& server,
                                       SeqparOptions& options);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_SEQPAR_H_
