#ifndef SPINDLE_BASE_HISTOGRAM_H_
#define SPINDLE_BASE_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/numeric/int128.h"
#include "base/clock.h"

namespace spindle {

// One range of a Histogram: values in [lower, upper) were recorded `count` times.
struct HistogramBucket {
  Duration lower{};
  Duration upper{};
  uint64_t count = 0;
};

// All that a Histogram knows, as plain data: for files. `upper` of the buckets follows from
// `lower`.
struct HistogramParts {
  std::vector<HistogramBucket> buckets = {};  // Ascending, none empty.
  Duration min{};
  Duration max{};
  Duration mean{};
  uint64_t clamped_low = 0;
  uint64_t clamped_high = 0;
};

// A latency histogram with three significant digits from 0 ns to kMax (73 minutes), after
// HdrHistogram: below 512 ns each nanosecond has its bucket, above each power of two is cut into
// 512. One thread at a time: keep one per thread and Merge. Copyable.
//
// A value read back is within 0.1 % of the value recorded. Negative values count as 0 and values
// above kMax as kMax; clamped_low() and clamped_high() say how many. Counts wrap at 2^64.
// Memory: 4 KiB for each power of two ever hit, allocated at its first value; 1 us to 16 ms take
// 60 KiB, the whole range 136 KiB, an empty histogram 1 KiB.
class Histogram {
 public:
  static constexpr Duration kMax{(int64_t{1} << 42) - 1};

  void Record(Duration value) { RecordMany(value, 1); }
  void RecordMany(Duration value, uint64_t count);

  // Adds all that `other` has recorded; `other` may be this histogram.
  void Merge(const Histogram& other);

  // Forgets everything; keeps the memory.
  void Clear() noexcept;

  uint64_t count() const noexcept { return count_; }
  uint64_t clamped_low() const noexcept { return clamped_low_; }
  uint64_t clamped_high() const noexcept { return clamped_high_; }

  // Exact, after clamping. Zero when nothing was recorded.
  Duration min() const noexcept { return count_ == 0 ? Duration::zero() : min_; }
  Duration max() const noexcept { return max_; }
  Duration mean() const noexcept;

  // The smallest value v such that at least `quantile` of all records are <= v: 0.5 is the median,
  // 0 the minimum, 1 the maximum. Zero when nothing was recorded. Outside [0, 1] is clamped, NaN
  // counts as 0.
  Duration ValueAtQuantile(double quantile) const noexcept;

  // Calls `visit` for each bucket that is not empty, in ascending order. The histogram must not be
  // changed meanwhile.
  void ForEachBucket(absl::FunctionRef<void(const HistogramBucket&)> visit) const;

  HistogramParts ToParts() const;

  // The histogram that has these parts. Nothing if there can be none: buckets that are empty, out
  // of order or do not begin where one begins, counts beyond 2^64, a minimum or maximum outside the
  // first or last bucket, a mean outside both. The sum of all values comes back as mean times
  // count.
  static std::optional<Histogram> FromParts(const HistogramParts& parts);

 private:
  static constexpr int kSubBits = 9;
  static constexpr size_t kSub = size_t{1} << kSubBits;
  static constexpr size_t kOctaves = 42 - kSubBits + 1;

  static HistogramBucket BucketAt(size_t octave, size_t index, uint64_t count) noexcept;

  // Octave 0 holds [0, 512) by ones; octave k holds [2^(k+8), 2^(k+9)) by 2^(k-1). Empty: unused.
  std::array<std::vector<uint64_t>, kOctaves> octaves_;
  uint64_t count_ = 0;
  uint64_t clamped_low_ = 0;
  uint64_t clamped_high_ = 0;
  absl::uint128 sum_ = 0;
  Duration min_ = kMax;
  Duration max_ = Duration::zero();
};

}  // namespace spindle

#endif  // SPINDLE_BASE_HISTOGRAM_H_
