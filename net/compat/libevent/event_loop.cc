#include <event2/event.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "net/compat/libevent/internal/event_base.h"
#include "net/compat/libevent/internal/log.h"
#include "net/compat/libevent/internal/memory.h"

using namespace spindle::compat;

namespace {

// Whether the loop goes on, or what it returns.
constexpr int kGoOn = 2;

spindle::TimePoint ToTimePoint(Micros when) {
  constexpr Micros kLatest = INT64_MAX / 1000;
  return when > kLatest ? spindle::kNever : spindle::TimePoint(std::chrono::microseconds(when));
}

}  // namespace

// One turn of the EventLoop: what it reports is made active. The lock is held, but for the time in
// which the loop waits. False if the kernel refused to wait.
bool event_base::Wait(bool may_block) {
  descriptors.TakeChanges();
  const Micros earliest = timers.earliest();
  if (may_block && earliest != kNoDeadline) {
    const spindle::TimePoint when = ToTimePoint(earliest);
    if (!alarm->scheduled() || alarm->deadline() != when) host().timers().Add(*alarm, when);
    may_block = earliest > ClockNow();
  } else if (alarm->scheduled()) {
    host().timers().Remove(*alarm);
  }
  ForgetTime();
  waiting = true;
  Unlock(lock);
  const absl::StatusOr<size_t> done =
      loop->RunOnce(may_block ? spindle::WaitMode::kBlock : spindle::WaitMode::kPoll);
  if (!dispatching) Acquire(lock);
  dispatching = false;
  waiting = false;
  notified = false;
  if (!done.ok()) LogWarning("event_base_loop: %s", std::string(done.status().message()).c_str());
  return done.ok();
}

void event_base::TakeTimeouts() {
  if (timers.earliest() == kNoDeadline) return;
  const Micros now = Now();
  while (event* ev = timers.Due(now)) {
    DeleteEvent(ev, DeleteMode::kNoBlock);
    ActivateEvent(ev, EV_TIMEOUT, 1);
  }
}

// A signal's callback runs once for each delivery, unless the event is deleted meanwhile.
void event_base::RunSignal(event* ev) {
  auto& signal = ev->ev_.ev_signal;
  short calls = signal.ev_ncalls;
  if (calls != 0) signal.ev_pncalls = &calls;
  const auto callback = ev->ev_evcallback.evcb_cb_union.evcb_callback;
  Unlock(lock);
  while (calls != 0) {
    --calls;
    signal.ev_ncalls = calls;
    // The callback may free the event after its last call.
    if (calls == 0) signal.ev_pncalls = nullptr;
    callback(ev->ev_fd, ev->ev_res, ev->ev_evcallback.evcb_arg);
    Acquire(lock);
    const bool stop = break_requested;
    Unlock(lock);
    if (!stop) continue;
    if (calls != 0) signal.ev_pncalls = nullptr;
    break;
  }
  Acquire(lock);
}

// Adds the event again before it runs: relative to the time at which it was due, unless that would
// make it late again.
void event_base::RunPersistent(event* ev) {
  const timeval period = ev->ev_.ev_io.ev_timeout;
  if (period.tv_sec != 0 || period.tv_usec != 0) {
    const Micros now = Now();
    const Micros delay = ToMicros(period);
    const Micros from = (ev->ev_res & EV_TIMEOUT) != 0 ? ToMicros(ev->ev_timeout) : now;
    Micros next = 0;
    if (__builtin_add_overflow(from, delay, &next)) next = kNoDeadline;
    if (next < now) next = now + delay;
    timeval at = ToTimeval(next);
    if (timers.IsCommon(period)) at.tv_usec |= period.tv_usec & ~kMicrosMask;
    AddEvent(ev, &at, /*is_absolute=*/true);
  }
  const auto callback = ev->ev_evcallback.evcb_cb_union.evcb_callback;
  const int fd = ev->ev_fd;
  const short result = ev->ev_res;
  void* arg = ev->ev_evcallback.evcb_arg;
  Unlock(lock);
  callback(fd, result, arg);
  Acquire(lock);
}

// Runs one callback, whose memory may be gone afterwards. The lock is held before and after.
void event_base::Run(event_callback* callback) {
  event* ev = ToEvent(callback);
  void* const arg = callback->evcb_arg;
  current = callback;
  waiters = 0;
  switch (ClosureOf(callback)) {
    case Closure::kSignal:
      RunSignal(ev);
      break;
    case Closure::kPersistent:
      RunPersistent(ev);
      break;
    case Closure::kEvent: {
      const auto function = callback->evcb_cb_union.evcb_callback;
      const int fd = ev->ev_fd;
      const short result = ev->ev_res;
      Unlock(lock);
      function(fd, result, arg);
      Acquire(lock);
      break;
    }
    case Closure::kCallback: {
      const auto function = callback->evcb_cb_union.evcb_selfcb;
      Unlock(lock);
      function(callback, arg);
      Acquire(lock);
      break;
    }
    case Closure::kFinalize:
    case Closure::kFinalizeFree: {
      const bool frees = ClosureOf(callback) == Closure::kFinalizeFree;
      const auto function = callback->evcb_cb_union.evcb_evfinalize;
      current = nullptr;
      Unlock(lock);
      if (function != nullptr) function(ev, arg);
      if (frees) Release(ev);
      Acquire(lock);
      break;
    }
    case Closure::kFinalCallback: {
      const auto function = callback->evcb_cb_union.evcb_cbfinalize;
      current = nullptr;
      Unlock(lock);
      function(callback, arg);
      Acquire(lock);
      break;
    }
  }
  current = nullptr;
  if (waiters > 0) {
    waiters = 0;
    Broadcast(callback_done);
  }
}

