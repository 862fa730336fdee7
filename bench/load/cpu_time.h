#ifndef SPINDLE_BENCH_LOAD_CPU_TIME_H_
#define SPINDLE_BENCH_LOAD_CPU_TIME_H_

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace spindle::bench {

// Processor time and context switches so far. Plain data; differences make sense.
struct CpuTime {
  Duration user{0};
  Duration system{0};
  int64_t context_switches = 0;  // Voluntary and not.
  Duration run_delay{0};         // Ready to run, but waiting for a processor; 0 if that is unknown.

  Duration total() const { return user + system; }
  CpuTime& operator+=(const CpuTime& other) {
    user += other.user;
    system += other.system;
    context_switches += other.context_switches;
    run_delay += other.run_delay;
    return *this;
  }
  // The time between two readings. Their sum is exact, but the kernel's division of a short time
  // into user and system may go back a little; then neither part is below zero.
  friend CpuTime operator-(const CpuTime& a, const CpuTime& b) {
    const Duration total = a.total() - b.total();
    const Duration user =
        std::clamp(a.user - b.user, Duration::zero(), std::max(total, Duration::zero()));
    return {user, total - user, a.context_switches - b.context_switches, a.run_delay - b.run_delay};
  }
};

// Of the calling thread. getrusage(2), /proc/thread-self/schedstat.
CpuTime ThreadCpuTime();

// Of the threads that process `pid` has now: nullopt if there is no such process, or it may not be
// looked at. The sum is exact and knows threads that have ended; its division into user and system,
// and the other parts, are those of the threads that are there. clock_getcpuclockid(3), proc(5).
std::optional<CpuTime> ProcessCpuTime(pid_t pid);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_CPU_TIME_H_
