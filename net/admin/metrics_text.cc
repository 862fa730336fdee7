#include "net/admin/metrics_text.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>

#include "base/check.h"
#include "base/strings.h"

namespace spindle {
namespace {

// Backslash and line feed, and in label values the quote, are escaped; nothing else is special.
void AppendEscaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || (quotes && c == '"')) out += '\\';
      out += c;
    }
  }
}

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char digits[32];
  char* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return std::string(digits, end);
}

std::string_view TypeName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kHistogram:
      return "histogram";
    case MetricKind::kGauge:
      break;
  }
  return "gauge";
}

}  // namespace

void MetricsText::Begin(std::string_view name, MetricKind kind, std::string_view help) {
  name_ = name;
  Append(text_, "# HELP ", name, ' ');
  AppendEscaped(text_, help, /*quotes=*/false);
  Append(text_, "\n# TYPE ", name, ' ', TypeName(kind), '\n');
}

void MetricsText::Sample(std::initializer_list<Label> labels, double value) {
  AppendSample("", labels, {}, Number(value));
}

void MetricsText::SampleHistogram(std::initializer_list<Label> labels,
                                  std::span<const double> bounds, std::span<const uint64_t> counts,
                                  double sum) {
  SPINDLE_CHECK(counts.size() == bounds.size() + 1);
  uint64_t up_to = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    up_to += counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    AppendSample("_bucket", labels, Number(bound), std::to_string(up_to));
  }
  AppendSample("_sum", labels, {}, Number(sum));
  AppendSample("_count", labels, {}, std::to_string(up_to));
}

void MetricsText::AppendSample(std::string_view suffix, std::initializer_list<Label> labels,
                               std::string_view bound, std::string_view value) {
  Append(text_, name_, suffix);
  char before = '{';
  for (const auto& [name, text] : labels) {
    Append(text_, before, name, "=\"");
    AppendEscaped(text_, text, /*quotes=*/true);
    text_ += '"';
    before = ',';
  }
  if (!bound.empty()) {
    Append(text_, before, "le=\"", bound, '"');
    before = ',';
  }
  if (before == ',') text_ += '}';
  Append(text_, ' ', value, '\n');
}

}  // namespace spindle
