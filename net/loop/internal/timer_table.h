#ifndef SPINDLE_NET_LOOP_INTERNAL_TIMER_TABLE_H_
#define SPINDLE_NET_LOOP_INTERNAL_TIMER_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <source_location>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "base/syscalls.h"
#include "net/loop/timer.h"
#include "net/loop/timer_queue.h"

namespace spindle {

// The timers that users set: callbacks with ids, over the loop's TimerQueue.
//
// Invariant: a slot's generation changes whenever its timer ends (ran for the last time or was
// cancelled), and a slot whose generations are used up is not used again; so an id names at most
// one timer, ever.
//
// Loop thread only. Callbacks that have not run are destroyed with the table.
class TimerTable {
 public:
  // As many as fit into an id.
  static constexpr uint64_t kLastGeneration = (uint64_t{1} << 40) - 1;

  // `queue` and `clock` must outlive the table. Tests start at a later generation.
  TimerTable(TimerQueue& queue, Syscalls& clock, uint64_t first_generation = 1);
  ~TimerTable();

  // `period` of zero: once. Otherwise again at when + k * period; turns that come late catch up
  // with one call and go on in step.
  TimerId Add(TimePoint when, Duration period, absl::AnyInvocable<void()> callback,
              std::source_location where);
  // True if the timer was waiting, or is a periodic one running now: it will not run again.
  bool Cancel(TimerId id);
  size_t live() const { return live_; }

  // Destroys all callbacks, unrun; from now on Add does so at once and returns an invalid id.
  void Close();

 private:
  class Slot;
  void Free(Slot& slot);

  TimerQueue& queue_;
  Syscalls& clock_;
  const uint64_t first_generation_;
  std::deque<Slot> slots_;  // Stable addresses.
  std::vector<uint32_t> free_;
  size_t live_ = 0;
  bool closed_ = false;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_TIMER_TABLE_H_
