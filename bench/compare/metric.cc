#include "bench/compare/metric.h"

#include <chrono>
#include <cmath>
#include <cstdlib>

#include "absl/status/status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr double kValuesBeyond = 10;

std::optional<double> Quantile(const Histogram& latency, double quantile) {
  const double beyond = static_cast<double>(latency.count()) * (1 - quantile);
  if (std::llround(beyond) < std::llround(kValuesBeyond)) return std::nullopt;
  return static_cast<double>(latency.ValueAtQuantile(quantile).count());
}

std::optional<double> PerMessage(const std::optional<CpuTime>& cpu, const BlockRecord& block) {
  if (!cpu.has_value() || block.messages == 0) return std::nullopt;
  return static_cast<double>(cpu->total().count()) / static_cast<double>(block.messages);
}

}  // namespace

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kThroughput:
      return "throughput";
    case Metric::kP50:
      return "p50";
    case Metric::kP90:
      return "p90";
    case Metric::kP99:
      return "p99";
    case Metric::kClientCpu:
      return "client-cpu";
    case Metric::kServerCpu:
      break;
  }
  return "server-cpu";
}

std::optional<double> ValueOf(Metric metric, const BlockRecord& block, const Histogram& latency) {
  switch (metric) {
    case Metric::kThroughput:
      if (block.wall <= Duration::zero()) return std::nullopt;
      return static_cast<double>(block.messages) /
             std::chrono::duration<double>(block.wall).count();
    case Metric::kP50:
      return Quantile(latency, 0.5);
    case Metric::kP90:
      return Quantile(latency, 0.9);
    case Metric::kP99:
      return Quantile(latency, 0.99);
    case Metric::kClientCpu:
      return PerMessage(block.cpu, block);
    case Metric::kServerCpu:
      break;
  }
  return PerMessage(block.server_cpu, block);
}

absl::StatusOr<Threshold> ParseThreshold(std::string_view text) {
  const absl::Status wrong = absl::InvalidArgumentError(
      ToAbsl(Concat("\"", text,
                    "\" is no threshold such as p99>+10% or throughput<-5% (of throughput, p50, "
                    "p90, p99, client-cpu, server-cpu)")));
  Threshold threshold{.text = std::string(text)};
  const size_t sign = text.find_first_of("<>");
  if (sign == std::string_view::npos || sign + 2 > text.size()) return wrong;
  threshold.above = text[sign] == '>';
  bool known = false;
  for (const Metric metric : kMetrics) {
    if (MetricName(metric) != text.substr(0, sign)) continue;
    threshold.metric = metric;
    known = true;
  }
  std::string_view change = text.substr(sign + 1);
  const bool negative = change.starts_with('-');
  if (negative || change.starts_with('+')) change.remove_prefix(1);
  if (!known || !change.ends_with('%')) return wrong;
  change.remove_suffix(1);
  double percent = 0;
  const std::string number(change);
  char* end = nullptr;
  percent = std::strtod(number.c_str(), &end);
  if (number.empty() || end != number.c_str() + number.size() || !std::isfinite(percent) ||
      percent < 0) {
    return wrong;
  }
  threshold.change = (negative ? -percent : percent) / 100;
  return threshold;
}

bool Passed(const Threshold& threshold, const RatioEstimate& estimate) {
  const double change = estimate.ratio - 1;
  if (threshold.above) {
    return change > threshold.change && (estimate.low > 1 || estimate.blocks < kMinBlocks);
  }
  return change < threshold.change && (estimate.high < 1 || estimate.blocks < kMinBlocks);
}

}  // namespace spindle::bench
