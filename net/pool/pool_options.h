#ifndef SPINDLE_NET_POOL_POOL_OPTIONS_H_
#define SPINDLE_NET_POOL_POOL_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "net/pool/circuit_breaker.h"
#include "net/pool/connection_lease.h"
#include "net/stream/stream_options.h"
#include "net/types/socket_address.h"

namespace spindle {

// Why there is no lease.
enum class AcquireError : uint8_t {
  kNone,
  kTimeout,      // The deadline passed.
  kQueueFull,    // max_waiters were waiting already.
  kCircuitOpen,  // Connecting failed too often; nothing is tried for a while.
  kDraining,     // The pool drains, or has drained.
  kStopped,      // The pool is being destroyed.
  kCancelled,    // By ConnectionPool::Cancel.
};

// "timeout"; a literal.
std::string_view AcquireErrorName(AcquireError error);

// The answer to an Acquire. Either `error` is kNone and `lease` holds a connection, or not.
struct AcquireResult {
  AcquireError error = AcquireError::kNone;
  ConnectionLease lease = {};

  bool ok() const { return error == AcquireError::kNone; }
};
using AcquireCallback = absl::AnyInvocable<void(AcquireResult)>;

// Names one Acquire, for Cancel; never given twice by one pool. A default-made one names none.
struct AcquireId {
  uint64_t number = 0;
  size_t loop = 0;  // Among the pool's.

  bool valid() const { return number != 0; }
  friend bool operator==(const AcquireId&, const AcquireId&) = default;
};

struct AcquireOptions {
  // For the whole wait; zero or less: only what is there already, which takes a turn of the loop.
  Duration timeout = std::chrono::seconds(5);
  // kFresh: one that was never lent before.
  enum class Want : uint8_t { kAny, kFresh } want = Want::kAny;
};

// What is looked at before a connection is lent.
enum class BorrowCheck : uint8_t {
  kSeen,    // What the loop knows: input that nobody asked for, FIN, reset. Costs nothing.
  kKernel,  // Also asks the kernel for the state of a TCP connection: one system call. Finds a FIN
            // or a reset that arrived in this very turn.
};

// A pool of connections to one server. Durations of zero switch a rule off, unless said otherwise.
struct PoolOptions {
  // Opened ahead and kept open, whether used or not; and the most there ever are, with those that
  // are being opened or closed. min <= max, 1 <= max; CHECKed.
  size_t min_connections = 0;
  size_t max_connections = 8;
  // Attempts under way at once. After a failure it is one until a connection has proved itself.
  size_t max_connecting = 4;
  // Who waits for a connection, for one being opened too.
  size_t max_waiters = 1024;

  // Idle connections above min_connections are closed after so long.
  Duration idle_timeout = std::chrono::minutes(1);
  // No connection is lent when it is older; each has its own limit, max_age less a random part of
  // up to max_age_jitter of it, so that they do not end together.
  Duration max_age{0};
  double max_age_jitter = 0.2;

  BorrowCheck borrow_check = BorrowCheck::kKernel;
  // Looks after connections that were idle for probe_interval, one at a time on each loop: sends
  // something harmless and returns the lease when the right answer came; else discards it. Not
  // answered within probe_timeout: aborted. Runs on the connection's loop.
  absl::AnyInvocable<void(ConnectionLease) const> probe = nullptr;
  Duration probe_interval = std::chrono::seconds(30);
  Duration probe_timeout = std::chrono::seconds(2);

  // Makes a fresh connection ready before it is lent to anybody: a login, or waiting for the words
  // of a server that speaks first. Gets it as a lease, and returns that when the connection is
  // ready. Discarded, ended by the server, or not returned within greet_timeout (then aborted): a
  // failed attempt, with all that follows from one. It counts as connecting meanwhile, and its
  // greeting is none of its uses. Runs on the connection's loop.
  absl::AnyInvocable<void(ConnectionLease) const> greet = nullptr;
  Duration greet_timeout = std::chrono::seconds(5);

  ConnectionOptions connection = {.linger_timeout = Duration::zero()};
  Duration connect_timeout = std::chrono::seconds(5);
  SocketAddress local = {};  // Bound first, if specified.
  // A discarded connection has so long to send what is queued.
  Duration close_deadline = std::chrono::seconds(1);

  // After failed attempts, and after losses; see README.md about herds.
  BackoffPolicy backoff = {};
  CircuitBreakerOptions circuit = {};
  // A connection that the server ends earlier, with no answer given, counts as a failed attempt.
  Duration stable_after = std::chrono::milliseconds(250);
  // Connections that are lost are replaced, up to min_connections, after a random part of
  // `reconnect_spread`. If none is left, and so many were lost within a second, nobody connects
  // before that: the server has been restarted, and other pools have lost theirs too.
  Duration reconnect_spread = std::chrono::seconds(2);
  uint32_t herd_losses = 2;

  // With all places taken, a place goes to another loop only if somebody there has waited for so
  // long, or that loop has no connection at all and this one keeps another.
  Duration move_after = std::chrono::milliseconds(50);

  uint64_t random_seed = 0;  // 0: from the system.
};

// What became of the connections of a pool that drained.
struct PoolDrainResult {
  uint64_t finished = 0;  // Idle, or returned (or ended) in time.
  uint64_t forced = 0;    // Still lent at the deadline: aborted.
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_POOL_OPTIONS_H_
