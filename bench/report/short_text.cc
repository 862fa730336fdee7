#include "bench/report/short_text.h"

#include <cmath>
#include <cstdio>

#include "base/parse.h"
#include "base/strings.h"
#include "bench/report/markup.h"

namespace spindle::bench {
namespace {

// "1.00 KiB" as "1 KiB".
std::string WithoutZeros(std::string text) {
  const size_t blank = text.find(' ');
  const size_t point = text.find('.');
  if (point == std::string::npos || blank == std::string::npos || point > blank) return text;
  size_t end = blank;
  while (text[end - 1] == '0') --end;
  if (end - 1 == point) --end;
  return text.erase(end, blank - end);
}

}  // namespace

std::string ShortNumber(double value) {
  if (!std::isfinite(value)) return "n/a";
  const double size = std::fabs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-6)) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", value);
    return text;
  }
  int digits = 0;
  for (double limit = 99.95; digits < 9 && size < limit && size > 0; limit /= 10) ++digits;
  return Decimal(value, digits);
}

std::string ShortCount(double value) {
  const double size = std::fabs(value);
  if (size >= 999.5e6) return ShortNumber(value / 1e9) + "G";
  if (size >= 999.5e3) return ShortNumber(value / 1e6) + "M";
  if (size >= 9999.5) return ShortNumber(value / 1e3) + "k";
  return ShortNumber(value);
}

std::string ShortSeconds(double seconds) {
  if (!std::isfinite(seconds)) return "n/a";
  const double size = std::fabs(seconds);
  if (size == 0) return "0";
  if (size < 999.5e-9) return ShortNumber(seconds * 1e9) + " ns";
  if (size < 999.5e-6) return ShortNumber(seconds * 1e6) + " µs";
  if (size < 999.5e-3) return ShortNumber(seconds * 1e3) + " ms";
  return ShortNumber(seconds) + " s";
}

std::string ShortDuration(Duration duration) {
  return ShortSeconds(std::chrono::duration<double>(duration).count());
}

std::string ShortSize(uint64_t bytes) { return WithoutZeros(FormatSize(bytes)); }

std::string ShortBitRate(uint64_t bits) { return WithoutZeros(FormatBitRate(bits)); }

std::string Times(double ratio) { return std::isfinite(ratio) ? ShortNumber(ratio) + "×" : "n/a"; }

std::string Percent(double part) {
  if (!std::isfinite(part)) return "n/a";
  return Decimal(part * 100, std::fabs(part) < 0.0995 ? 1 : 0) + " %";
}

std::string Interval(const RatioEstimate& estimate) {
  if (!std::isfinite(estimate.high)) return "n/a";
  return Concat("[", ShortNumber(estimate.low), ", ", ShortNumber(estimate.high), "]");
}

std::string Counted(uint64_t count, std::string_view noun) {
  return Concat(count, " ", noun, count == 1 ? "" : "s");
}

std::string Capital(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z')
    out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

}  // namespace spindle::bench
