#include <event2/event.h>
#include <sys/time.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "net/compat/libevent/internal/debug.h"
#include "net/compat/libevent/internal/event_base.h"
#include "net/compat/libevent/internal/log.h"

namespace spindle::compat {
namespace {

constexpr short kAllEvents = EV_TIMEOUT | EV_READ | EV_WRITE | EV_CLOSED | EV_SIGNAL;

void PrintName(FILE* out, const event* ev) {
  std::fprintf(out, "  %p [%s %d]", static_cast<const void*>(ev),
               (ev->ev_events & EV_SIGNAL) != 0 ? "sig" : "fd ", ev->ev_fd);
}

void PrintSet(FILE* out, int events) {
  constexpr struct {
    int bit;
    const char* name;
  } kNames[] = {{EV_READ, " Read"},      {EV_WRITE, " Write"},     {EV_CLOSED, " EOF"},
                {EV_SIGNAL, " Signal"},  {EV_PERSIST, " Persist"}, {EV_ET, " ET"},
                {EV_TIMEOUT, " Timeout"}};
  for (const auto& [bit, name] : kNames) {
    if ((events & bit) != 0) std::fputs(name, out);
  }
}

void PrintPending(event_base& base, FILE* out, const event* ev) {
  PrintName(out, ev);
  PrintSet(out, ev->ev_events);
  if (HasFlag(ev, EVLIST_INTERNAL)) std::fputs(" Internal", out);
  if (HasFlag(ev, EVLIST_TIMEOUT)) {
    const timeval when = base.WallTime(ToMicros(ev->ev_timeout));
    std::fprintf(out, " Timeout=%ld.%06ld", static_cast<long>(when.tv_sec),
                 static_cast<long>(when.tv_usec));
  }
  std::fputc('\n', out);
}

void PrintActive(FILE* out, const event* ev) {
  PrintName(out, ev);
  std::fprintf(out, ", priority=%d", static_cast<int>(ev->ev_evcallback.evcb_pri));
  PrintSet(out, ev->ev_res);
  std::fputs(" active", out);
  if (HasFlag(ev, EVLIST_INTERNAL)) std::fputs(" [Internal]", out);
  if (HasFlag(ev, EVLIST_ACTIVE_LATER)) std::fputs(" [NextTime]", out);
  std::fputc('\n', out);
}

}  // namespace

int ForEachEvent(event_base& base, const std::function<int(event*)>& visit) {
  int result = base.descriptors.ForEach(visit);
  if (result == 0) result = base.signals.ForEach(visit);
  if (result == 0) {
    result = base.timers.ForEach(
        [&](event* ev) { return HasFlag(ev, EVLIST_INSERTED) ? 0 : visit(ev); });
  }
  for (size_t i = 0; result == 0 && i < base.active.size(); ++i) {
    for (event_callback* callback = base.active[i]->front(); result == 0 && callback != nullptr;
         callback = CallbackQueue::Next(callback)) {
      constexpr int kSeen = EVLIST_INSERTED | EVLIST_TIMEOUT;
      if ((callback->evcb_flags & (EVLIST_INIT | kSeen)) != EVLIST_INIT) continue;
      result = visit(ToEvent(callback));
    }
  }
  return result;
}

}  // namespace spindle::compat

using namespace spindle::compat;

int event_base_foreach_event(event_base* base, event_base_foreach_event_cb fn, void* arg) {
  if (fn == nullptr || base == nullptr) return -1;
  ScopedLock lock(base->lock);
  return ForEachEvent(*base, [&](event* ev) { return fn(base, ev, arg); });
}

