#include "bench/report/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/random.h"

namespace spindle::bench {
namespace {

constexpr double kPowerFactor = 2.8;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Deviation(std::span<const double> values) {
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

std::vector<double> LogRatios(std::span<const Duration> a, std::span<const Duration> b) {
  SPINDLE_CHECK(a.size() == b.size());
  std::vector<double> ratios;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] <= Duration::zero() || b[i] <= Duration::zero()) continue;
    ratios.push_back(
        std::log(static_cast<double>(a[i].count()) / static_cast<double>(b[i].count())));
  }
  return ratios;
}

RatioEstimate EstimateRatio(std::span<const double> log_ratios, uint64_t seed, size_t resamples) {
  const size_t n = log_ratios.size();
  RatioEstimate estimate;
  estimate.blocks = n;
  estimate.ratio = std::exp(Median({log_ratios.begin(), log_ratios.end()}));
  estimate.high = kInfinity;
  estimate.detectable = kInfinity;
  if (n < 2) return estimate;
  estimate.deviation = Deviation(log_ratios);
  estimate.detectable = kPowerFactor * estimate.deviation / std::sqrt(static_cast<double>(n));
  if (n < kMinBlocks || resamples == 0) return estimate;

  Random random(seed);
  std::vector<double> medians;
  medians.reserve(resamples);
  std::vector<double> sample(n);
  for (size_t i = 0; i < resamples; ++i) {
    for (double& value : sample) value = log_ratios[random.Uniform(n)];
    medians.push_back(Median(sample));
  }
  std::sort(medians.begin(), medians.end());
  const auto at = [&](double quantile) {
    const double index = quantile * static_cast<double>(medians.size() - 1);
    return std::exp(medians[static_cast<size_t>(std::lround(index))]);
  };
  estimate.low = at(0.025);
  estimate.high = at(0.975);
  return estimate;
}

Verdict Judge(const RatioEstimate& estimate, double equivalence) {
  if (estimate.low >= 1 / (1 + equivalence) && estimate.high <= 1 + equivalence) {
    return Verdict::kSame;
  }
  if (estimate.low > 1) return Verdict::kFaster;
  if (estimate.high < 1) return Verdict::kSlower;
  return Verdict::kCannotTell;
}

bool DiffersFromItself(const RatioEstimate& noise_floor) {
  return noise_floor.low > 1 || noise_floor.high < 1;
}

Verdict JudgeAbove(const RatioEstimate& noise_floor, const RatioEstimate& estimate,
                   double equivalence) {
  const Verdict verdict = Judge(estimate, equivalence);
  if (!DiffersFromItself(noise_floor)) return verdict;
  const double floor = std::max(noise_floor.high, 1 / noise_floor.low);
  if (verdict == Verdict::kFaster && estimate.low > floor) return verdict;
  if (verdict == Verdict::kSlower && estimate.high < 1 / floor) return verdict;
  return Verdict::kCannotTell;
}

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFaster:
      return "faster";
    case Verdict::kSlower:
      return "slower";
    case Verdict::kSame:
      return "same";
    case Verdict::kCannotTell:
      break;
  }
  return "cannot tell";
}

uint64_t BlocksMissing(const RatioEstimate& estimate, double effect) {
  if (estimate.blocks < 2) return kMinBlocks - estimate.blocks;
  const double root = kPowerFactor * estimate.deviation / std::log1p(effect);
  const double needed = std::max(std::ceil(root * root), static_cast<double>(kMinBlocks));
  const double missing = needed - static_cast<double>(estimate.blocks);
  return missing > 0 ? static_cast<uint64_t>(missing) : 0;
}

}  // namespace spindle::bench
