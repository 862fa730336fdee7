#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVENT_BASE_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVENT_BASE_H_

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/backend/io_backend.h"
#include "net/compat/libevent/internal/descriptors.h"
#include "net/compat/libevent/internal/lock.h"
#include "net/compat/libevent/internal/queues.h"
#include "net/compat/libevent/internal/signals.h"
#include "net/compat/libevent/internal/timers.h"
#include "net/loop/event_loop.h"
#include "net/loop/io_host.h"
#include "net/loop/timer_queue.h"

namespace spindle::compat {

// What event_callback::evcb_closure says about the callback.
enum class Closure : uint8_t {
  kEvent,         // an event
  kSignal,        // an event, called once for each delivery
  kPersistent,    // an event that is added again before it is called
  kCallback,      // no event: evcb_selfcb
  kFinalize,      // an event's finalizer
  kFinalizeFree,  // the same; the event is freed after it
  kFinalCallback  // no event: evcb_cbfinalize
};

// Which waiting event_del() does for a callback that runs on another thread.
enum class DeleteMode : uint8_t { kNoBlock, kAuto, kBlock, kEvenIfFinalizing };

// What fills the heap of a loop's alarm: rings to end a wait, and nothing else.
class Alarm final : public TimerEntry {
 private:
  void OnTimer() override {}
};

struct OnceEvent;

}  // namespace spindle::compat

struct event_config {
  std::vector<std::string> avoided;
  int required_features = 0;
  int flags = 0;
  int cpus_hint = 0;
  spindle::compat::Micros max_dispatch_time = spindle::compat::kNoDeadline;
  int max_dispatch_callbacks = INT32_MAX;
  int limit_after_priority = 1;
};

// One loop: an EventLoop that waits, and the queues of callbacks that are due.
//
// A pass waits for one turn of the loop, marks what has come as active, and runs active callbacks
// in the order of their priorities. Nothing of the program runs inside a turn.
//
// Everything is guarded by `lock`, which is null for a base made before locking was set up and then
// belongs to one thread. The lock is not held while the program's callbacks run nor while the loop
// waits; in that time `waiting` is set, and the loop's own tables are its thread's.
struct event_base {
  using Closure = spindle::compat::Closure;
  using Micros = spindle::compat::Micros;

  event_base(const event_config* config, const char* method, int features);
  ~event_base();
  event_base(const event_base&) = delete;
  event_base& operator=(const event_base&) = delete;

  // Makes the loop. False on failure.
  bool Open();

  // ---- Time.
  Micros Now();          // Of the pass, if its callbacks are running.
  Micros ClockNow();     // Read afresh.
  void CacheTime();      // From the clock.
  void CacheTurnTime();  // From the turn of the loop, which has read it after the wait.
  void ForgetTime() { cached_now = 0; }
  timeval WallTime(Micros monotonic);

  // ---- Active callbacks. The lock is held.
  size_t priorities() const { return active.size(); }
  void InsertActive(event_callback* callback);
  void RemoveActive(event_callback* callback);
  // Due in this pass, or in the one that runs. False if it is due already, or being finalized.
  bool Activate(event_callback* callback);
  // Due in the next pass.
  bool ActivateLater(event_callback* callback);
  // Takes it out of all queues, an event also out of what it waits for.
  void CancelCallback(event_callback* callback);
  void MakeLaterActive();

  // ---- Counts of pending and active events, for the end of the loop and for the curious.
  void CountAdded(int flags, int change);
  void CountActive(int change);
  bool HasEvents() const { return added_count > 0 || virtual_count > 0; }

  // ---- Running.
  int Loop(int flags);
  // Wakes the loop if it may wait on another thread.
  void NotifyLoop();
  bool InLoopThread() const { return !running || pthread_equal(owner, pthread_self()) != 0; }
  // Whether this thread may use the loop's tables.
  bool MayTouchLoop() const { return !waiting || InLoopThread(); }
  // Called by slots in the turn: takes the lock for the rest of it.
  void EnterDispatch();

