#include "base/errno_status.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include "absl/strings/cord.h"
#include "base/strings.h"

namespace spindle {
namespace {

constexpr absl::string_view kErrnoPayload = "spindle/errno";

// Abseil's table, but for those where a network program would be misled by it.
absl::StatusCode CodeOf(int errno_value) {
  switch (errno_value) {
    case EADDRINUSE:
      return absl::StatusCode::kAlreadyExists;
    case EADDRNOTAVAIL:
      return absl::StatusCode::kFailedPrecondition;
    case EAGAIN:
    case EPIPE:
    case ESHUTDOWN:
      return absl::StatusCode::kUnavailable;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::ErrnoToStatusCode(errno_value);
  }
}

}  // namespace

absl::Status ErrnoStatus(std::string_view operation_and_address, int errno_value) {
  if (errno_value <= 0) {
    return absl::InternalError(Concat(operation_and_address, ": failed with errno ", errno_value));
  }
  absl::Status status(CodeOf(errno_value),
                      Concat(operation_and_address, ": ", ErrnoText(errno_value), " (",
                             ErrnoName(errno_value), ")"));
  status.SetPayload(kErrnoPayload, absl::Cord(Concat(errno_value)));
  return status;
}

int ErrnoOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrnoPayload);
  if (!payload.has_value()) return 0;
  const std::string digits(*payload);
  int value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::string_view ErrnoName(int errno_value) noexcept {
  const char* name = errno_value > 0 ? strerrorname_np(errno_value) : nullptr;
  return name != nullptr ? name : "E???";
}

std::string ErrnoText(int errno_value) {
  const char* text = strerrordesc_np(errno_value);
  return text != nullptr ? text : Concat("Unknown error ", errno_value);
}

}  // namespace spindle
