#ifndef SPINDLE_BENCH_TOP_TERMINAL_H_
#define SPINDLE_BENCH_TOP_TERMINAL_H_

#include <termios.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/top/top_screen.h"

namespace spindle::bench {

// The keys that are more than one byte.
enum class Key : int { kUp = 256, kDown, kPageUp, kPageDown, kHome, kEnd };

// What was typed: characters, and values of Key. What it does not know is left out. `rest` keeps
// the beginning of a key whose end is still to come. Any thread.
std::vector<int> ParseKeys(std::string_view input, std::string& rest);

// The terminal of this process as a screen: keys come one by one and are not shown, the cursor is
// hidden, and what was on the screen before comes back at the end. One thread at a time.
class Terminal {
 public:
  // Of stdin and stdout, which must both be terminals. Changes nothing yet.
  static bool Available();

  Terminal() = default;
  // As Leave.
  ~Terminal() { Leave(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Errors: those of tcsetattr(3) and write(2). Again: does nothing.
  absl::Status Enter();
  // The terminal is as it was before Enter, whatever has happened to it. Again: does nothing.
  void Leave();
  bool entered() const { return entered_; }

  // As it is now; 80 times 24 if it does not know.
  static ScreenSize Size();
  // Shows these lines and nothing else, by one write. Errors: those of write(2).
  absl::Status Show(const std::vector<std::string>& lines);

 private:
  bool entered_ = false;
  termios former_ = {};
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_TOP_TERMINAL_H_
