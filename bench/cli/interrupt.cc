#include "bench/cli/interrupt.h"

#include <signal.h>

#include <utility>

namespace spindle::bench {

absl::StatusOr<std::unique_ptr<Interrupt>> Interrupt::Watch(EventLoop& loop,
                                                            absl::AnyInvocable<void()> on_signal) {
  std::unique_ptr<Interrupt> interrupt(new Interrupt);
  absl::StatusOr<std::unique_ptr<SignalWatcher>> watcher = SignalWatcher::Create(
      loop, {SIGINT, SIGTERM},
      [self = interrupt.get(), on_signal = std::move(on_signal)](int,
                                                                 const signalfd_siginfo&) mutable {
        self->requested_ = true;
        absl::AnyInvocable<void()> callback = std::move(on_signal);
        self->watcher_.reset();  // Destroys this lambda; the next signal has its default effect.
        if (callback) callback();
      });
  if (!watcher.ok()) return watcher.status();
  interrupt->watcher_ = *std::move(watcher);
  return interrupt;
}

}  // namespace spindle::bench
