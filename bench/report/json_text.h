#ifndef SPINDLE_BENCH_REPORT_JSON_TEXT_H_
#define SPINDLE_BENCH_REPORT_JSON_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace spindle::bench {

// Members keep their order.
using Json = nlohmann::ordered_json;

// JSON as text. What is not UTF-8, as file names and the like may be, gets U+FFFD. Any thread.

// Without an end of the line.
std::string OneLine(const Json& json);
// Lines, with two blanks for each level.
std::string IndentedLines(const Json& json);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_JSON_TEXT_H_
