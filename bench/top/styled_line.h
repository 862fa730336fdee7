#ifndef SPINDLE_BENCH_TOP_STYLED_LINE_H_
#define SPINDLE_BENCH_TOP_STYLED_LINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace spindle::bench {

enum class Colours : uint8_t { kNone, kAnsi };

enum class Style : uint8_t { kPlain, kDim, kBold, kTitle, kHeading, kSorted, kGood, kWarn, kBad };

// One line of a terminal, which is made from left to right; what does not fit is cut off. All text
// becomes printable ASCII, so that a character is a column and nobody's name is a command. One
// thread at a time.
class StyledLine {
 public:
  explicit StyledLine(size_t columns) : columns_(columns) {}

  void Add(std::string_view text, Style style = Style::kPlain);
  // In `width` columns, at their right end; longer text is not cut off, and has a blank before it.
  void AddCell(std::string_view text, size_t width, Style style = Style::kPlain);
  // In `width` columns, at their left end; of longer text the end is cut off, and shown to be.
  void AddLeft(std::string_view text, size_t width, Style style = Style::kPlain);
  // At the right end of the line, if there is room for all of it and two blanks.
  void AddRight(std::string_view text, Style style = Style::kPlain);
  // Blanks up to the right end.
  void Fill(Style style);

  // The line, and leaves it empty. Without colours no blanks are at its end.
  std::string Take(Colours colours);

 private:
  const size_t columns_;
  std::string text_;
  std::string styles_;  // One for each character.
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_TOP_STYLED_LINE_H_
