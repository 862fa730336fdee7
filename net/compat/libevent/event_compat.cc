#include <event2/event.h>
#include <event2/event_compat.h>

#include "net/compat/libevent/internal/event_base.h"
#include "net/compat/libevent/internal/log.h"

using namespace spindle::compat;

event_base* event_init() {
  event_base* base = event_base_new_with_config(nullptr);
  if (base == nullptr) Fatal(1, "event_init: cannot make an event_base");
  CurrentBase() = base;
  return base;
}

int event_dispatch() { return event_loop(0); }

int event_loop(int flags) { return event_base_loop(CurrentBase(), flags); }

int event_loopexit(const timeval* after) {
  return event_once(
      -1, EV_TIMEOUT,
      [](evutil_socket_t, short, void* base) {
        static_cast<event_base*>(base)->exit_requested = true;
      },
      CurrentBase(), after);
}

int event_loopbreak() { return event_base_loopbreak(CurrentBase()); }

int event_once(evutil_socket_t fd, short events, void (*callback)(evutil_socket_t, short, void*),
               void* arg, const timeval* timeout) {
  return event_base_once(CurrentBase(), fd, events, callback, arg, timeout);
}

const char* event_get_method() { return event_base_get_method(CurrentBase()); }

int event_priority_init(int priorities) {
  return event_base_priority_init(CurrentBase(), priorities);
}

void event_set(event* ev, evutil_socket_t fd, short events,
               void (*callback)(evutil_socket_t, short, void*), void* arg) {
  event_assign(ev, CurrentBase(), fd, events, callback, arg);
}
