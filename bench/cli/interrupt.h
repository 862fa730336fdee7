#ifndef SPINDLE_BENCH_CLI_INTERRUPT_H_
#define SPINDLE_BENCH_CLI_INTERRUPT_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "net/loop/event_loop.h"
#include "net/loop/signal_watcher.h"

namespace spindle::bench {

// SIGINT and SIGTERM as a request to end: the first one is noted, the second one kills the process.
// Made before threads are started. Loop thread only.
class Interrupt {
 public:
  // `on_signal`, if given, runs once, in a callback of the loop. Errors: those of SignalWatcher.
  static absl::StatusOr<std::unique_ptr<Interrupt>> Watch(
      EventLoop& loop, absl::AnyInvocable<void()> on_signal = nullptr);

  bool requested() const { return requested_; }

 private:
  Interrupt() = default;

  std::unique_ptr<SignalWatcher> watcher_;  // Until the first signal.
  bool requested_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_INTERRUPT_H_
