#ifndef SPINDLE_NET_LOOP_INTERNAL_WATCHED_LOOP_H_
#define SPINDLE_NET_LOOP_INTERNAL_WATCHED_LOOP_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/live_counter.h"
#include "net/loop/internal/running_callback.h"

namespace spindle {

// One loop under the watch of the process's watchdog: a thread that there is as long as one of
// these lives. It looks four times in the limit whether the callback is still the same; one that
// has run for longer is logged with its stack, again when it has run for twice as long, four times
// and so on; and each loop one line a second at most.
//
// A thread that sleeps in the kernel within such a callback sees the signal as it sees any other:
// poll(2), nanosleep(2) and the others of signal(7) end with EINTR.
//
// Made and destroyed on any thread.
class WatchedLoop : private LiveCounted<WatchedLoop> {
 public:
  // Errors: no free signal (watchdog.h); EAGAIN: no thread.
  static absl::StatusOr<std::unique_ptr<WatchedLoop>> Start(std::string loop_name, Duration limit);
  ~WatchedLoop();
  WatchedLoop(const WatchedLoop&) = delete;
  WatchedLoop& operator=(const WatchedLoop&) = delete;

  // A turn begins. Loop thread only, as the next.
  void BeginTurn() {
    if (running_.NoteThread(process_)) [[unlikely]]
      AcceptSignal();
  }
  RunningCallback& running() { return running_; }

 private:
  friend class WatchdogThread;
  WatchedLoop(std::string loop_name, Duration limit);
  static void AcceptSignal();

  // What is to be done, by the watchdog's thread alone.
  struct Sight {
    uint64_t count = 0;   // Of the last look.
    TimePoint since;      // From when on it was that.
    Duration report{0};   // After how long the callback is reported.
    TimePoint may_log{};  // Not before.
    uint64_t unsaid = 0;  // Reports left out since the last one.
  };

  const std::string name_;
  const Duration limit_;
  const pid_t process_;  // A child of fork does not watch its parent's loops.
  bool added_ = false;
  RunningCallback running_;
  Sight sight_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_WATCHED_LOOP_H_
