#include "base/parse.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "base/strings.h"

namespace spindle {
namespace {

struct DurationUnit {
  std::string_view name;
  int64_t ns;
};

constexpr std::array<DurationUnit, 6> kDurationUnits = {{
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};

absl::Status BadText(std::string_view what, std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(Concat("bad ", what, " \"", text, "\": ", why));
}

// Splits "1.5ms" after the leading characters out of `alphabet`.
std::string_view TakeLeading(std::string_view& text, std::string_view alphabet) {
  const std::string_view head = text.substr(0, text.find_first_not_of(alphabet));
  text.remove_prefix(head.size());
  return head;
}

std::optional<uint64_t> ParseWhole(std::string_view digits) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// floor("0.<digits>" * unit). Digits beyond the 18th are less than any unit can show.
int64_t Fraction(std::string_view digits, int64_t unit) {
  __extension__ using Wide = unsigned __int128;
  Wide numerator = 0;
  Wide denominator = 1;
  for (const char digit : digits.substr(0, 18)) {
    numerator = numerator * 10 + static_cast<unsigned>(digit - '0');
    denominator *= 10;
  }
  return static_cast<int64_t>(numerator * static_cast<Wide>(unit) / denominator);
}

// A decimal number as it was written, and what follows it.
struct Decimal {
  uint64_t whole = 0;
  std::string_view fraction_digits;
  std::string_view rest;

  bool is_zero() const { return whole == 0 && Fraction(fraction_digits, 1'000'000'000) == 0; }
};

// `what` is for the error.
absl::StatusOr<Decimal> TakeDecimal(std::string_view what, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  Decimal decimal;
  decimal.rest = text;
  const std::string_view whole_digits = TakeLeading(decimal.rest, kDigits);
  if (decimal.rest.starts_with('.')) {
    decimal.rest.remove_prefix(1);
    decimal.fraction_digits = TakeLeading(decimal.rest, kDigits);
    if (decimal.fraction_digits.empty()) return BadText(what, text, "no digit after the point");
  }
  if (whole_digits.empty()) return BadText(what, text, "does not start with a digit");
  const std::optional<uint64_t> whole = ParseWhole(whole_digits);
  if (!whole.has_value()) return BadText(what, text, "too large");
  decimal.whole = *whole;
  return decimal;
}

// number * unit, cut off; none if it does not fit.
std::optional<int64_t> Scale(const Decimal& number, int64_t unit) {
  int64_t result = 0;
  if (number.whole > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ||
      __builtin_mul_overflow(static_cast<int64_t>(number.whole), unit, &result) ||
      __builtin_add_overflow(result, Fraction(number.fraction_digits, unit), &result)) {
    return std::nullopt;
  }
  return result;
}

std::optional<uint64_t> SizeUnit(std::string_view suffix) {
  if (suffix.empty() || absl::EqualsIgnoreCase(ToAbsl(suffix), "B")) return 1;
  const size_t power = std::string_view("KMGT").find(
      absl::ascii_toupper(static_cast<unsigned char>(suffix.front())));
  if (power == std::string_view::npos) return std::nullopt;
  suffix.remove_prefix(1);
  if (!suffix.empty() && !absl::EqualsIgnoreCase(ToAbsl(suffix), "iB")) return std::nullopt;
  return uint64_t{1} << (10 * (power + 1));
}

struct BitRateUnit {
  std::string_view name;
  int64_t bits;
};

constexpr std::array<BitRateUnit, 4> kBitRateUnits = {
    {{"bit", 1}, {"kbit", 1'000}, {"Mbit", 1'000'000}, {"Gbit", 1'000'000'000}}};

// Appends one item of a number list, "5" or "4..32".
absl::Status AppendItem(std::string_view item, std::vector<uint64_t>& numbers) {
  const size_t dots = item.find("..");
  const absl::StatusOr<uint64_t> first = ParseSize(item.substr(0, dots));
  if (!first.ok()) return first.status();
  if (dots == std::string_view::npos) {
    numbers.push_back(*first);
    return absl::OkStatus();
  }
  const absl::StatusOr<uint64_t> last = ParseSize(item.substr(dots + 2));
  if (!last.ok()) return last.status();
  if (*first == 0 || *first > *last) {
    return absl::InvalidArgumentError(Concat("the range \"", item, "\" needs 0 < first <= last"));
  }
  uint64_t value = *first;
  for (; value < *last; value *= 2) {
    numbers.push_back(value);
    if (value > *last / 2) break;  // so that doubling cannot overflow
  }
  numbers.push_back(*last);
  return absl::OkStatus();
}

// `value` with three significant digits; needs 0 <= value < 1024.
std::string ThreeDigits(double value) {
  if (value < 9.995) return absl::StrFormat("%.2f", value);
  if (value < 99.95) return absl::StrFormat("%.1f", value);
  return absl::StrFormat("%.0f", value);
}

}  // namespace

absl::StatusOr<Duration> ParseDuration(std::string_view text) {
  const absl::StatusOr<Decimal> number = TakeDecimal("duration", text);
  if (!number.ok()) return number.status();
  if (number->rest.empty() && number->is_zero()) return Duration::zero();
  for (const DurationUnit& unit : kDurationUnits) {
    if (number->rest != unit.name) continue;
    const std::optional<int64_t> ns = Scale(*number, unit.ns);
    if (!ns.has_value()) return BadText("duration", text, "too long");
    return Duration(*ns);
  }
  return BadText("duration", text, "the unit must be ns, us, ms, s, m or h");
}

absl::StatusOr<uint64_t> ParseSize(std::string_view text) {
  std::string_view suffix = text;
  const std::string_view digits = TakeLeading(suffix, "0123456789");
  if (digits.empty()) return BadText("size", text, "does not start with a digit");
  const std::optional<uint64_t> unit = SizeUnit(suffix);
  if (!unit.has_value()) {
    return BadText("size", text, "the unit must be B, K, M, G or T, or KiB and so on");
  }
  const std::optional<uint64_t> number = ParseWhole(digits);
  uint64_t bytes = 0;
  if (!number.has_value() || __builtin_mul_overflow(*number, *unit, &bytes)) {
    return BadText("size", text, "too large");
  }
  return bytes;
}

absl::StatusOr<std::vector<uint64_t>> ParseNumberList(std::string_view text) {
  std::vector<uint64_t> numbers;
  std::string_view rest = text;
  while (true) {
    const size_t comma = rest.find(',');
    const absl::Status status = AppendItem(rest.substr(0, comma), numbers);
    if (!status.ok()) return BadText("number list", text, FromAbsl(status.message()));
    if (comma == std::string_view::npos) return numbers;
    rest.remove_prefix(comma + 1);
  }
}

absl::StatusOr<uint64_t> ParseBitRate(std::string_view text) {
  const absl::StatusOr<Decimal> number = TakeDecimal("rate", text);
  if (!number.ok()) return number.status();
  if (number->rest.empty() && number->is_zero()) return 0;
  for (const BitRateUnit& unit : kBitRateUnits) {
    if (!absl::EqualsIgnoreCase(ToAbsl(number->rest), ToAbsl(unit.name))) continue;
    const std::optional<int64_t> bits = Scale(*number, unit.bits);
    if (!bits.has_value()) return BadText("rate", text, "too large");
    return static_cast<uint64_t>(*bits);
  }
  return BadText("rate", text, "the unit must be bit, kbit, Mbit or Gbit (per second)");
}

absl::StatusOr<double> ParsePercent(std::string_view text) {
  const absl::StatusOr<Decimal> number = TakeDecimal("percentage", text);
  if (!number.ok()) return number.status();
  if (number->rest.empty() && number->is_zero()) return 0.0;
  if (number->rest != "%") return BadText("percentage", text, "needs a % at the end");
  constexpr int64_t kOne = 1'000'000'000'000;
  const std::optional<int64_t> scaled = Scale(*number, kOne);
  if (!scaled.has_value() || *scaled > 100 * kOne) {
    return BadText("percentage", text, "is above 100%");
  }
  return static_cast<double>(*scaled) / (100.0 * static_cast<double>(kOne));
}

std::string FormatDuration(Duration duration) {
  struct Unit {
    std::string_view name;
    double ns;
    double limit;  // use the next unit from this many on
  };
  constexpr std::array<Unit, 6> kUnits = {{{"ns", 1, 999.5},
                                           {"us", 1e3, 999.5},
                                           {"ms", 1e6, 999.5},
                                           {"s", 1e9, 119.5},
                                           {"min", 60e9, 119.5},
                                           {"h", 3600e9, 0}}};
  const double ns = static_cast<double>(duration.count());
  const double magnitude = ns < 0 ? -ns : ns;
  size_t i = 0;
  while (i + 1 < kUnits.size() && magnitude / kUnits[i].ns >= kUnits[i].limit) ++i;
  const double value = magnitude / kUnits[i].ns;
  const std::string digits = i == 0 ? absl::StrFormat("%.0f", value) : ThreeDigits(value);
  return Concat(ns < 0 ? "-" : "", digits, " ", kUnits[i].name);
}

std::string FormatSize(uint64_t bytes) {
  constexpr std::array<std::string_view, 7> kUnits = {"B",   "KiB", "MiB", "GiB",
                                                      "TiB", "PiB", "EiB"};
  if (bytes < 1024) return Concat(bytes, " B");
  double value = static_cast<double>(bytes);
  size_t i = 0;
  while (value >= 1023.5 && i + 1 < kUnits.size()) {
    value /= 1024;
    ++i;
  }
  return Concat(ThreeDigits(value), " ", kUnits[i]);
}

std::string FormatBitRate(uint64_t bits_per_second) {
  constexpr std::array<std::string_view, 4> kUnits = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s"};
  if (bits_per_second < 1000) return Concat(bits_per_second, " ", kUnits[0]);
  double value = static_cast<double>(bits_per_second);
  size_t i = 0;
  while (value >= 999.5 && i + 1 < kUnits.size()) {
    value /= 1000;
    ++i;
  }
  return Concat(ThreeDigits(value), " ", kUnits[i]);
}

}  // namespace spindle
