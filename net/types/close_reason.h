#ifndef SPINDLE_NET_TYPES_CLOSE_REASON_H_
#define SPINDLE_NET_TYPES_CLOSE_REASON_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "net/types/io_error.h"

namespace spindle {

// Every way in which a connection can end. Each connection ends with exactly one of them.
enum class CloseKind : uint8_t {
  kNone,            // not closed
  kPeerClosed,      // orderly FIN from the peer
  kPeerReset,       // RST from the peer
  kLocalClose,      // our Close, after all output was flushed
  kLocalAbort,      // our Abort: RST, output discarded
  kIdleTimeout,     // no traffic in either direction
  kReadTimeout,     // the peer sent nothing for too long
  kWriteTimeout,    // the peer took none of our output for too long
  kCloseTimeout,    // the deadline for flushing or lingering passed
  kTotalTimeout,    // it was open for as long as it may be in all
  kConnectTimeout,  // no connection within the deadline
  kOutputLimit,     // queued output passed the hard cap, whose policy is to close
  kInputLimit,      // on_bytes left more unread than the hard cap
  kMemoryLimit,     // it held most when a memory budget was used up
  kServerStopped,   // the server was stopped or destroyed
  kLoopStopped,     // the event loop was stopped or destroyed
  kRefused,         // our server was at its maximum of connections
  kIoError,         // any other failed operation; see `error`
};

// Why a connection ended: the kind, and the error of the operation at which it ended, if one did.
// Immutable value; copying one never allocates.
struct CloseReason {
  CloseKind kind = CloseKind::kNone;
  IoError error = {};

  // The peer ended it (kPeerClosed, kPeerReset). A kIoError counts as neither side's doing.
  constexpr bool by_peer() const {
    return kind == CloseKind::kPeerClosed || kind == CloseKind::kPeerReset;
  }

  // One of the deadlines ended it.
  constexpr bool by_timeout() const {
    return kind == CloseKind::kIdleTimeout || kind == CloseKind::kReadTimeout ||
           kind == CloseKind::kWriteTimeout || kind == CloseKind::kCloseTimeout ||
           kind == CloseKind::kTotalTimeout || kind == CloseKind::kConnectTimeout;
  }

  // Stable name for logs and metrics ("peer_reset"); a literal.
  std::string_view name() const;

  // "peer_reset: read: Connection reset by peer (ECONNRESET)"; the name alone if error.ok().
  std::string ToString() const;

  friend constexpr bool operator==(const CloseReason& a, const CloseReason& b) = default;

  template <typename Sink>
  friend void AbslStringify(Sink& sink, const CloseReason& reason) {
    sink.Append(reason.ToString());
  }
};

// Stable name of a kind ("idle_timeout"); a literal, never null.
std::string_view CloseKindName(CloseKind kind);

std::ostream& operator<<(std::ostream& out, CloseKind kind);
std::ostream& operator<<(std::ostream& out, const CloseReason& reason);

}  // namespace spindle

#endif  // SPINDLE_NET_TYPES_CLOSE_REASON_H_
