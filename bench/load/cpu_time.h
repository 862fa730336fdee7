#ifndef SPINDLE_BENCH_LOAD_CPU_TIME_H_
#define SPINDLE_BENCH_LOAD_CPU_TIME_H_

#include <sys/types.h>

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
  friend CpuTime operator-(const CpuTime& a, const CpuTime& b) {
    return {a.user - b.user, a.system - b.system, a.context_switches - b.context_switches,
            a.run_delay - b.run_delay};
  }
};

// Of the calling thread. getrusage(2), /proc/thread-self/schedstat.
CpuTime ThreadCpuTime();

// Of the threads that process `pid` has now: nullopt if there is no such process, or it may not be
// looked at. Threads that have ended count no longer, so a difference means something for servers
// whose threads stay. proc(5).
std::optional<CpuTime> ProcessCpuTime(pid_t pid);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_CPU_TIME_H_
