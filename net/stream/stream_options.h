#ifndef SPINDLE_NET_STREAM_STREAM_OPTIONS_H_
#define SPINDLE_NET_STREAM_STREAM_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "net/stream/rate_limit.h"

namespace spindle {

// What becomes of output that would take a connection over its output_limit.
enum class OutputLimitPolicy : uint8_t {
  kClose,   // The connection is aborted (kOutputLimit); its queued output is discarded.
  kRefuse,  // The write is refused (ENOBUFS) and nothing of it is queued.
};

// What the end of the peer's data (FIN) means.
enum class PeerFinPolicy : uint8_t {
  kClose,        // Our queued output is flushed, then the connection closes (kPeerClosed).
  kKeepWriting,  // on_read_closed is called; our side stays open until Close or ShutdownWrite.
};

// Keep-alive probes of the kernel, tcp(7). Seconds are the kernel's unit.
struct KeepAlive {
  int idle_seconds = 60;      // Of silence before the first probe.
  int interval_seconds = 10;  // Between probes.
  int probes = 3;             // Unanswered ones until the peer counts as gone.
};

// How one connection behaves. Durations of zero mean "no such deadline"; sizes are bytes.
struct ConnectionOptions {
  // Backpressure. Above the high mark on_pause is called and, unless told otherwise, reading pauses
  // until the queue has fallen to the low mark; then on_resume. low <= high <= limit.
  // Two peers that both pause and both have more to say than marks and sockets hold wait for each
  // other: of an echo or a relay, let one side read on.
  size_t high_water_mark = 1024 * 1024;
  size_t low_water_mark = 256 * 1024;
  bool pause_reading_above_high_water = true;
  size_t output_limit = 64 * 1024 * 1024;
  OutputLimitPolicy output_limit_policy = OutputLimitPolicy::kClose;
  // So much may on_bytes leave unread: a message that is longer, or a callback that never consumes,
  // ends the connection (kInputLimit). Who pauses reading, or waits for its output to be taken,
  // may leave more, by one block: the limit is looked at when reading goes on.
  size_t input_limit = 64 * 1024 * 1024;

  // Deadlines; each ends the connection with a CloseReason of its own.
  Duration idle_timeout{0};   // Nothing read and nothing taken by the peer for so long.
  Duration read_timeout{0};   // Nothing read for so long (while reading is not paused).
  Duration write_timeout{0};  // Output is queued and the peer has taken nothing for so long.
  Duration total_timeout{0};  // Open for so long in all, whatever goes on.
  // How long Close and ShutdownWrite wait while the peer takes nothing of the queued output; then
  // the rest is discarded (kCloseTimeout). For a limit in all see CloseAfterFlush.
  Duration close_timeout = std::chrono::seconds(10);
  // How long Close then waits for the peer's FIN, so that a reset does not destroy what the peer
  // has not read yet (RFC 9112 9.6). Zero closes at once.
  Duration linger_timeout = std::chrono::seconds(2);

  PeerFinPolicy peer_fin = PeerFinPolicy::kClose;

  // At most so many blocks are read in one turn; then others have theirs.
  uint32_t reads_per_turn = 16;

  // Socket options. For accepted connections they are set once, on the listener, and inherited.
  bool no_delay = true;                                // TCP_NODELAY
  std::optional<KeepAlive> keep_alive = std::nullopt;  // SO_KEEPALIVE and its three numbers
  Duration user_timeout{0};                            // TCP_USER_TIMEOUT, in steps of 1 ms
  int send_buffer = 0;                                 // SO_SNDBUF; 0 leaves it to the kernel
  int receive_buffer = 0;                              // SO_RCVBUF; 0 leaves it to the kernel

  // Rate limits: of each connection alone, and of all that share a group. Above one, reading
  // pauses, so that the peer is held back by the network; output waits in the queue, and the water
  // marks tell. Deadlines do not run against a side that a rate limit holds back, but for
  // total_timeout and that of CloseAfterFlush; an orderly Close takes as long as the rate needs.
  // What is read only to be discarded, after Close, is not limited.
  RateLimit read_rate = {};
  RateLimit write_rate = {};
  std::shared_ptr<RateGroup> read_group = nullptr;
  std::shared_ptr<RateGroup> write_group = nullptr;

  bool limits_rates() const {
    return !read_rate.unlimited() || !write_rate.unlimited() || read_group != nullptr ||
           write_group != nullptr;
  }
};

// What a server does when its connections keep more bytes than its budget.
enum class MemoryPolicy : uint8_t {
  kCloseLargest,  // Ends those that keep most (kMemoryLimit, a reset) until the budget is kept.
  // Refuses each write that would take it over the budget (ENOBUFS), but for up to 4 KiB from a
  // connection that keeps nothing.
  kRefuseWrites,
};

// How many bytes the connections of a server may keep in all: output that the kernel has not taken,
// and input that on_bytes has left. Bytes that many queues share count in each; files do not count.
// 0: no budget.
//
// From three quarters of a budget on, connections that keep more than the average, and most of it
// as output, are not read from when they grow further, and from seven eighths on all that grow;
// below the half all are read from again. At the budget the policy holds; who reads much at a time
// (a block of 64 KiB for each connection) needs an eighth that takes it. What connections write
// whose sockets still take it is counted at once above 16 KiB, and else when the callback ends and
// something remains: a budget can be exceeded by 16 KiB for each connection written to in one turn.
struct MemoryBudget {
  size_t server_bytes = 0;
  size_t loop_bytes = 0;  // On each loop.
  MemoryPolicy policy = MemoryPolicy::kCloseLargest;
};

// What became of the connections of a server that drained.
struct DrainResult {
  uint64_t finished = 0;    // Ended by themselves, or by Close with nothing lost.
  uint64_t forced = 0;      // Ended by a deadline.
  uint64_t bytes_lost = 0;  // Queued output that was discarded.
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_STREAM_OPTIONS_H_
