#ifndef SPINDLE_NET_LOOP_INTERNAL_CALLBACK_WATCH_H_
#define SPINDLE_NET_LOOP_INTERNAL_CALLBACK_WATCH_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/syscalls.h"
#include "net/loop/internal/watched_loop.h"
#include "net/loop/loop_stats.h"
#include "net/loop/slow_callback.h"
#include "net/types/callback_origin.h"

namespace spindle {

// Measures each callback of a loop, and remembers and logs those that take long. One read of the
// clock for each callback: what lies between two of them, which is the loop's own work, counts for
// the second. Also tells a watchdog what runs.
//
// Loop thread only.
class CallbackWatch {
 public:
  static constexpr size_t kRemembered = 64;

  // `limit` zero: nothing is measured. `watchdog` may be null. `stats` and `clock` must outlive it.
  CallbackWatch(std::string loop_name, Duration limit, std::unique_ptr<WatchedLoop> watchdog,
                LoopStats& stats, Syscalls& clock)
      : loop_name_(std::move(loop_name)),
        limit_(limit),
        watchdog_(std::move(watchdog)),
        stats_(stats),
        clock_(clock) {}

  // A turn begins with `found` events.
  void BeginTurn(TimePoint now, size_t found);
  // Runs a callback, measured by `watch` unless it is null. `origin` is asked for before, as its
  // owner may be gone afterwards, and so is `waiting`: how many more events of this turn come after
  // it.
  template <typename Origin, typename Call, typename Waiting>
  static void Run(CallbackWatch* watch, Origin origin, Call call, Waiting waiting) {
    if (watch == nullptr) [[likely]] {
      call();
    } else {
      const CallbackOrigin whose = origin();
      const size_t others = waiting();
      if (watch->watchdog_ != nullptr) watch->watchdog_->running().Begin(whose);
      call();
      watch->Ran(whose, others);
    }
  }
  template <typename Origin, typename Call>
  static void Run(CallbackWatch* watch, Origin origin, Call call) {
    Run(watch, origin, call, [] { return size_t{0}; });
  }

  // The latest, oldest first.
  std::vector<SlowCallback> Latest() const { return {latest_.begin(), latest_.end()}; }

 private:
  void Ran(const CallbackOrigin& origin, size_t waiting);
  // Logs what the turn before has left, now that it is known who has waited.
  void Report(size_t found);

  const std::string loop_name_;
  const Duration limit_;
  const std::unique_ptr<WatchedLoop> watchdog_;
  LoopStats& stats_;
  Syscalls& clock_;
  TimePoint last_;  // The end of the callback before, or the begin of the turn.
  std::deque<SlowCallback> latest_;
  size_t unreported_ = 0;  // The last so many of latest_: of this turn.
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_CALLBACK_WATCH_H_
