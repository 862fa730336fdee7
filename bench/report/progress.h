#ifndef SPINDLE_BENCH_REPORT_PROGRESS_H_
#define SPINDLE_BENCH_REPORT_PROGRESS_H_

#include <string_view>

#include "base/clock.h"

namespace spindle::bench {

// Lines that say how far a run is, on stderr: on a terminal one line, rewritten every second;
// otherwise plain lines every five seconds. One thread at a time.
class Progress {
 public:
  enum class Mode { kShow, kQuiet };

  explicit Progress(Mode mode);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { Clear(); }

  bool quiet() const { return mode_ == Mode::kQuiet; }
  // How often to call Show.
  Duration period() const;
  // Shows `text`, which has no newline. The caller keeps to period().
  void Show(std::string_view text);
  // Takes the line off a terminal.
  void Clear();

 private:
  const Mode mode_;
  const bool terminal_;
  bool shown_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_PROGRESS_H_
