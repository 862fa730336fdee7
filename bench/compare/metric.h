#ifndef SPINDLE_BENCH_COMPARE_METRIC_H_
#define SPINDLE_BENCH_COMPARE_METRIC_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/histogram.h"
#include "bench/report/run_record.h"

namespace spindle::bench {

// What is compared of two arms.
enum class Metric : uint8_t {
  kThroughput,  // Messages per second.
  kP50,         // Latency.
  kP90,
  kP99,
  kClientCpu,  // Processor time per message.
  kServerCpu,
};

inline constexpr Metric kMetrics[] = {Metric::kThroughput, Metric::kP50,       Metric::kP90,
                                      Metric::kP99,        Metric::kClientCpu, Metric::kServerCpu};

// "throughput", "p50", "p90", "p99", "client-cpu", "server-cpu"; a literal.
std::string_view MetricName(Metric metric);

// What is better: more throughput, less of all else.
inline bool HigherIsBetter(Metric metric) { return metric == Metric::kThroughput; }

// The value in one block, whose messages took `latency`; nullopt if it was not measured, or if too
// few messages lie beyond a quantile (ten, as everywhere). Times are in nanoseconds.
std::optional<double> ValueOf(Metric metric, const BlockRecord& block, const Histogram& latency);

// A limit for a change from one arm to the other: "p99>+10%" is passed if p99 rises by more,
// "throughput<-5%" if throughput falls by more.
struct Threshold {
  Metric metric = Metric::kThroughput;
  bool above = true;  // ">", else "<".
  double change = 0;  // 0.1 for +10%.
  std::string text = {};
};

// INVALID_ARGUMENT, quoting the text, for any that is not METRIC, < or >, a percentage with sign.
absl::StatusOr<Threshold> ParseThreshold(std::string_view text);

// True if the change is beyond the threshold and the interval, if there is one, excludes none.
bool Passed(const Threshold& threshold, const RatioEstimate& estimate);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_COMPARE_METRIC_H_
