#ifndef SPINDLE_BENCH_REPORT_NUMBER_TEXT_H_
#define SPINDLE_BENCH_REPORT_NUMBER_TEXT_H_

#include <string>

#include "base/clock.h"
#include "base/histogram.h"

namespace spindle::bench {

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

#endif  // SPINDLE_BENCH_REPORT_NUMBER_TEXT_H_
