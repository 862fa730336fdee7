#ifndef SPINDLE_BENCH_CLI_LAB_PROGRAM_H_
#define SPINDLE_BENCH_CLI_LAB_PROGRAM_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace spindle::bench {

// A foreground program has the caller's process group and standard input; a background one has a
// group of its own, so that the terminal's signals do not reach it, and an empty input.
enum class LabPlace : uint8_t { kForeground, kBackground };

struct LabProgramOptions {
  std::vector<std::string> words;  // The first is looked for in PATH.
  // Besides what this process has: "NAME=value".
  std::vector<std::string> environment;
  int namespace_fd = -1;
  LabPlace place = LabPlace::kForeground;
};

// Starts a program in a network namespace. It is killed when the calling thread ends, which the
// caller must wait(2) for otherwise. No signal is blocked there. Errors: ENOENT, EACCES and so on
// of execve(2), as if the program had not been started; EAGAIN of fork(2); EPERM of setns(2).
absl::StatusOr<pid_t> StartInLab(const LabProgramOptions& options);

// As shells have it: the exit code, or 128 and the number of the signal that killed it.
int ShellExitCode(int wait_status);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_LAB_PROGRAM_H_
