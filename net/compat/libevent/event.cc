#include <event2/event.h>

#include <cstring>

#include "net/compat/libevent/internal/debug.h"
#include "net/compat/libevent/internal/event_base.h"
#include "net/compat/libevent/internal/log.h"
#include "net/compat/libevent/internal/memory.h"

using namespace spindle::compat;

namespace {

constexpr short kDescriptorEvents = EV_READ | EV_WRITE | EV_CLOSED;

// Its address stands for "the event itself".
char self_argument;

// Takes what is left of a signal's calls away from the callback that runs.
void StopSignalCalls(event* ev) {
  if ((ev->ev_events & EV_SIGNAL) == 0) return;
  auto& signal = ev->ev_.ev_signal;
  if (signal.ev_ncalls == 0 || signal.ev_pncalls == nullptr) return;
  *signal.ev_pncalls = 0;
  // The counter lives as long as the calls.
  signal.ev_ncalls = 0;
  signal.ev_pncalls = nullptr;
}

// The callback of `ev` runs on another thread, which is the loop's.
bool RunsElsewhere(const event_base& base, const event* ev) {
  return base.current == ToCallback(ev) && !base.InLoopThread();
}

void AwaitCallback(event_base& base) {
  ++base.waiters;
  WaitOn(base.callback_done, base.lock);
}

int Insert(event* ev) {
  event_base& base = *ev->ev_base;
  int result = 0;
  if ((ev->ev_events & kDescriptorEvents) != 0) {
    result = base.descriptors.Add(ev);
  } else if ((ev->ev_events & EV_SIGNAL) != 0) {
    result = base.signals.Add(ev);
  }
  if (result < 0) return result;
  SetFlag(ToCallback(ev), EVLIST_INSERTED);
  base.CountAdded(FlagsOf(ev), 1);
  return result;
}

int Withdraw(event* ev) {
  event_base& base = *ev->ev_base;
  base.CountAdded(FlagsOf(ev), -1);
  ClearFlag(ToCallback(ev), EVLIST_INSERTED);
  if ((ev->ev_events & kDescriptorEvents) != 0) return base.descriptors.Remove(ev);
  return base.signals.Remove(ev);
}

void RemoveTimeout(event* ev) {
  event_base& base = *ev->ev_base;
  base.CountAdded(FlagsOf(ev), -1);
  ClearFlag(ToCallback(ev), EVLIST_TIMEOUT);
  base.timers.Remove(ev);
}

// Sets the timeout. True if the loop waits too long for it.
bool InsertTimeout(event* ev, const timeval& timeout, bool is_absolute) {
  event_base& base = *ev->ev_base;
  if (ClosureOf(ToCallback(ev)) == Closure::kPersistent && !is_absolute) {
    ev->ev_.ev_io.ev_timeout = timeout;
  }
  if (HasFlag(ev, EVLIST_TIMEOUT)) RemoveTimeout(ev);
  // A timeout that is due and has not been reported yet is forgotten.
  if (HasFlag(ev, EVLIST_ACTIVE) && (ev->ev_res & EV_TIMEOUT) != 0) {
    StopSignalCalls(ev);
    base.RemoveActive(ToCallback(ev));
  }
  const bool is_common = base.timers.IsCommon(timeout);
  if (is_absolute) {
    ev->ev_timeout = timeout;
  } else {
    Micros when = 0;
    if (__builtin_add_overflow(base.Now(), ToMicros(timeout), &when)) when = kNoDeadline;
    ev->ev_timeout = ToTimeval(when);
    if (is_common) ev->ev_timeout.tv_usec |= timeout.tv_usec & ~kMicrosMask;
  }
  const Micros before = base.timers.earliest();
  SetFlag(ToCallback(ev), EVLIST_TIMEOUT);
  base.CountAdded(FlagsOf(ev), 1);
  base.timers.Add(ev);
  return base.timers.earliest() < before;
}

}  // namespace

