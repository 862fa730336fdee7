#ifndef SPINDLE_NET_TYPES_IO_ERROR_H_
#define SPINDLE_NET_TYPES_IO_ERROR_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace spindle {

// The operation at which an I/O error arose.
enum class IoOp : uint8_t {
  kNone,
  kRead,
  kWrite,
  kAccept,
  kConnect,
  kBind,
  kListen,
  kShutdown,
  kSendFile,
  kPoll,
  kSocket,
  kSetOption,
  kGetOption,
  kClose,
};

// Lower-case name of the operation ("read", "setsockopt"); a literal, never null.
std::string_view IoOpName(IoOp op);

// What went wrong in one I/O operation: an errno value and the operation.
//
// Immutable value of 8 bytes; making, copying and testing one never allocates, so the hot path
// carries it where set-up code carries absl::Status. Code 0 means no error, whatever the operation.
class IoError {
 public:
  // No error.
  constexpr IoError() = default;

  // `code` is an errno value; 0 means no error.
  constexpr explicit IoError(int code, IoOp op = IoOp::kNone) : code_(code), op_(op) {}

  constexpr bool ok() const { return code_ == 0; }
  constexpr int code() const { return code_; }
  constexpr IoOp op() const { return op_; }

  // "read: Connection reset by peer (ECONNRESET)", or "ok".
  std::string ToString() const;

  // The same as a status that names the operation and `address`; OkStatus if ok().
  // `address` is copied and may be empty.
  absl::Status ToStatus(std::string_view address) const;

  friend constexpr bool operator==(IoError a, IoError b) = default;

  template <typename Sink>
  friend void AbslStringify(Sink& sink, IoError error) {
    sink.Append(error.ToString());
  }

 private:
  int32_t code_ = 0;
  IoOp op_ = IoOp::kNone;
};

static_assert(sizeof(IoError) == 8);

std::ostream& operator<<(std::ostream& out, IoError error);

}  // namespace spindle

#endif  // SPINDLE_NET_TYPES_IO_ERROR_H_
