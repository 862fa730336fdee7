#ifndef SPINDLE_BENCH_REPORT_MARKUP_H_
#define SPINDLE_BENCH_REPORT_MARKUP_H_

#include <string>
#include <string_view>

namespace spindle::bench {

// Pieces of HTML and SVG. Any thread; nothing is kept.

// `text` as it may stand between tags and in quoted attributes: & < > " ' as references; bytes that
// are no UTF-8, control characters, and the characters that change the direction of writing as
// U+FFFD. So it can neither end an element nor reorder the text around it.
std::string Escape(std::string_view text);

// `json` as it may stand in a script element: each < as \u003c, which means the same within JSON's
// texts, where alone it can be.
std::string EscapeJson(std::string_view json);

// `text` with control characters replaced by blanks, for terminals.
std::string PlainText(std::string_view text);

// `value` with so many digits after the point, without zeros at its end. "0" unless finite.
std::string Decimal(double value, int digits);

// The place `share` (0 to 1) of a width: "12.34%".
std::string Share(double share);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_MARKUP_H_
