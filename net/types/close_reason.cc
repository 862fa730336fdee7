#include "net/types/close_reason.h"

namespace spindle {

std::string_view CloseKindName(CloseKind kind) {
  switch (kind) {
    case CloseKind::kNone:
      return "none";
    case CloseKind::kPeerClosed:
      return "peer_closed";
    case CloseKind::kPeerReset:
      return "peer_reset";
    case CloseKind::kLocalClose:
      return "local_close";
    case CloseKind::kLocalAbort:
      return "local_abort";
    case CloseKind::kIdleTimeout:
      return "idle_timeout";
    case CloseKind::kReadTimeout:
      return "read_timeout";
    case CloseKind::kWriteTimeout:
      return "write_timeout";
    case CloseKind::kCloseTimeout:
      return "close_timeout";
    case CloseKind::kTotalTimeout:
      return "total_timeout";
    case CloseKind::kConnectTimeout:
      return "connect_timeout";
    case CloseKind::kOutputLimit:
      return "output_limit";
    case CloseKind::kInputLimit:
      return "input_limit";
    case CloseKind::kMemoryLimit:
      return "memory_limit";
    case CloseKind::kServerStopped:
      return "server_stopped";
    case CloseKind::kLoopStopped:
      return "loop_stopped";
    case CloseKind::kRefused:
      return "refused";
    case CloseKind::kIoError:
      return "io_error";
  }
  return "unknown";
}

std::string_view CloseReason::name() const { return CloseKindName(kind); }

std::string CloseReason::ToString() const {
  std::string text(name());
  if (!error.ok()) text.append(": ").append(error.ToString());
  return text;
}

std::ostream& operator<<(std::ostream& out, CloseKind kind) { return out << CloseKindName(kind); }

std::ostream& operator<<(std::ostream& out, const CloseReason& reason) {
  return out << reason.ToString();
}

}  // namespace spindle
