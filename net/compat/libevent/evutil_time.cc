#include <event2/util.h>
#include <time.h>

#include "net/compat/libevent/internal/memory.h"

struct evutil_monotonic_timer {
  bool wall = false;  // EV_MONOT_FALLBACK.
  timeval last = {};  // Of the wall clock, which must not seem to run backwards.
};

evutil_monotonic_timer* evutil_monotonic_timer_new() {
  return spindle::compat::New<evutil_monotonic_timer>();
}

void evutil_monotonic_timer_free(evutil_monotonic_timer* timer) { spindle::compat::Delete(timer); }

int evutil_configure_monotonic_time(evutil_monotonic_timer* timer, int flags) {
  timer->wall = (flags & EV_MONOT_FALLBACK) != 0;
  timer->last = {};
  return 0;
}

int evutil_gettime_monotonic(evutil_monotonic_timer* timer, timeval* tp) {
  timespec now;
  if (clock_gettime(timer->wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now) != 0) return -1;
  *tp = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  if (!timer->wall) return 0;
  if (timercmp(tp, &timer->last, <)) *tp = timer->last;
  timer->last = *tp;
  return 0;
}
