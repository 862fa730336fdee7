#ifndef SPINDLE_BENCH_SEND_MODES_SEQPAR_H_
#define SPINDLE_BENCH_SEND_MODES_SEQPAR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/load/cpu_time.h"
#include "bench/load/load.h"
#include "bench/report/run_record.h"
#include "bench/send_modes/framed_messages.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// Where a run stands.
struct SeqparProgress {
  size_t connections = 0;
  uint64_t message_bytes = 0;
  uint64_t blocks_done = 0;  // Of this setting.
  uint64_t blocks = 0;       // Of them so many at least.
};

struct SeqparOptions {
  // Each number of connections with each size of message is one setting.
  std::vector<uint64_t> connections = {1, 2, 4, 8, 16};
  std::vector<uint64_t> message_bytes = {1024};
  // The ways of sending, as ParseSendArm has them. Each of the others is compared with the first.
  std::vector<std::string> arms = {"sequential", "parallel"};
  // Per connection, arm and block. 0: for each setting as many as take the first arm about 30 ms,
  // from 2 to 1000.
  uint64_t messages = 0;
  ReplyMode reply = ReplyMode::kAck;
  bool pooled = true;       // Connections are open before; else each block opens its own.
  bool no_delay = true;     // TCP_NODELAY
  size_t client_loops = 2;  // Of "parallel-loops".

  uint64_t blocks = 20;  // Besides the first one, which only warms up.
  // Goes on after `blocks` blocks until each interval's half-width is at most this share of its
  // ratio (0.05: 5 %), or until a setting has taken `max_time`.
  std::optional<double> target_ci = std::nullopt;
  Duration max_time = std::chrono::minutes(1);
  double equivalence = 0.05;
  // Runs the first arm twice in each block, to see what "no difference" looks like.
  bool aa = false;
  // Runs one more block of the last setting, over connections of its own, whose timeline is kept.
  bool timeline = false;
  uint64_t seed = 1;  // Of the bytes, the order of the arms and the bootstrap.
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(10);

  // What is known of server and network; goes into the settings and the timeline.
  Duration think{0};
  std::optional<Duration> rtt = std::nullopt;
  std::optional<uint64_t> bits_per_second = std::nullopt;

  // Asked between turns of the loop; true ends the run with what there is.
  absl::AnyInvocable<bool()> interrupted = nullptr;
  // Called after each block.
  absl::AnyInvocable<void(const SeqparProgress&)> on_progress = nullptr;
  // Called after each block that counts, for each of its arms.
  absl::AnyInvocable<void(const ArmRecord& arm, const BlockRecord& block)> on_block = nullptr;
  // The connections that each loop of the server has got since it began.
  absl::AnyInvocable<std::vector<uint64_t>()> accepted_per_loop = nullptr;
  // Read before and after each arm of each block: the server's processor time, and the segments
  // that were sent again.
  absl::AnyInvocable<std::optional<CpuTime>()> server_cpu = nullptr;
  absl::AnyInvocable<std::optional<uint64_t>()> retransmits = nullptr;
  // Measures the round trip; called once for each setting, before its blocks. It may run the loop.
  absl::AnyInvocable<std::optional<Duration>()> measure_rtt = nullptr;
};

struct SeqparResult {
  // For each setting its arms, in the order of the options, then the one of `aa`; and a point for
  // each arm but the first.
  std::vector<ArmRecord> arms = {};
  std::vector<PointRecord> points = {};
  // With `aa`: the widest of the settings' intervals.
  std::optional<RatioEstimate> noise_floor = std::nullopt;
  // With `timeline`: of at most kTimelineMessages messages per connection.
  std::vector<TimelineSpan> timeline = {};
  ErrorCounts errors = {};
  std::vector<std::string> warnings = {};
  bool interrupted = false;
};

inline constexpr uint64_t kTimelineMessages = 8;

// The experiment: over N connections the same messages are sent in several ways (SendPlan), in
// blocks that hold each of them once in random order, so that what changes on the machine meanwhile
// hits all. A block with an error ends the run; it is not part of the statistics.
//
// An arm's time is from the start line to the last byte of the last reply; if each block opens its
// own connections, to the end of the last of them.
//
// With `aa`, in a setting in which the first arm differs from itself (its interval excludes 1) only
// what exceeds that difference is judged (JudgeAbove), and a warning says so.
//
// Runs the loop of this thread. Errors: INVALID_ARGUMENT for arms that there are not, or fewer than
// two of them (one with `aa`); the loop's; that not one connection could be opened.
absl::StatusOr<SeqparResult> RunSeqpar(EventLoop& loop, const SocketAddress& server,
                                       SeqparOptions& options);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_SEQPAR_H_
