#ifndef SPINDLE_BENCH_LOAD_CPU_TIME_H_
#define SPINDLE_BENCH_LOAD_CPU_TIME_H_

#include <cstdint>

#include "base/clock.h"

namespace spindle::bench {

// Processor time and context switches so far. Plain data; differences make sense.
struct CpuTime {
  Duration user{0};
  Duration system{0};
  int64_t context_switches = 0;  // Voluntary and not.

  Duration total() const { return user + system; }
  friend CpuTime operator-(const CpuTime& a, const CpuTime& b) {
    return {a.user - b.user, a.system - b.system, a.context_switches - b.context_switches};
  }
};

// Of the calling thread; of the whole process. getrusage(2).
CpuTime ThreadCpuTime();
CpuTime ProcessCpuTime();

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_CPU_TIME_H_