  spindle::IoHost& host() { return spindle::IoHost::Of(*loop); }

  void* lock = nullptr;
  void* callback_done = nullptr;  // A condition: the running callback has returned.
  const char* const method;
  const int features;
  const int flags;
  const bool files_allowed;  // What epoll refuses counts as ready.

  std::unique_ptr<spindle::EventLoop> loop;
  std::shared_ptr<spindle::Waker> waker;
  std::unique_ptr<spindle::compat::Alarm> alarm;
  spindle::compat::Timers timers;
  spindle::compat::Descriptors descriptors{*this};
  spindle::compat::Signals signals{*this};

  // One queue for each priority.
  std::vector<std::unique_ptr<spindle::compat::CallbackQueue>> active;
  spindle::compat::CallbackQueue later;
  size_t active_count = 0;  // Callbacks in `active`.
  int deferred_count = 0;   // Deferred callbacks made active in this pass.

  int added_count = 0;
  int added_max = 0;
  int active_events = 0;  // Entries of `active` and `later`.
  int active_max = 0;
  int virtual_count = 0;
  int virtual_max = 0;

  bool running = false;
  bool waiting = false;
  bool dispatching = false;  // A slot has taken the lock in this turn.
  bool notified = false;     // A wake-up is on its way.
  bool exit_requested = false;
  bool break_requested = false;
  bool continue_requested = false;
  pthread_t owner = {};
  event_callback* current = nullptr;  // The one whose callback runs.
  int waiters = 0;                    // Threads that wait for its end.
  int running_priority = -1;

  Micros cached_now = 0;
  Micros wall_offset = 0;
  Micros wall_offset_read = INT64_MIN;  // When, on the monotonic clock.

  const Micros max_dispatch_time;
  const int max_dispatch_callbacks;
  const int limit_after_priority;

  spindle::compat::OnceEvent* once_events = nullptr;

 private:
  int Pass(int flags);
  bool Wait(bool may_block);
  void TakeTimeouts();
  int RunActive();
  int RunQueue(spindle::compat::CallbackQueue& queue, int max_callbacks, Micros end);
  void Run(event_callback* callback);
  void RunSignal(event* ev);
  void RunPersistent(event* ev);
};

namespace spindle::compat {

inline event* ToEvent(event_callback* callback) {
  return reinterpret_cast<event*>(callback);  // Its first member.
}
inline event_callback* ToCallback(event* ev) { return &ev->ev_evcallback; }
inline const event_callback* ToCallback(const event* ev) { return &ev->ev_evcallback; }
inline short& FlagsOf(event* ev) { return ev->ev_evcallback.evcb_flags; }
inline bool HasFlag(const event* ev, int flags) {
  return (ev->ev_evcallback.evcb_flags & flags) != 0;
}
inline void SetFlag(event_callback* callback, int flags) {
  callback->evcb_flags = static_cast<short>(callback->evcb_flags | flags);
}
inline void ClearFlag(event_callback* callback, int flags) {
  callback->evcb_flags = static_cast<short>(callback->evcb_flags & ~flags);
}
inline Closure ClosureOf(const event_callback* callback) {
  return static_cast<Closure>(callback->evcb_closure);
}

// The work behind the public functions; the lock of the base is held.
int AddEvent(event* ev, const timeval* timeout, bool is_absolute);
int DeleteEvent(event* ev, DeleteMode mode);
void ActivateEvent(event* ev, int result, short count);
int RemoveTimer(event* ev);

// The base of event_init().
event_base*& CurrentBase();

// Calls `visit` for each event of `base` until it returns something else than 0, and returns that.
// The lock is held.
int ForEachEvent(event_base& base, const std::function<int(event*)>& visit);

// Before the end of a base: nothing is pending or active any more.
void CancelAll(event_base& base, bool run_finalizers);
void FreeOnceEvents(event_base& base);

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVENT_BASE_H_
