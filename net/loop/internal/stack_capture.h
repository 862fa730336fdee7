#ifndef SPINDLE_NET_LOOP_INTERNAL_STACK_CAPTURE_H_
#define SPINDLE_NET_LOOP_INTERNAL_STACK_CAPTURE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "net/loop/internal/running_callback.h"
#include "net/types/callback_origin.h"

namespace spindle {

// The stack of a callback that was running.
struct CapturedStack {
  static constexpr int kMaxFrames = 48;

  CallbackOrigin origin;
  void* frames[kMaxFrames] = {};  // Program counters, the innermost first.
  int depth = 0;

  // "Innermost() < Caller() < main", named by function_name.h. Not in a signal handler.
  std::string ToString() const;
};

enum class CaptureResult : uint8_t {
  kTaken,
  kOver,      // The callback had ended.
  kNoAnswer,  // The thread did not take the signal: it blocks it, or the kernel holds it.
};

// Chooses the signal, unless that has been done, and installs the handler. Any thread.
// Errors: no real-time signal is free.
absl::Status PrepareStackCapture();

// Has the thread of `running` write down its stack, if it is still in the callback of `count`.
// Waits for that, 200 ms at most unless the handler is at work. One caller at a time, after
// PrepareStackCapture; `running` must live until this returns.
//
// The handler runs on the stuck thread. It only reads what that thread itself has written, walks
// the stack by the unwind tables (backtrace(3), whose library PrepareStackCapture has loaded) and
// posts a semaphore: it takes no lock and no memory, whatever the callback was about.
CaptureResult CaptureStack(const RunningCallback& running, uint64_t count, CapturedStack& stack);

// Lets this thread take the signal, whatever mask it was started with.
void AcceptCaptureSignal();

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_STACK_CAPTURE_H_
