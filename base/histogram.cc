#include "base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace spindle {

void Histogram::RecordMany(Duration value, uint64_t count) {
  if (count == 0) return;
  if (value < Duration::zero()) {
    value = Duration::zero();
    clamped_low_ += count;
  } else if (value > kMax) {
    value = kMax;
    clamped_high_ += count;
  }
  const auto ns = static_cast<uint64_t>(value.count());
  size_t octave = 0;
  size_t index = ns;
  if (ns >= kSub) {
    const int shift = static_cast<int>(std::bit_width(ns)) - kSubBits - 1;
    octave = static_cast<size_t>(shift) + 1;
    index = (ns >> shift) - kSub;
  }
  std::vector<uint64_t>& counts = octaves_[octave];
  if (counts.empty()) counts.resize(kSub);
  counts[index] += count;
  count_ += count;
  sum_ += absl::uint128(ns) * count;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t octave = 0; octave < kOctaves; ++octave) {
    const std::vector<uint64_t>& from = other.octaves_[octave];
    if (from.empty()) continue;
    std::vector<uint64_t>& to = octaves_[octave];
    if (to.empty()) to.resize(kSub);
    for (size_t i = 0; i < kSub; ++i) to[i] += from[i];
  }
  count_ += other.count_;
  clamped_low_ += other.clamped_low_;
  clamped_high_ += other.clamped_high_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void Histogram::Clear() noexcept {
  for (std::vector<uint64_t>& counts : octaves_) std::fill(counts.begin(), counts.end(), 0);
  count_ = clamped_low_ = clamped_high_ = 0;
  sum_ = 0;
  min_ = kMax;
  max_ = Duration::zero();
}

Duration Histogram::mean() const noexcept {
  if (count_ == 0) return Duration::zero();
  return Duration(static_cast<int64_t>(absl::Uint128Low64(sum_ / count_)));
}

HistogramBucket Histogram::BucketAt(size_t octave, size_t index, uint64_t count) noexcept {
  const size_t shift = octave == 0 ? 0 : octave - 1;
  const uint64_t lower = (octave == 0 ? index : index + kSub) << shift;
  return {Duration(static_cast<int64_t>(lower)),
          Duration(static_cast<int64_t>(lower + (uint64_t{1} << shift))), count};
}

Duration Histogram::ValueAtQuantile(double quantile) const noexcept {
  if (count_ == 0 || !(quantile > 0.0)) return min();
  if (quantile >= 1.0) return max();
  const double exact_rank = std::ceil(quantile * static_cast<double>(count_));
  const uint64_t rank =
      exact_rank >= static_cast<double>(count_) ? count_ : static_cast<uint64_t>(exact_rank);
  uint64_t seen = 0;
  for (size_t octave = 0; octave < kOctaves; ++octave) {
    const std::vector<uint64_t>& counts = octaves_[octave];
    for (size_t i = 0; i < counts.size(); ++i) {
      seen += counts[i];
      if (seen < rank || counts[i] == 0) continue;
      const HistogramBucket bucket = BucketAt(octave, i, counts[i]);
      const Duration middle = bucket.lower + (bucket.upper - bucket.lower) / 2;
      return std::clamp(middle, min_, max_);
    }
  }
  return max();
}

void Histogram::ForEachBucket(absl::FunctionRef<void(const HistogramBucket&)> visit) const {
  for (size_t octave = 0; octave < kOctaves; ++octave) {
    const std::vector<uint64_t>& counts = octaves_[octave];
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] != 0) visit(BucketAt(octave, i, counts[i]));
    }
  }
}

HistogramParts Histogram::ToParts() const {
  HistogramParts parts{.min = min(),
                       .max = max(),
                       .mean = mean(),
                       .clamped_low = clamped_low_,
                       .clamped_high = clamped_high_};
  ForEachBucket([&](const HistogramBucket& bucket) { parts.buckets.push_back(bucket); });
  return parts;
}

std::optional<Histogram> Histogram::FromParts(const HistogramParts& parts) {
  Histogram histogram;
  if (parts.buckets.empty()) {
    const bool nothing = parts.min == Duration::zero() && parts.max == Duration::zero() &&
                         parts.mean == Duration::zero() && parts.clamped_low == 0 &&
                         parts.clamped_high == 0;
    return nothing ? std::optional(histogram) : std::nullopt;
  }
  Duration end{0};    // Of the last bucket so far.
  Duration begin{0};  // Where it begins.
  Duration first_end{0};
  for (const HistogramBucket& bucket : parts.buckets) {
    if (bucket.count == 0 || bucket.lower < end || bucket.lower > kMax) return std::nullopt;
    if (histogram.count_ + bucket.count < bucket.count) return std::nullopt;
    const auto ns = static_cast<uint64_t>(bucket.lower.count());
    const int shift = std::max(0, static_cast<int>(std::bit_width(ns)) - kSubBits - 1);
    if ((ns >> shift) << shift != ns) return std::nullopt;
    histogram.RecordMany(bucket.lower, bucket.count);
    begin = bucket.lower;
    end = begin + Duration(int64_t{1} << shift);
    if (first_end == Duration::zero()) first_end = end;
  }
  if (parts.min < parts.buckets.front().lower || parts.min >= first_end || parts.max < begin ||
      parts.max >= end || parts.mean < parts.min || parts.mean > parts.max) {
    return std::nullopt;
  }
  histogram.min_ = parts.min;
  histogram.max_ = parts.max;
  histogram.sum_ = absl::uint128(static_cast<uint64_t>(parts.mean.count())) * histogram.count_;
  histogram.clamped_low_ = parts.clamped_low;
  histogram.clamped_high_ = parts.clamped_high;
  return histogram;
}

}  // namespace spindle
