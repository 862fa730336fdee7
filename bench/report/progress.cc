#include "bench/report/progress.h"

#include <unistd.h>

#include <cstdio>

#include "base/strings.h"

namespace spindle::bench {

Progress::Progress(Mode mode) : mode_(mode), terminal_(isatty(STDERR_FILENO) == 1) {}

Duration Progress::period() const { return std::chrono::seconds(terminal_ ? 1 : 5); }

void Progress::Show(std::string_view text) {
  if (quiet()) return;
  // "\33[K" clears what a longer line before has left.
  const std::string line = terminal_ ? Concat("\r", text, "\33[K") : Concat(text, "\n");
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  shown_ = true;
}

void Progress::Clear() {
  if (!shown_ || !terminal_) return;
  std::fputs("\r\33[K", stderr);
  shown_ = false;
}

}  // namespace spindle::bench
