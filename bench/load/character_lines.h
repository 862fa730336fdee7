#ifndef SPINDLE_BENCH_LOAD_CHARACTER_LINES_H_
#define SPINDLE_BENCH_LOAD_CHARACTER_LINES_H_

#include <string>

namespace spindle::bench {

// All 95 lines of RFC 864, after which they come again: 72 of the printable characters and CR LF,
// each line one character further on. Any thread.
inline std::string CharacterLines() {
  std::string text;
  for (int line = 0; line < 95; ++line) {
    for (int i = 0; i < 72; ++i) text += static_cast<char>(' ' + (line + i) % 95);
    text += "\r\n";
  }
  return text;
}

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_CHARACTER_LINES_H_
