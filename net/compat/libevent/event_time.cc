#include <event2/event.h>
#include <sys/time.h>

#include "net/compat/libevent/internal/event_base.h"

using namespace spindle::compat;

const timeval* event_base_init_common_timeout(event_base* base, const timeval* duration) {
  ScopedLock lock(base->lock);
  return base->timers.MakeCommon(*duration);
}

int event_base_gettimeofday_cached(event_base* base, timeval* tv) {
  if (base == nullptr) base = CurrentBase();
  if (base == nullptr) return gettimeofday(tv, nullptr);
  ScopedLock lock(base->lock);
  if (base->cached_now == 0) return gettimeofday(tv, nullptr);
  *tv = base->WallTime(base->cached_now);
  return 0;
}

int event_base_update_cache_time(event_base* base) {
  if (base == nullptr) base = CurrentBase();
  if (base == nullptr) return -1;
  ScopedLock lock(base->lock);
  if (base->running) base->CacheTime();
  return 0;
}

int event_gettime_monotonic(event_base* base, timeval* tp) {
  if (base == nullptr || tp == nullptr) return -1;
  ScopedLock lock(base->lock);
  *tp = ToTimeval(base->ClockNow());
  return 0;
}
