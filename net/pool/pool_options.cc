#include "net/pool/pool_options.h"

namespace spindle {

std::string_view AcquireErrorName(AcquireError error) {
  switch (error) {
    case AcquireError::kNone:
      return "none";
    case AcquireError::kTimeout:
      return "timeout";
    case AcquireError::kQueueFull:
      return "queue_full";
    case AcquireError::kCircuitOpen:
      return "circuit_open";
    case AcquireError::kDraining:
      return "draining";
    case AcquireError::kStopped:
      return "stopped";
    case AcquireError::kCancelled:
      break;
  }
  return "cancelled";
}

}  // namespace spindle
