#ifndef SPINDLE_TESTS_TESTING_RESIDENT_BYTES_H_
#define SPINDLE_TESTS_TESTING_RESIDENT_BYTES_H_

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace spindle {

// Bytes of this process in memory. Any thread. proc_pid_statm(5).
inline uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_RESIDENT_BYTES_H_
