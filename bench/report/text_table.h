#ifndef SPINDLE_BENCH_REPORT_TEXT_TABLE_H_
#define SPINDLE_BENCH_REPORT_TEXT_TABLE_H_

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"

namespace spindle::bench {

// Columns of text under one heading each, aligned by blanks. One thread at a time.
class TextTable {
 public:
  // The first column is aligned to the left, the others to the right.
  explicit TextTable(std::vector<std::string> headings);

  // Cells beyond the headings are dropped, missing ones are empty.
  void AddRow(std::vector<std::string> cells);

  // Ends in a newline; no line ends in a blank. Widths count UTF-8 characters, not bytes.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // The headings first.
};

// Three significant digits: "0.0123", "1.23", "12.3", "123", "1234"; "n/a" unless finite.
std::string FormatNumber(double value);

// As FormatNumber with k, M or G: "41.2k".
std::string FormatCount(double value);

// The duration at `quantile`; "n/a" if fewer than ten records lie beyond it (for the median: if
// there are none at all), since then it says little.
std::string FormatQuantile(const Histogram& histogram, double quantile);

// `count` per second over `time`; 0 if no time has passed.
double PerSecond(double count, Duration time);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_TEXT_TABLE_H_
