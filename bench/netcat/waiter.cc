#include "bench/netcat/waiter.h"

#include <errno.h>

#include <memory>

#include "absl/status/statusor.h"
#include "base/errno_status.h"
#include "bench/load/run_until.h"
#include "net/loop/fd_watcher.h"

namespace spindle::bench {

absl::Status Waiter::Until(absl::FunctionRef<bool()> done, TimePoint deadline) {
  if (interrupted_()) return absl::CancelledError("interrupted");
  const absl::Status status = RunUntil(
      loop_, [&] { return done() || interrupted_(); }, deadline);
  if (!status.ok()) return status;
  if (done()) return absl::OkStatus();
  if (interrupted_()) return absl::CancelledError("interrupted");
  return ErrnoStatus("wait", ETIMEDOUT);
}

absl::Status Waiter::ForFd(int fd, Interest interest, TimePoint deadline) {
  bool ready = false;
  const absl::StatusOr<std::unique_ptr<FdWatcher>> watcher = FdWatcher::Create(
      loop_, fd, interest, Trigger::kOneShot, [&ready](FdEvents) { ready = true; });
  if (!watcher.ok()) return watcher.status();
  return Until([&ready] { return ready; }, deadline);
}

absl::Status Waiter::Pause(Duration delay) {
  const absl::Status status = Until([] { return false; }, SaturatingAdd(loop_.Now(), delay));
  return ErrnoOf(status) == ETIMEDOUT ? absl::OkStatus() : status;
}

}  // namespace spindle::bench