// Returns how many callbacks ran, or -1 if the loop is to be left.
int event_base::RunQueue(CallbackQueue& queue, int max_callbacks, Micros end) {
  int count = 0;
  while (event_callback* callback = queue.front()) {
    const bool is_event = (callback->evcb_flags & EVLIST_INIT) != 0;
    if (!is_event || (ToEvent(callback)->ev_events & EV_PERSIST) != 0 ||
        (callback->evcb_flags & EVLIST_FINALIZING) != 0) {
      RemoveActive(callback);
    } else {
      DeleteEvent(ToEvent(callback), DeleteMode::kNoBlock);
    }
    if ((callback->evcb_flags & EVLIST_INTERNAL) == 0) ++count;
    Run(callback);
    if (break_requested) return -1;
    if (count >= max_callbacks) return count;
    if (end != kNoDeadline && count > 0) {
      CacheTime();
      if (Now() >= end) return count;
    }
    if (continue_requested) break;
  }
  return count;
}

// Runs the active callbacks of the first priority that has any. Returns as RunQueue.
int event_base::RunActive() {
  Micros end = kNoDeadline;
  if (max_dispatch_time != kNoDeadline) {
    CacheTime();
    end = Now() + max_dispatch_time;
  }
  int count = 0;
  for (size_t priority = 0; priority < active.size(); ++priority) {
    if (active[priority]->empty()) continue;
    running_priority = static_cast<int>(priority);
    count = running_priority < limit_after_priority
                ? RunQueue(*active[priority], INT32_MAX, kNoDeadline)
                : RunQueue(*active[priority], max_dispatch_callbacks, end);
    // Only internal callbacks leave the turn to the next priority.
    if (count != 0) break;
  }
  running_priority = -1;
  return count;
}

// One pass. kGoOn, or what the loop returns.
int event_base::Pass(int loop_flags) {
  continue_requested = false;
  deferred_count = 0;
  if (exit_requested || break_requested) return 0;
  const bool may_block = active_events == 0 && (loop_flags & EVLOOP_NONBLOCK) == 0;
  if (!HasEvents() && active_events == 0 && (loop_flags & EVLOOP_NO_EXIT_ON_EMPTY) == 0) return 1;
  MakeLaterActive();
  if (!Wait(may_block)) return -1;
  CacheTurnTime();
  signals.NoteCaught();
  TakeTimeouts();
  if (active_events > 0) {
    const int count = RunActive();
    if ((loop_flags & EVLOOP_ONCE) != 0 && active_events == 0 && count != 0) return 0;
  } else if ((loop_flags & EVLOOP_NONBLOCK) != 0) {
    return 0;
  }
  return kGoOn;
}

int event_base::Loop(int loop_flags) {
  ScopedLock hold(lock);
  if (running) {
    LogWarning("event_base_loop: the base is running already; one loop at a time for each base");
    return -1;
  }
  running = true;
  owner = pthread_self();
  ForgetTime();
  signals.Claim();
  exit_requested = false;
  break_requested = false;
  int result = kGoOn;
  while (result == kGoOn) result = Pass(loop_flags);
  ForgetTime();
  running = false;
  return result;
}

int event_base_loop(event_base* base, int flags) { return base->Loop(flags); }

int event_base_dispatch(event_base* base) { return event_base_loop(base, 0); }

static void RequestExit(evutil_socket_t, short, void* arg) {
  static_cast<event_base*>(arg)->exit_requested = true;
}

int event_base_loopexit(event_base* base, const timeval* after) {
  return event_base_once(base, -1, EV_TIMEOUT, &RequestExit, base, after);
}

int event_base_loopbreak(event_base* base) {
  if (base == nullptr) return -1;
  ScopedLock lock(base->lock);
  base->break_requested = true;
  base->NotifyLoop();
  return 0;
}

extern "C" int event_base_break(event_base* base) __attribute__((alias("event_base_loopbreak")));

int event_base_loopcontinue(event_base* base) {
  if (base == nullptr) return -1;
  ScopedLock lock(base->lock);
  base->continue_requested = true;
  base->NotifyLoop();
  return 0;
}

int event_base_got_exit(event_base* base) {
  ScopedLock lock(base->lock);
  return base->exit_requested ? 1 : 0;
}

int event_base_got_break(event_base* base) {
  ScopedLock lock(base->lock);
  return base->break_requested ? 1 : 0;
}
