#ifndef SPINDLE_BASE_PROCESS_USAGE_H_
#define SPINDLE_BASE_PROCESS_USAGE_H_

#include <cstdint>

#include "base/clock.h"

namespace spindle {

// What this process uses. Any thread. 0 where /proc does not tell.

// Memory that is resident, in bytes. proc_pid_statm(5).
uint64_t ResidentBytes();

// Open descriptors.
uint64_t OpenDescriptors();

// Processor time so far, user and system, of all threads. getrusage(2).
Duration ProcessorTime();

}  // namespace spindle

#endif  // SPINDLE_BASE_PROCESS_USAGE_H_
