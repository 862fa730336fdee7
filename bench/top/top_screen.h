#ifndef SPINDLE_BENCH_TOP_TOP_SCREEN_H_
#define SPINDLE_BENCH_TOP_TOP_SCREEN_H_

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bench/top/styled_line.h"
#include "bench/top/top_view.h"

namespace spindle::bench {

struct ScreenSize {
  size_t columns = 80;
  size_t rows = 24;
  friend bool operator==(const ScreenSize&, const ScreenSize&) = default;
};

// Where there is no terminal: all columns, and every connection.
constexpr size_t kPlainColumns = 132;
constexpr size_t kAllRows = 100'000;

// What is shown besides the numbers. Plain data.
struct ScreenState {
  std::string server = {};  // Where the numbers come from.
  Duration interval{0};
  TopSort sort = TopSort::kRate;
  bool reversed = false;
  bool paused = false;
  bool help = false;
  bool live = true;          // There is somebody who could press keys.
  size_t first = 0;          // The connections before this one are scrolled away.
  std::string trouble = {};  // Why there is nothing newer; empty if all is well.
};

// One screen: at most `size.rows` lines of at most `size.columns` characters, without ends of
// lines. With colours a line holds escape codes besides, and leaves none behind. All that a server
// says is made printable. `view` may be null: there is nothing yet. Any thread.
std::vector<std::string> DrawScreen(const TopView* view, const ScreenState& state, ScreenSize size,
                                    Colours colours);

// The lines with their ends.
std::string AsText(const std::vector<std::string>& lines);

// How many connections the screen has room for.
size_t ConnectionRoom(const TopView& view, ScreenSize size);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_TOP_TOP_SCREEN_H_
