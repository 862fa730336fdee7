#ifndef SPINDLE_BENCH_REPORT_SHORT_TEXT_H_
#define SPINDLE_BENCH_REPORT_SHORT_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bench/report/statistics.h"

namespace spindle::bench {

// Values as sentences, axes and tables of the report have them: up to three significant digits, no
// zeros behind them, typographic signs in UTF-8. "n/a" unless finite. Any thread.

std::string ShortNumber(double value);                // "1234", "12.5", "0.05"
std::string ShortCount(double value);                 // "41.2k", "1.5M"
std::string ShortSeconds(double seconds);             // "250 ns", "1.5 ms", "2 s"
std::string ShortDuration(Duration duration);         // the same
std::string ShortSize(uint64_t bytes);                // "64 B", "1 KiB"
std::string ShortBitRate(uint64_t bits);              // "50 Mbit/s"
std::string Times(double ratio);                      // "7.96×"
std::string Percent(double part);                     // "12 %", "1.5 %"
std::string Interval(const RatioEstimate& estimate);  // "[7.78, 8.04]"

// "1 connection", "8 connections"
std::string Counted(uint64_t count, std::string_view noun);

// `text` with its first letter, if it is one of ASCII, as a capital.
std::string Capital(std::string_view text);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_SHORT_TEXT_H_
