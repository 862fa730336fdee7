#include "bench/compare/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/check.h"
#include "base/random.h"
#include "base/strings.h"
#include "bench/compare/rank_tests.h"
#include "bench/report/statistics.h"

namespace spindle::bench {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Judge speaks of ratios in which more is faster.
Verdict JudgeMetric(Metric metric, RatioEstimate estimate, double equivalence) {
  if (!HigherIsBetter(metric)) {
    estimate.ratio = 1 / estimate.ratio;
    estimate = {.blocks = estimate.blocks,
                .ratio = estimate.ratio,
                .low = 1 / estimate.high,
                .high = 1 / estimate.low};
  }
  return Judge(estimate, equivalence);
}

double Resampled(const std::vector<double>& values, Random& random) {
  std::vector<double> sample(values.size());
  for (double& value : sample) value = values[random.Uniform(values.size())];
  return Median(std::move(sample));
}

double DeviationOfLogs(const std::vector<double>& values) {
  double sum = 0;
  double squares = 0;
  for (const double value : values) sum += std::log(value);
  const double mean = sum / static_cast<double>(values.size());
  for (const double value : values) squares += std::pow(std::log(value) - mean, 2);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

RatioEstimate EstimateUnpaired(const Samples& samples, uint64_t seed) {
  RatioEstimate estimate{.blocks = std::min(samples.a.size(), samples.b.size()),
                         .low = 0,
                         .high = kInfinity,
                         .detectable = kInfinity};
  if (estimate.blocks == 0) return estimate;
  estimate.ratio = Median(samples.b) / Median(samples.a);
  if (estimate.blocks < kMinUnpaired) return estimate;
  Random random(seed);
  std::vector<double> ratios(kBootstrapResamples);
  for (double& ratio : ratios) ratio = Resampled(samples.b, random) / Resampled(samples.a, random);
  std::sort(ratios.begin(), ratios.end());
  const auto at = [&](double quantile) {
    return ratios[static_cast<size_t>(
        std::lround(quantile * static_cast<double>(ratios.size() - 1)))];
  };
  estimate.low = at(0.025);
  estimate.high = at(0.975);
  const double a = DeviationOfLogs(samples.a);
  const double b = DeviationOfLogs(samples.b);
  estimate.deviation = std::hypot(a, b);
  estimate.detectable = 2.8 * std::hypot(a / std::sqrt(static_cast<double>(samples.a.size())),
                                         b / std::sqrt(static_cast<double>(samples.b.size())));
  return estimate;
}

struct ArmPair {
  const ArmRecord* a = nullptr;
  const ArmRecord* b = nullptr;
};

// Messages per block are calibrated to the machine; they are no part of what was asked for.
bool SameSetting(Setting a, Setting b) {
  a.messages = b.messages = 0;
  return a == b;
}

ArmPair FindPair(const RunRecord& a, const RunRecord& b, std::string_view name) {
  for (const ArmRecord& first : a.arms) {
    if (first.blocks.empty() || (!name.empty() && first.name != name)) continue;
    for (const ArmRecord& second : b.arms) {
      if (second.blocks.empty() || second.name != first.name) continue;
      if (SameSetting(first.setting, second.setting)) return {&first, &second};
    }
  }
  return {};
}

// Of a run in one piece: the throughput of each twentieth of it.
std::vector<double> ThroughputOfPieces(const ArmRecord& arm) {
  constexpr size_t kPieces = 20;
  std::vector<double> values;
  const size_t length = arm.intervals.size() / kPieces;
  for (size_t piece = 0; length > 0 && piece < kPieces; ++piece) {
    BlockRecord sum;
    for (size_t i = piece * length; i < (piece + 1) * length; ++i) {
      sum.wall += arm.intervals[i].length;
      sum.messages += arm.intervals[i].messages;
    }
    const auto value = ValueOf(Metric::kThroughput, sum, arm.latency);
    if (value.has_value() && *value > 0) values.push_back(*value);
  }
  return values;
}

std::vector<double> Values(Metric metric, const ArmRecord& arm) {
  std::vector<double> values;
  if (metric == Metric::kThroughput && arm.blocks.size() == 1) values = ThroughputOfPieces(arm);
  if (!values.empty()) return values;
  const bool latency = metric == Metric::kP50 || metric == Metric::kP90 || metric == Metric::kP99;
  if (latency) {
    const auto value = ValueOf(metric, BlockRecord(), arm.latency);
    if (value.has_value() && *value > 0) values.push_back(*value);
    return values;
  }
  for (const BlockRecord& block : arm.blocks) {
    const auto value = ValueOf(metric, block, arm.latency);
    if (value.has_value() && *value > 0) values.push_back(*value);
  }
  return values;
}

}  // namespace

CompareRecord ComparePaired(Metric metric, const Samples& samples, uint64_t seed,
                            double equivalence) {
  SPINDLE_CHECK(samples.a.size() == samples.b.size());
  std::vector<double> logs;
  for (size_t i = 0; i < samples.a.size(); ++i) {
    if (samples.a[i] > 0 && samples.b[i] > 0) logs.push_back(std::log(samples.b[i] / samples.a[i]));
  }
  CompareRecord record{.statistic = std::string(MetricName(metric)),
                       .estimate = EstimateRatio(logs, seed),
                       .test = "Wilcoxon signed-rank"};
  record.p_value = WilcoxonSignedRank(logs);
  record.verdict = JudgeMetric(metric, record.estimate, equivalence);
  return record;
}

CompareRecord CompareUnpaired(Metric metric, const Samples& samples, uint64_t seed,
                              double equivalence) {
  CompareRecord record{.statistic = std::string(MetricName(metric)),
                       .estimate = EstimateUnpaired(samples, seed)};
  if (record.estimate.blocks < kMinUnpaired) return record;
  record.test = "Mann-Whitney";
  record.p_value = MannWhitney(samples.a, samples.b);
  record.verdict = JudgeMetric(metric, record.estimate, equivalence);
  return record;
}

absl::StatusOr<std::vector<CompareRecord>> CompareRuns(const RunRecord& a, const RunRecord& b,
                                                       std::string_view arm, uint64_t seed,
                                                       double equivalence) {
  const ArmPair pair = FindPair(a, b, arm);
  if (pair.a == nullptr) {
    return absl::NotFoundError(
        ToAbsl(arm.empty() ? std::string("the runs have no arm under the same setting in common")
                           : Concat("the runs have no arm \"", arm, "\" under the same setting")));
  }
  std::vector<CompareRecord> records;
  for (const Metric metric : kMetrics) {
    const Samples samples{.a = Values(metric, *pair.a), .b = Values(metric, *pair.b)};
    if (samples.a.empty() || samples.b.empty()) continue;
    records.push_back(CompareUnpaired(metric, samples, seed, equivalence));
  }
  return records;
}

}  // namespace spindle::bench
