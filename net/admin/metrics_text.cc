#include "net/admin/metrics_text.h"

#include <charconv>
#include <cmath>

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

}  // namespace

void MetricsText::Begin(std::string_view name, MetricKind kind, std::string_view help) {
  name_ = name;
  Append(text_, "# HELP ", name, ' ');
  AppendEscaped(text_, help, /*quotes=*/false);
  Append(text_, "\n# TYPE ", name, kind == MetricKind::kCounter ? " counter\n" : " gauge\n");
}

void MetricsText::Sample(std::initializer_list<Label> labels, double value) {
  if (std::isnan(value)) return AppendSample(labels, "NaN");
  if (std::isinf(value)) return AppendSample(labels, value > 0 ? "+Inf" : "-Inf");
  char digits[32];
  char* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  AppendSample(labels, std::string_view(digits, static_cast<size_t>(end - digits)));
}

void MetricsText::AppendSample(std::initializer_list<Label> labels, std::string_view value) {
  text_ += name_;
  char before = '{';
  for (const auto& [name, text] : labels) {
    Append(text_, before, name, "=\"");
    AppendEscaped(text_, text, /*quotes=*/true);
    text_ += '"';
    before = ',';
  }
  if (labels.size() > 0) text_ += '}';
  Append(text_, ' ', value, '\n');
}

}  // namespace spindle
