#include "bench/report/scale.h"

#include <algorithm>
#include <cmath>

namespace spindle::bench {
namespace {

constexpr double kSmallest = 1e-12;
constexpr double kLargest = 1e18;

double Finite(double value, double otherwise) {
  return std::isfinite(value) ? std::clamp(value, -kLargest, kLargest) : otherwise;
}

}  // namespace

Scale::Scale(Kind kind, double low, double high)
    : kind_(kind), low_(Finite(low, 0)), high_(Finite(high, low_ + 1)) {
  if (kind_ == Kind::kLogarithmic) {
    high_ = std::max(high_, kSmallest * 10);
    low_ = std::clamp(low_, kSmallest, high_);
    if (high_ / low_ < 1.0001) {
      low_ /= 1.5;
      high_ *= 1.5;
    }
  } else if (high_ - low_ <= std::max(std::fabs(high_), kSmallest) * 1e-9) {
    high_ = low_ + std::max(std::fabs(low_) * 0.5, 1.0);
  }
}

double Scale::At(double value) const {
  if (std::isnan(value)) return 0;
  double place = 0;
  if (kind_ == Kind::kLinear) {
    place = (value - low_) / (high_ - low_);
  } else if (value > 0) {
    place = std::log(value / low_) / std::log(high_ / low_);
  }
  return std::clamp(place, 0.0, 1.0);
}

std::vector<double> Scale::LinearTicks(size_t most) const {
  const double rough = (high_ - low_) / static_cast<double>(std::max<size_t>(most, 2) - 1);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  std::vector<double> ticks;
  for (const double factor : {1.0, 2.0, 5.0, 10.0, 20.0, 50.0}) {
    const double step = factor * power;
    const double first = std::ceil(low_ / step - 1e-9);
    const double last = std::floor(high_ / step + 1e-9);
    if (last - first + 1 > static_cast<double>(most)) continue;
    for (double i = first; i <= last; ++i) ticks.push_back(i * step);
    break;
  }
  return ticks;
}

std::vector<double> Scale::Ticks(size_t most) const {
  if (kind_ == Kind::kLinear) return LinearTicks(most);
  const double first = std::floor(std::log10(low_) + 1e-9);
  const double last = std::ceil(std::log10(high_) - 1e-9);
  const std::vector<std::vector<double>> choices = {{1, 2, 5}, {1, 3}, {1}};
  for (double stride = 1; stride < 40; stride *= 2) {
    for (const std::vector<double>& factors : choices) {
      if (stride > 1 && factors.size() > 1) continue;
      std::vector<double> ticks;
      for (double power = first; power <= last; power += stride) {
        for (const double factor : factors) {
          const double value = factor * std::pow(10, power);
          if (value >= low_ * (1 - 1e-9) && value <= high_ * (1 + 1e-9)) ticks.push_back(value);
        }
      }
      if (ticks.size() < 2) return LinearTicks(most);
      if (ticks.size() <= most) return ticks;
    }
  }
  return {};
}

}  // namespace spindle::bench
