#ifndef SPINDLE_BENCH_CLI_EXIT_CODE_H_
#define SPINDLE_BENCH_CLI_EXIT_CODE_H_

#include <string_view>

#include "absl/status/status.h"

namespace spindle::bench {

// The exit codes of the program.
enum ExitCode : int {
  kExitOk = 0,
  kExitThreshold = 1,      // A threshold or comparison failed.
  kExitUsage = 2,          // The command line is wrong.
  kExitNoConnect = 3,      // Nothing could be set up: connect, bind, resolve, no descriptors.
  kExitCannotTell = 4,     // --strict, and the measurement decides nothing.
  kExitErrors = 5,         // More errors than --max-errors.
  kExitNotHere = 77,       // This machine cannot do it.
  kExitInterrupted = 130,  // By SIGINT or SIGTERM; what there was has been reported.
};

// Prints "spindle COMMAND: message" on stderr, as one line, and returns `code`.
ExitCode Fail(ExitCode code, std::string_view command, std::string_view message);

// The same with the code that fits the status: kExitUsage for kInvalidArgument that
// is no failed system call, else kExitNoConnect.
ExitCode Fail(std::string_view command, const absl::Status& status);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_EXIT_CODE_H_