void event_base_dump_events(event_base* base, FILE* output) {
  ScopedLock lock(base->lock);
  std::fputs("Inserted events:\n", output);
  ForEachEvent(*base, [&](event* ev) {
    if (HasFlag(ev, EVLIST_INSERTED | EVLIST_TIMEOUT)) PrintPending(*base, output, ev);
    return 0;
  });
  std::fputs("Active events:\n", output);
  ForEachEvent(*base, [&](event* ev) {
    if (HasFlag(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) PrintActive(output, ev);
    return 0;
  });
}

void event_base_active_by_fd(event_base* base, evutil_socket_t fd, short events) {
  ScopedLock lock(base->lock);
  base->descriptors.Activate(fd, events & (EV_READ | EV_WRITE | EV_CLOSED));
  if ((events & EV_TIMEOUT) == 0) return;
  // A timeout is reported to those that wait for the descriptor and for a timeout.
  std::vector<event*> due;
  base->timers.ForEach([&](event* ev) {
    if (ev->ev_fd == fd) due.push_back(ev);
    return 0;
  });
  for (event* ev : due) ActivateEvent(ev, EV_TIMEOUT, 1);
}

void event_base_active_by_signal(event_base* base, int sig) {
  ScopedLock lock(base->lock);
  base->signals.Activate(sig, 1);
}

int event_base_get_num_events(event_base* base, unsigned kinds) {
  ScopedLock lock(base->lock);
  int sum = 0;
  if ((kinds & EVENT_BASE_COUNT_ACTIVE) != 0) sum += base->active_events;
  if ((kinds & EVENT_BASE_COUNT_VIRTUAL) != 0) sum += base->virtual_count;
  if ((kinds & EVENT_BASE_COUNT_ADDED) != 0) sum += base->added_count;
  return sum;
}

int event_base_get_max_events(event_base* base, unsigned kinds, int clear) {
  ScopedLock lock(base->lock);
  int sum = 0;
  if ((kinds & EVENT_BASE_COUNT_ACTIVE) != 0) {
    sum += base->active_max;
    if (clear != 0) base->active_max = 0;
  }
  if ((kinds & EVENT_BASE_COUNT_VIRTUAL) != 0) {
    sum += base->virtual_max;
    if (clear != 0) base->virtual_max = 0;
  }
  if ((kinds & EVENT_BASE_COUNT_ADDED) != 0) {
    sum += base->added_max;
    if (clear != 0) base->added_max = 0;
  }
  return sum;
}

event* event_base_get_running_event(event_base* base) {
  ScopedLock lock(base->lock);
  if (!base->running || !base->InLoopThread() || base->current == nullptr) return nullptr;
  const bool is_event = (base->current->evcb_flags & EVLIST_INIT) != 0;
  return is_event ? ToEvent(base->current) : nullptr;
}

int event_pending(const event* ev, short events, timeval* tv) {
  if (ev->ev_base == nullptr) {
    LogWarning("event_pending: the event belongs to no base");
    return 0;
  }
  ScopedLock lock(ev->ev_base->lock);
  DebugCheckAssigned(ev, "event_pending");
  int found = 0;
  if (HasFlag(ev, EVLIST_INSERTED)) found |= ev->ev_events & (kAllEvents & ~EV_TIMEOUT);
  if (HasFlag(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) found |= ev->ev_res;
  if (HasFlag(ev, EVLIST_TIMEOUT)) found |= EV_TIMEOUT;
  events &= kAllEvents;
  if (tv != nullptr && (found & events & EV_TIMEOUT) != 0) {
    *tv = ev->ev_base->WallTime(ToMicros(ev->ev_timeout));
  }
  return found & events;
}

int event_initialized(const event* ev) { return HasFlag(ev, EVLIST_INIT) ? 1 : 0; }

evutil_socket_t event_get_fd(const event* ev) {
  DebugCheckAssigned(ev, "event_get_fd");
  return ev->ev_fd;
}

event_base* event_get_base(const event* ev) {
  DebugCheckAssigned(ev, "event_get_base");
  return ev->ev_base;
}

short event_get_events(const event* ev) {
  DebugCheckAssigned(ev, "event_get_events");
  return ev->ev_events;
}

event_callback_fn event_get_callback(const event* ev) {
  DebugCheckAssigned(ev, "event_get_callback");
  return ev->ev_evcallback.evcb_cb_union.evcb_callback;
}

void* event_get_callback_arg(const event* ev) {
  DebugCheckAssigned(ev, "event_get_callback_arg");
  return ev->ev_evcallback.evcb_arg;
}

int event_get_priority(const event* ev) {
  DebugCheckAssigned(ev, "event_get_priority");
  return ev->ev_evcallback.evcb_pri;
}

void event_get_assignment(const event* ev, event_base** base_out, evutil_socket_t* fd_out,
                          short* events_out, event_callback_fn* callback_out, void** arg_out) {
  DebugCheckAssigned(ev, "event_get_assignment");
  if (base_out != nullptr) *base_out = ev->ev_base;
  if (fd_out != nullptr) *fd_out = ev->ev_fd;
  if (events_out != nullptr) *events_out = ev->ev_events;
  if (callback_out != nullptr) *callback_out = ev->ev_evcallback.evcb_cb_union.evcb_callback;
  if (arg_out != nullptr) *arg_out = ev->ev_evcallback.evcb_arg;
}

size_t event_get_struct_event_size() { return sizeof(event); }

const char* event_get_version() { return EVENT__VERSION; }

ev_uint32_t event_get_version_number() { return EVENT__NUMERIC_VERSION; }
