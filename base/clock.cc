#include "base/clock.h"

#include <cstdio>
#include <cstdlib>

namespace spindle {
namespace {

// Not SPINDLE_CHECK: the log, which it reports through, is built on this file.
void DieUnless(bool condition) {
  if (condition) return;
  std::fputs("ManualClock: CHECK failed: the clock would run backwards\n", stderr);
  std::abort();
}

}  // namespace

void ManualClock::Advance(Duration delay) {
  DieUnless(delay >= Duration::zero());
  // Several threads may advance: none of their steps is lost.
  Duration::rep now = now_.load(std::memory_order_relaxed);
  Duration::rep later = 0;
  do {
    later = SaturatingAdd(TimePoint(Duration(now)), delay).time_since_epoch().count();
  } while (!now_.compare_exchange_weak(now, later, std::memory_order_relaxed));
}

void ManualClock::Set(TimePoint time) {
  const Duration::rep target = time.time_since_epoch().count();
  Duration::rep now = now_.load(std::memory_order_relaxed);
  do {
    DieUnless(target >= now);
  } while (!now_.compare_exchange_weak(now, target, std::memory_order_relaxed));
}

}  // namespace spindle
