#ifndef SPINDLE_NET_ADMIN_METRICS_TEXT_H_
#define SPINDLE_NET_ADMIN_METRICS_TEXT_H_

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace spindle {

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram };

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
    AppendSample("", labels, {}, std::to_string(value));
  }
  void Sample(std::initializer_list<Label> labels, double value);
  // Of a kHistogram: `counts[i]` values up to `bounds[i]` and above the bound before, the last of
  // `counts`, one more than there are bounds, above them all; and the sum of all values.
  void SampleHistogram(std::initializer_list<Label> labels, std::span<const double> bounds,
                       std::span<const uint64_t> counts, double sum);

  const std::string& text() const { return text_; }

 private:
  // `bound`: the label "le" of a histogram's bucket, unless it is empty.
  void AppendSample(std::string_view suffix, std::initializer_list<Label> labels,
                    std::string_view bound, std::string_view value);

  std::string text_;
  std::string name_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_ADMIN_METRICS_TEXT_H_
