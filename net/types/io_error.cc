#include "net/types/io_error.h"

#include "base/errno_status.h"

namespace spindle {

std::string_view IoOpName(IoOp op) {
  switch (op) {
    case IoOp::kNone:
      return "none";
    case IoOp::kRead:
      return "read";
    case IoOp::kWrite:
      return "write";
    case IoOp::kAccept:
      return "accept";
    case IoOp::kConnect:
      return "connect";
    case IoOp::kBind:
      return "bind";
    case IoOp::kListen:
      return "listen";
    case IoOp::kShutdown:
      return "shutdown";
    case IoOp::kSendFile:
      return "sendfile";
    case IoOp::kPoll:
      return "poll";
    case IoOp::kSocket:
      return "socket";
    case IoOp::kSetOption:
      return "setsockopt";
    case IoOp::kGetOption:
      return "getsockopt";
    case IoOp::kClose:
      return "close";
  }
  return "unknown";
}

std::string IoError::ToString() const {
  if (ok()) return "ok";
  std::string text;
  if (op_ != IoOp::kNone) text.append(IoOpName(op_)).append(": ");
  return text.append(ErrnoText(code_)).append(" (").append(ErrnoName(code_)).append(")");
}

absl::Status IoError::ToStatus(std::string_view address) const {
  if (ok()) return absl::OkStatus();
  std::string what(op_ == IoOp::kNone ? "I/O" : IoOpName(op_));
  if (!address.empty()) what.append(" ").append(address);
  return ErrnoStatus(what, code_);
}

std::ostream& operator<<(std::ostream& out, IoError error) { return out << error.ToString(); }

}  // namespace spindle
