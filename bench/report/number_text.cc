#include "bench/report/number_text.h"

#include <cmath>
#include <cstdio>

#include "base/parse.h"

namespace spindle::bench {
std::string FormatNumber(double value) {
  if (!std::isfinite(value)) return "n/a";
  const double size = std::fabs(value);
  const int decimals = size >= 99.95 || size == 0 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string FormatCount(double value) {
  const double size = std::fabs(value);
  if (size >= 999.5e6) return FormatNumber(value / 1e9) + "G";
  if (size >= 999.5e3) return FormatNumber(value / 1e6) + "M";
  if (size >= 9999.5) return FormatNumber(value / 1e3) + "k";
  return FormatNumber(value);
}

std::string FormatQuantile(const Histogram& histogram, double quantile) {
  const double beyond = static_cast<double>(histogram.count()) * (1 - quantile);
  if (histogram.count() == 0 || (quantile > 0.5 && beyond < 9.5)) return "n/a";
  return FormatDuration(histogram.ValueAtQuantile(quantile));
}

double PerSecond(double count, Duration time) {
  if (time <= Duration::zero()) return 0;
  return count / std::chrono::duration<double>(time).count();
}

}  // namespace spindle::bench
