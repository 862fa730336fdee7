#ifndef SPINDLE_BENCH_NETLAB_TOOL_H_
#define SPINDLE_BENCH_NETLAB_TOOL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace spindle::bench {

// Runs a program such as ip(8) or tc(8) in the network namespace of the calling thread, waits for
// its end and returns its standard output. Any thread. The program is looked for in PATH, then in
// /usr/sbin and /sbin. Errors: kNotFound if it is not installed; kUnavailable, with the first line
// of what it said, if it ended with another code than 0; those of pipe(2) and posix_spawn(3).
absl::StatusOr<std::string> RunTool(const std::vector<std::string>& words);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_TOOL_H_
