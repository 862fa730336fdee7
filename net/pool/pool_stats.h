#ifndef SPINDLE_NET_POOL_POOL_STATS_H_
#define SPINDLE_NET_POOL_POOL_STATS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/pool/circuit_breaker.h"

namespace spindle {

// Why a pooled connection ended.
enum class PoolCloseCause : uint8_t {
  kPeerClosed,   // By the server, or by an error, while idle.
  kLostInUse,    // By the server, by an error or by its user's Close, while lent.
  kStale,        // Found unusable when it was to be lent: input that nobody asked for, FIN seen.
  kDirty,        // Returned with input unread, half closed, or closing.
  kDiscarded,    // By ConnectionLease::Discard.
  kIdleTimeout,  // Idle for too long.
  kMaxAge,       // Open for too long.
  kProbeFailed,  // The periodic probe discarded it or took too long.
  kMoved,        // Its place went to another loop, or to somebody who wanted a fresh one.
  kDrained,      // By Drain: idle, or returned in time.
  kForced,       // By Drain's deadline.
  kStopped,      // By the pool's destructor, or with its loop.
};
inline constexpr size_t kPoolCloseCauses = 12;

// Stable name for logs and metrics ("idle_timeout"); a literal.
std::string_view PoolCloseCauseName(PoolCloseCause cause);

// A pool at one moment. Plain data; the counters only grow.
struct PoolStats {
  // Now. total = idle + leased + connecting; total + closing <= max_connections.
  size_t idle = 0;
  size_t leased = 0;  // Probes included.
  size_t connecting = 0;
  size_t closing = 0;  // Ours to close, descriptor still open.
  size_t waiting = 0;
  CircuitState circuit = CircuitState::kClosed;

  uint64_t opened = 0;            // And made ready (PoolOptions::greet).
  uint64_t connect_failures = 0;  // Attempts that failed.
  uint64_t greet_failures = 0;    // Of these: there was a connection, but it was not made ready.
  uint64_t early_losses = 0;      // Closed by the server right after they were opened, unused.
  std::array<uint64_t, kPoolCloseCauses> closed = {};  // By PoolCloseCause.
  uint64_t leases = 0;                                 // Handed out.
  uint64_t reused = 0;                                 // Of these: had been lent before.
  uint64_t requeued = 0;  // Waiters put back, because what they were to get had ended.
  uint64_t timeouts = 0;
  uint64_t cancelled = 0;
  uint64_t queue_full = 0;
  uint64_t circuit_refusals = 0;
  uint64_t circuit_opened = 0;
  uint64_t probes = 0;

  size_t total() const { return idle + leased + connecting; }
  uint64_t closed_by(PoolCloseCause cause) const { return closed[static_cast<size_t>(cause)]; }
  uint64_t closed_in_all() const;
  // One line: "idle 2 leased 1 ... closed: max_age 3".
  std::string ToString() const;
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_POOL_STATS_H_
