#include "net/session/session_close_reason.h"

#include <errno.h>

#include "absl/strings/escaping.h"
#include "base/strings.h"

namespace spindle {
namespace {

constexpr std::string_view kNames[kSessionCloseKinds] = {
    "none",        "agreed",           "peer_silent",  "peer_stalled",   "peer_vanished",
    "peer_reset",  "peer_unreachable", "peer_failed",  "hello_timeout",  "ack_timeout",
    "end_timeout", "no_session",       "bad_version",  "protocol_error", "local_fail",
    "local_abort", "timeout",          "output_limit", "stopped",        "io_error"};

void AppendNote(std::string& out, std::string_view who, const SessionNote& note) {
  Append(out, who, note.code);
  if (!note.text.empty()) Append(out, " \"", absl::CHexEscape(note.text), "\"");
}

}  // namespace

std::string_view SessionCloseKindName(SessionCloseKind kind) {
  return kNames[static_cast<int>(kind)];
}

std::string_view SessionCloseReason::name() const { return SessionCloseKindName(kind); }

std::string SessionCloseReason::ToString() const {
  std::string out(name());
  if (!agreed()) Append(out, " in ", SessionStateName(state));
  if (peer_end.has_value()) AppendNote(out, ", peer ended with code ", *peer_end);
  if (local_end.has_value()) AppendNote(out, ", we ended with code ", *local_end);
  if (error != SessionNote()) AppendNote(out, ", error code ", error);
  Append(out, " (", connection.ToString(), ")");
  return out;
}

SessionCloseKind KindOfConnectionEnd(const CloseReason& connection) {
  using Kind = SessionCloseKind;
  switch (connection.kind) {
    case CloseKind::kPeerClosed:
      return Kind::kPeerVanished;
    case CloseKind::kPeerReset:
      return Kind::kPeerReset;
    case CloseKind::kLocalClose:
    case CloseKind::kLocalAbort:
      return Kind::kLocalAbort;
    case CloseKind::kIdleTimeout:
    case CloseKind::kReadTimeout:
    case CloseKind::kWriteTimeout:
    case CloseKind::kCloseTimeout:
    case CloseKind::kTotalTimeout:
    case CloseKind::kConnectTimeout:
      return Kind::kTimeout;
    case CloseKind::kOutputLimit:
      return Kind::kOutputLimit;
    case CloseKind::kInputLimit:
    case CloseKind::kMemoryLimit:
    case CloseKind::kServerStopped:
    case CloseKind::kLoopStopped:
      return Kind::kStopped;
    case CloseKind::kNone:
    case CloseKind::kRefused:
    case CloseKind::kIoError:
      break;
  }
  const int error = connection.error.code();
  const bool unreachable = error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
  return unreachable ? Kind::kPeerUnreachable : Kind::kIoError;
}

std::ostream& operator<<(std::ostream& out, SessionCloseKind kind) {
  return out << SessionCloseKindName(kind);
}
std::ostream& operator<<(std::ostream& out, const SessionCloseReason& reason) {
  return out << reason.ToString();
}

}  // namespace spindle
