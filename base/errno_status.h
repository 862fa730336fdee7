#ifndef SPINDLE_BASE_ERRNO_STATUS_H_
#define SPINDLE_BASE_ERRNO_STATUS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace spindle {

// Builds the Status of a failed system call:
//   ErrnoStatus("bind 10.0.0.1:80", EADDRINUSE)
//     -> ALREADY_EXISTS: bind 10.0.0.1:80: Address already in use (EADDRINUSE)
// Any thread. Copies `operation_and_address`, which names the call and what it was applied to.
// `errno_value` is kept as a payload, see ErrnoOf. It is never OK: an errno of zero or below is a
// caller's mistake and gives kInternal. Two errno values may share one status code, so decide by
// ErrnoOf, not by the code. errno(3).
absl::Status ErrnoStatus(std::string_view operation_and_address, int errno_value);

// Returns the errno that `status` was built from by ErrnoStatus, 0 for every other status.
// Any thread. Survives copies of the status, not a new Status made from its text.
int ErrnoOf(const absl::Status& status);

// Returns the symbolic name, such as "EADDRINUSE", or "E???" for a number unknown here.
// Any thread. The text is static. EAGAIN for EWOULDBLOCK, which is the same number.
std::string_view ErrnoName(int errno_value) noexcept;

// Returns the English description, such as "Address already in use", whatever the locale; "Unknown
// error 9999" for a number unknown here. Any thread, unlike strerror(3).
std::string ErrnoText(int errno_value);

}  // namespace spindle

#endif  // SPINDLE_BASE_ERRNO_STATUS_H_
