#include "tests/testing/watchdog.h"

#include <cstdio>
#include <cstdlib>

namespace spindle {

Watchdog::Watchdog(Duration limit)
    : thread_([this, deadline = SaturatingAdd(Clock::now(), limit)] { Watch(deadline); }) {}

Watchdog::~Watchdog() {
  {
    MutexLock lock(mutex_);
    done_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void Watchdog::Watch(TimePoint deadline) {
  MutexLock lock(mutex_);
  while (!done_) {
    if (changed_.WaitUntil(mutex_, deadline) || done_) continue;
    std::fputs("watchdog: the test hangs\n", stderr);
    std::abort();
  }
}

}  // namespace spindle
