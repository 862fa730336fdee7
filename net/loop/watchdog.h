#ifndef SPINDLE_NET_LOOP_WATCHDOG_H_
#define SPINDLE_NET_LOOP_WATCHDOG_H_

#include "absl/status/status.h"

namespace spindle {

// A watchdog (EventLoopOptions::watchdog) looks at the stack of a thread that hangs by sending it a
// signal, whose handler writes the stack down. Without this call it takes the highest real-time
// signal that has no handler when the first loop with a watchdog is made; this call names another.
// For programs that use real-time signals themselves, before the first such loop. Any thread.
//
// The handler stays installed for the life of the process, and ignores signals that the watchdog
// has not sent. Errors: a signal that cannot be handled or is of a fault, one that has a handler,
// and any call after the choice was made.
absl::Status SetWatchdogSignal(int signal);

// The signal that was chosen; 0 until then. Any thread.
int WatchdogSignal();

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_WATCHDOG_H_