namespace spindle::compat {

int AddEvent(event* ev, const timeval* timeout, bool is_absolute) {
  DebugCheckAssigned(ev, "event_add");
  event_base& base = *ev->ev_base;
  if (HasFlag(ev, EVLIST_FINALIZING)) return -1;
  // The callback that runs counts down in the event.
  if ((ev->ev_events & EV_SIGNAL) != 0 && RunsElsewhere(base, ev)) AwaitCallback(base);
  int result = 0;
  bool notify = false;
  if ((ev->ev_events & (kDescriptorEvents | EV_SIGNAL)) != 0 &&
      !HasFlag(ev, EVLIST_INSERTED | EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) {
    result = Insert(ev);
    if (result < 0) return result;
    notify = result == 1;
  }
  if (timeout != nullptr && InsertTimeout(ev, *timeout, is_absolute)) notify = true;
  if (notify) base.NotifyLoop();
  DebugNoteAdded(ev);
  return 0;
}

int DeleteEvent(event* ev, DeleteMode mode) {
  event_base* base = ev->ev_base;
  if (base == nullptr) return -1;
  if (mode != DeleteMode::kEvenIfFinalizing && HasFlag(ev, EVLIST_FINALIZING)) return 0;
  StopSignalCalls(ev);
  if (HasFlag(ev, EVLIST_TIMEOUT)) RemoveTimeout(ev);
  if (HasFlag(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) base->RemoveActive(ToCallback(ev));
  int result = 0;
  bool notify = false;
  if (HasFlag(ev, EVLIST_INSERTED)) {
    result = Withdraw(ev);
    notify = result == 1;
    if (notify) result = 0;
    // The loop may have nothing left to wait for.
    if (!base->HasEvents() && base->active_events == 0) notify = true;
  }
  if (notify) base->NotifyLoop();
  DebugNoteDeleted(ev);
  if (mode != DeleteMode::kNoBlock && RunsElsewhere(*base, ev) &&
      (mode == DeleteMode::kBlock || (ev->ev_events & EV_FINALIZE) == 0)) {
    AwaitCallback(*base);
  }
  return result;
}

void ActivateEvent(event* ev, int result, short count) {
  event_base& base = *ev->ev_base;
  if (HasFlag(ev, EVLIST_FINALIZING)) return;
  if (HasFlag(ev, EVLIST_ACTIVE)) {
    ev->ev_res = static_cast<short>(ev->ev_res | result);
    return;
  }
  if (HasFlag(ev, EVLIST_ACTIVE_LATER)) {
    ev->ev_res = static_cast<short>(ev->ev_res | result);
  } else {
    ev->ev_res = static_cast<short>(result);
  }
  // Something more urgent than what runs now.
  if (ev->ev_evcallback.evcb_pri < base.running_priority) base.continue_requested = true;
  if ((ev->ev_events & EV_SIGNAL) != 0) {
    if (RunsElsewhere(base, ev)) AwaitCallback(base);
    ev->ev_.ev_signal.ev_ncalls = count;
    ev->ev_.ev_signal.ev_pncalls = nullptr;
  }
  base.Activate(ToCallback(ev));
}

int RemoveTimer(event* ev) {
  if (HasFlag(ev, EVLIST_TIMEOUT)) {
    RemoveTimeout(ev);
    timerclear(&ev->ev_.ev_io.ev_timeout);
  }
  return 0;
}

}  // namespace spindle::compat

void* event_self_cbarg() { return &self_argument; }

int event_assign(event* ev, event_base* base, evutil_socket_t fd, short events,
                 event_callback_fn callback, void* arg) {
  if (base == nullptr) base = CurrentBase();
  if (arg == &self_argument) arg = ev;
  DebugCheckNotAdded(ev, "event_assign");
  ev->ev_base = base;
  ev->ev_evcallback.evcb_cb_union.evcb_callback = callback;
  ev->ev_evcallback.evcb_arg = arg;
  ev->ev_fd = fd;
  ev->ev_events = events;
  ev->ev_res = 0;
  ev->ev_evcallback.evcb_flags = EVLIST_INIT;
  ev->ev_.ev_signal.ev_ncalls = 0;
  ev->ev_.ev_signal.ev_pncalls = nullptr;
  Closure closure = Closure::kEvent;
  if ((events & EV_SIGNAL) != 0) {
    if ((events & kDescriptorEvents) != 0) {
      LogWarning("event_assign: EV_SIGNAL goes with none of EV_READ, EV_WRITE and EV_CLOSED");
      return -1;
    }
    closure = Closure::kSignal;
  } else if ((events & EV_PERSIST) != 0) {
    timerclear(&ev->ev_.ev_io.ev_timeout);
    closure = Closure::kPersistent;
  }
  ev->ev_evcallback.evcb_closure = static_cast<ev_uint8_t>(closure);
  ev->ev_timeout_pos.min_heap_idx = -1;
  if (base != nullptr) {
    ev->ev_evcallback.evcb_pri = static_cast<ev_uint8_t>(base->priorities() / 2);
  }
  DebugNoteUse();
  DebugNoteAssigned(ev);
  return 0;
}

int event_base_set(event_base* base, event* ev) {
  if (ev->ev_evcallback.evcb_flags != EVLIST_INIT) return -1;
  DebugCheckAssigned(ev, "event_base_set");
  ev->ev_base = base;
  ev->ev_evcallback.evcb_pri = static_cast<ev_uint8_t>(base->priorities() / 2);
  return 0;
}

event* event_new(event_base* base, evutil_socket_t fd, short events, event_callback_fn callback,
                 void* arg) {
  auto* ev = static_cast<event*>(Allocate(sizeof(event)));
  if (ev == nullptr) return nullptr;
  if (event_assign(ev, base, fd, events, callback, arg) == 0) return ev;
  Release(ev);
  return nullptr;
}

void event_free(event* ev) {
  DebugCheckAssigned(ev, "event_free");
  event_del(ev);
  DebugNoteGone(ev);
  Release(ev);
}

void event_debug_unassign(event* ev) {
  DebugCheckNotAdded(ev, "event_debug_unassign");
  DebugNoteGone(ev);
  ev->ev_evcallback.evcb_flags = static_cast<short>(ev->ev_evcallback.evcb_flags & ~EVLIST_INIT);
}

int event_add(event* ev, const timeval* timeout) {
  if (ev->ev_base == nullptr) {
    LogWarning("event_add: the event belongs to no base");
    return -1;
  }
  ScopedLock lock(ev->ev_base->lock);
  return AddEvent(ev, timeout, /*is_absolute=*/false);
}

int event_remove_timer(event* ev) {
  if (ev->ev_base == nullptr) {
    LogWarning("event_remove_timer: the event belongs to no base");
    return -1;
  }
  ScopedLock lock(ev->ev_base->lock);
  DebugCheckAssigned(ev, "event_remove_timer");
  return RemoveTimer(ev);
}

static int Delete(event* ev, DeleteMode mode) {
  if (ev->ev_base == nullptr) {
    LogWarning("event_del: the event belongs to no base");
    return -1;
  }
  ScopedLock lock(ev->ev_base->lock);
  DebugCheckAssigned(ev, "event_del");
  return DeleteEvent(ev, mode);
}

int event_del(event* ev) { return Delete(ev, DeleteMode::kAuto); }

int event_del_block(event* ev) { return Delete(ev, DeleteMode::kBlock); }

int event_del_noblock(event* ev) { return Delete(ev, DeleteMode::kNoBlock); }

void event_active(event* ev, int res, short ncalls) {
  if (ev->ev_base == nullptr) {
    LogWarning("event_active: the event belongs to no base");
    return;
  }
  ScopedLock lock(ev->ev_base->lock);
  DebugCheckAssigned(ev, "event_active");
  ActivateEvent(ev, res, ncalls);
}

int event_priority_set(event* ev, int priority) {
  DebugCheckAssigned(ev, "event_priority_set");
  if (HasFlag(ev, EVLIST_ACTIVE)) return -1;
  if (priority < 0 || static_cast<size_t>(priority) >= ev->ev_base->priorities()) return -1;
  ev->ev_evcallback.evcb_pri = static_cast<ev_uint8_t>(priority);
  return 0;
}
