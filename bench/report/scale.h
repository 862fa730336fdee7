#ifndef SPINDLE_BENCH_REPORT_SCALE_H_
#define SPINDLE_BENCH_REPORT_SCALE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace spindle::bench {

// Maps values to places along an axis: `low` to 0, `high` to 1. Plain data. Whatever comes in, what
// comes out is in [0, 1]: NaN and, on a logarithmic scale, what is not above zero go to 0.
class Scale {
 public:
  enum class Kind : uint8_t { kLinear, kLogarithmic };

  // A domain that is empty, not finite or, for a logarithm, not above zero becomes one that is
  // near it and can be drawn.
  Scale(Kind kind, double low, double high);

  Kind kind() const { return kind_; }
  double low() const { return low_; }
  double high() const { return high_; }

  double At(double value) const;

  // At most `most` round values within the domain, ascending, at least two if `most` is at least
  // two and there are such: 1, 2 or 5 times a power of ten in even steps, or on a logarithmic scale
  // of more than a decade powers of ten, with 2 and 5 times them where there is room.
  std::vector<double> Ticks(size_t most) const;

 private:
  std::vector<double> LinearTicks(size_t most) const;

  Kind kind_;
  double low_;
  double high_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_SCALE_H_
