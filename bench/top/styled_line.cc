#include "bench/top/styled_line.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace spindle::bench {
namespace {

// By the sixteen colours that every terminal has, so that they suit dark and light ones.
constexpr const char* kCodes[] = {"",           "\x1b[2m",  "\x1b[1m",
                                  "\x1b[1;36m", "\x1b[7m",  "\x1b[30;46m",
                                  "\x1b[32m",   "\x1b[33m", "\x1b[1;31m"};
constexpr const char* kReset = "\x1b[0m";

bool IsPrintable(char c) { return c >= ' ' && c <= '~'; }

}  // namespace

void StyledLine::Add(std::string_view text, Style style) {
  text = text.substr(0, columns_ - text_.size());
  for (const char c : text) text_ += IsPrintable(c) ? c : '?';
  styles_.append(text.size(), static_cast<char>(style));
}

void StyledLine::AddCell(std::string_view text, size_t width, Style style) {
  const size_t blanks = text.size() < width ? width - text.size() : 1;
  const bool is_heading = style == Style::kHeading || style == Style::kSorted;
  Add(std::string(blanks, ' '), is_heading ? Style::kHeading : Style::kPlain);
  Add(text, style);
}

void StyledLine::AddLeft(std::string_view text, size_t width, Style style) {
  std::string cell(text.substr(0, width));
  if (text.size() > width && width > 0) cell.back() = '~';
  const bool is_heading = style == Style::kHeading || style == Style::kSorted;
  Add(cell, style);
  Add(std::string(width - cell.size(), ' '), is_heading ? Style::kHeading : Style::kPlain);
}

void StyledLine::AddRight(std::string_view text, Style style) {
  if (text_.size() + 2 + text.size() > columns_) return;
  Add(std::string(columns_ - text_.size() - text.size(), ' '));
  Add(text, style);
}

void StyledLine::Fill(Style style) { Add(std::string(columns_ - text_.size(), ' '), style); }

std::string StyledLine::Take(Colours colours) {
  std::string text = std::exchange(text_, {});
  const std::string styles = std::exchange(styles_, {});
  if (colours == Colours::kNone) {
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t end = std::min(styles.find_first_not_of(styles[i], i), text.size());
    const char* const code = kCodes[static_cast<size_t>(styles[i])];
    out += code;
    out.append(text, i, end - i);
    if (*code != '\0') out += kReset;
    i = end;
  }
  return out;
}

}  // namespace spindle::bench
