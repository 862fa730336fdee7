#include "bench/load/cpu_time.h"

#include <sys/resource.h>
#include <sys/time.h>

namespace spindle::bench {
namespace {

Duration ToDuration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

CpuTime Usage(int who) {
  rusage usage = {};
  getrusage(who, &usage);
  return {ToDuration(usage.ru_utime), ToDuration(usage.ru_stime), usage.ru_nvcsw + usage.ru_nivcsw};
}

}  // namespace

CpuTime ThreadCpuTime() { return Usage(RUSAGE_THREAD); }
CpuTime ProcessCpuTime() { return Usage(RUSAGE_SELF); }

}  // namespace spindle::bench
