#ifndef SPINDLE_NET_LOOP_FD_WATCHER_H_
#define SPINDLE_NET_LOOP_FD_WATCHER_H_

#include <memory>
#include <source_location>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "net/loop/event_loop.h"
#include "net/types/interest.h"

namespace spindle {

// What holds for a watched descriptor. Plain data.
struct FdEvents {
  bool readable = false;
  bool writable = false;
  bool peer_closed = false;  // The peer sends no more (EPOLLRDHUP).
  bool priority = false;     // Urgent data (EPOLLPRI).
  bool error = false;        // Reported unasked.
  bool hangup = false;       // Both directions are gone. Reported unasked.
};

// Watches a descriptor that somebody else owns, such as that of another library, on a loop.
//
// Loop thread only, the destructor too; once the loop is gone, any one thread. If the loop is
// destroyed first, the watcher is inert: no callback, and SetInterest fails.
//
// Regular files and other descriptors that epoll refuses count as ready at all times, as poll(2)
// has it. With Trigger::kLevel the callback then runs in every turn and the loop does not sleep
// meanwhile; otherwise it runs once after each SetInterest.
//
// Not guaranteed: that a read or write succeeds because it was announced; keep the descriptor
// non-blocking. epoll(7).
class FdWatcher {
 public:
  // `fd` stays the caller's, who keeps it open for as long as the watcher lives. `callback` may
  // call SetInterest and may destroy the watcher; it is never called inside Create or SetInterest.
  // Errors: EBADF; EEXIST if this loop watches `fd` already; ENOSPC and ENOMEM of epoll_ctl(2);
  // EMFILE for numbers above 2^24 - 1; ECANCELED while the loop is being destroyed.
  static absl::StatusOr<std::unique_ptr<FdWatcher>> Create(
      EventLoop& loop, int fd, Interest interest, Trigger trigger,
      absl::AnyInvocable<void(FdEvents)> callback,
      std::source_location where = std::source_location::current());

  // No callback runs after it has returned, not even for an event that this turn has fetched.
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

  // Watches for `interest` from now on; also arms a one-shot watcher again. Interest::kNone ends
  // all reports, those of errors and hang-ups too, until the next call. Errors as for Create, and
  // nothing is watched after one.
  absl::Status SetInterest(Interest interest, Trigger trigger);

  // kNone also after an error of SetInterest and after the end of the loop.
  Interest interest() const;
  int fd() const;

 private:
  class Slot;
  explicit FdWatcher(std::unique_ptr<Slot> slot);

  const std::unique_ptr<Slot> slot_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_FD_WATCHER_H_
