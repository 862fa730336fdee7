#include <event2/event.h>

#include "net/compat/libevent/internal/event_base.h"
#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {

// An event of the library's own, with the callback that the program asked for.
struct OnceEvent {
  event ev;
  event_callback_fn callback;
  void* arg;
  OnceEvent* next;
  OnceEvent** link;  // What points here.
};

namespace {

void Unlink(OnceEvent* once) {
  if (once->next != nullptr) once->next->link = once->link;
  *once->link = once->next;
}

void RunOnce(evutil_socket_t fd, short events, void* arg) {
  auto* once = static_cast<OnceEvent*>(arg);
  once->callback(fd, events, once->arg);
  event_base* base = once->ev.ev_base;
  {
    ScopedLock lock(base->lock);
    Unlink(once);
  }
  event_debug_unassign(&once->ev);
  Release(once);
}

}  // namespace

void FreeOnceEvents(event_base& base) {
  while (OnceEvent* once = base.once_events) {
    Unlink(once);
    Release(once);
  }
}

}  // namespace spindle::compat

using namespace spindle::compat;

int event_base_once(event_base* base, evutil_socket_t fd, short events, event_callback_fn callback,
                    void* arg, const timeval* timeout) {
  constexpr short kDescriptorEvents = EV_READ | EV_WRITE | EV_CLOSED;
  if (base == nullptr || (events & (EV_SIGNAL | EV_PERSIST)) != 0) return -1;
  const bool only_time = (events & (EV_TIMEOUT | kDescriptorEvents)) == EV_TIMEOUT;
  if (!only_time && (events & kDescriptorEvents) == 0) return -1;
  auto* once = static_cast<OnceEvent*>(AllocateZeroed(1, sizeof(OnceEvent)));
  if (once == nullptr) return -1;
  once->callback = callback;
  once->arg = arg;
  const short watched = only_time ? short{0} : static_cast<short>(events & kDescriptorEvents);
  event_assign(&once->ev, base, only_time ? -1 : fd, watched, &RunOnce, once);
  // Without a time to wait it is due now, in the order of the others.
  const bool at_once = only_time && (timeout == nullptr || !timerisset(timeout));
  ScopedLock lock(base->lock);
  if (at_once) {
    ActivateEvent(&once->ev, EV_TIMEOUT, 1);
  } else if (AddEvent(&once->ev, timeout, /*is_absolute=*/false) != 0) {
    event_debug_unassign(&once->ev);
    Release(once);
    return -1;
  }
  once->next = base->once_events;
  if (once->next != nullptr) once->next->link = &once->next;
  base->once_events = once;
  once->link = &base->once_events;
  return 0;
}
