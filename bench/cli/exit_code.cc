#include "bench/cli/exit_code.h"

#include <cstdio>
#include <string>

#include "base/errno_status.h"
#include "base/strings.h"

namespace spindle::bench {

ExitCode Fail(ExitCode code, std::string_view command, std::string_view message) {
  std::string line =
      command.empty() ? Concat("spindle: ", message) : Concat("spindle ", command, ": ", message);
  // The message may quote a file, which may hold anything.
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  line += '\n';
  std::fputs(line.c_str(), stderr);
  return code;
}

ExitCode Fail(std::string_view command, const absl::Status& status) {
  // What a system call calls invalid (EINVAL) was well formed.
  const bool usage = status.code() == absl::StatusCode::kInvalidArgument && ErrnoOf(status) == 0;
  return Fail(usage ? kExitUsage : kExitNoConnect, command, FromAbsl(status.message()));
}

}  // namespace spindle::bench
