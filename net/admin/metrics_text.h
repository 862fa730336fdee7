#ifndef SPINDLE_NET_ADMIN_METRICS_TEXT_H_
#define SPINDLE_NET_ADMIN_METRICS_TEXT_H_

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace spindle {

enum class MetricKind : uint8_t { kCounter, kGauge };

// Writes metrics as Prometheus reads them: the text exposition format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). One thread at a time.
//
//   MetricsText text;
//   text.Begin("app_requests_total", MetricKind::kCounter, "Requests answered.");
//   text.Sample({{"method", "GET"}}, 17);
//
// The samples of one metric come together, behind its Begin; names are the caller's to choose well.
class MetricsText {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  void Begin(std::string_view name, MetricKind kind, std::string_view help);
  // Of the metric begun last. Label values may be any text.
  template <std::integral Value>
  void Sample(std::initializer_list<Label> labels, Value value) {
    AppendSample(labels, std::to_string(value));
  }
  void Sample(std::initializer_list<Label> labels, double value);

  const std::string& text() const { return text_; }

 private:
  void AppendSample(std::initializer_list<Label> labels, std::string_view value);

  std::string text_;
  std::string name_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_ADMIN_METRICS_TEXT_H_
