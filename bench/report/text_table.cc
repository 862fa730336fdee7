#include "bench/report/text_table.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "base/parse.h"

namespace spindle::bench {
namespace {

size_t Width(const std::string& text) {
  // All bytes but those that continue a character.
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

TextTable::TextTable(std::vector<std::string> headings) { rows_.push_back(std::move(headings)); }

void TextTable::AddRow(std::vector<std::string> cells) {
  cells.resize(rows_.front().size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::ToString() const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - Width(row[i]), ' ');
      if (i > 0) line += "  ";
      line += i == 0 ? row[i] + blanks : blanks + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

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
