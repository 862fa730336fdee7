#ifndef SPINDLE_BASE_PARSE_H_
#define SPINDLE_BASE_PARSE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"

namespace spindle {

// Texts for and from command lines. Any thread; nothing is kept. No locale is consulted. Every
// error is kInvalidArgument and quotes the whole input.

// "5ms", "1.5s", "10us", "2m", "1h", "250ns", "0": a decimal number and a unit (ns, us, ms, s, m,
// h); only zero goes without. Fractions of a nanosecond are cut off. Not negative, below 292 years.
absl::StatusOr<Duration> ParseDuration(std::string_view text);

// "123", "64K", "1M", "2GiB": a whole number of bytes, with B, K, M, G or T, or KiB and so on, in
// powers of 1024 and in either case. "KB" is refused because it means two things.
absl::StatusOr<uint64_t> ParseSize(std::string_view text);

// "1,2,4..32" -> 1 2 4 8 16 32. Items are sizes as in ParseSize; "a..b" doubles from a and always
// ends with b itself: "1..6" -> 1 2 4 6. Needs 0 < a <= b. Order and repetitions are kept.
absl::StatusOr<std::vector<uint64_t>> ParseNumberList(std::string_view text);

// "50Mbit", "1.5Gbit", "100kbit", "9600bit": bits per second, in powers of 1000 and in either case.
// The unit is needed, but for zero. Fractions of a bit are cut off. "B" and "bps" are refused,
// since they mean bytes to some.
absl::StatusOr<uint64_t> ParseBitRate(std::string_view text);

// "1%", "0.25%", "100%": a share of a whole, 0 to 1. The sign is needed, but for zero.
absl::StatusOr<double> ParsePercent(std::string_view text);

// Three significant digits: "0 ns", "999 ns", "1.50 ms", "90.0 s", "2.00 min", "1.50 h".
std::string FormatDuration(Duration duration);

// Three significant digits: "123 B", "64.0 KiB", "1.50 MiB".
std::string FormatSize(uint64_t bytes);

// Three significant digits: "999 bit/s", "50.0 Mbit/s", "1.00 Gbit/s".
std::string FormatBitRate(uint64_t bits_per_second);

}  // namespace spindle

#endif  // SPINDLE_BASE_PARSE_H_
