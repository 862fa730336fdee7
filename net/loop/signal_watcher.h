#ifndef SPINDLE_NET_LOOP_SIGNAL_WATCHER_H_
#define SPINDLE_NET_LOOP_SIGNAL_WATCHER_H_

#include <sys/signalfd.h>

#include <initializer_list>
#include <memory>
#include <span>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "net/loop/event_loop.h"

namespace spindle {

// Turns signals into callbacks of a loop, where everything is allowed that is not allowed in a
// signal handler.
//
// Create it on the thread that runs the loop, before threads other than EventLoopThreads (which
// block these signals by themselves) are started: it blocks the signals in its own thread, and a
// signal that another thread leaves unblocked goes there, past the watcher.
//
// Loop thread only, the destructor too; once the loop is gone, the thread that created it.
// Not guaranteed: one callback for each signal, as the kernel merges equal standard signals that
// wait; that two watchers of one signal both see it, as each signal is given to one. signalfd(2).
class SignalWatcher {
 public:
  using Callback = absl::AnyInvocable<void(int signal, const signalfd_siginfo& info)>;

  // `callback` may destroy the watcher. Errors: kInvalidArgument for an empty set, for numbers that
  // are no signals, and for those that cannot be taken this way (SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
  // SIGFPE, SIGILL); EMFILE, ENFILE and ENOMEM of signalfd(2); those of FdWatcher. After an error
  // no signal is blocked that was not before.
  static absl::StatusOr<std::unique_ptr<SignalWatcher>> Create(EventLoop& loop,
                                                               std::span<const int> signals,
                                                               Callback callback);
  static absl::StatusOr<std::unique_ptr<SignalWatcher>> Create(EventLoop& loop,
                                                               std::initializer_list<int> signals,
                                                               Callback callback) {
    return Create(loop, std::span<const int>(signals.begin(), signals.size()), std::move(callback));
  }

  // Unblocks what watchers of this thread have blocked and no other one still wants. A signal that
  // has come in and not been reported then acts as if there had been no watcher.
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  class Impl;
  explicit SignalWatcher(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_SIGNAL_WATCHER_H_
