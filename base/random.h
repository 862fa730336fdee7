#ifndef SPINDLE_BASE_RANDOM_H_
#define SPINDLE_BASE_RANDOM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <utility>

namespace spindle {

// A seeded generator whose whole output, Uniform and Shuffle included, is the same on every
// platform and compiler, so that a seed replays a run. One thread at a time; give each its own by
// Fork. Copying repeats the sequence from that point. Not for secrets.
//
// xoshiro256** 1.0 by Blackman and Vigna, seeded by splitmix64: https://prng.di.unimi.it
class Random {
 public:
  explicit Random(uint64_t seed) noexcept;

  // Uniform over all 64-bit values.
  uint64_t Next() noexcept;

  // Uniform over [0, n), without bias. `n` must not be 0 (CHECK).
  uint64_t Uniform(uint64_t n);

  // True once in `n` calls on average. `n` must not be 0 (CHECK).
  bool OneIn(uint64_t n) { return Uniform(n) == 0; }

  // True with probability `p`; never for p <= 0 or NaN, always for p >= 1.
  bool Chance(double p) noexcept { return NextDouble() < p; }

  // Uniform over [0, 1) in steps of 2^-53.
  double NextDouble() noexcept { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

  // Brings the elements of a span, vector or array into a random order, each equally likely.
  template <std::ranges::random_access_range Range>
  void Shuffle(Range&& range) {
    auto first = std::ranges::begin(range);
    for (size_t left = static_cast<size_t>(std::ranges::size(range)); left > 1; --left) {
      using Difference = std::ranges::range_difference_t<Range>;
      const auto pick = static_cast<Difference>(Uniform(left));
      std::ranges::swap(first[pick], first[static_cast<Difference>(left - 1)]);
    }
  }

  // Returns a generator seeded from the next value: its sequence does not depend on how many values
  // are drawn from this one later.
  Random Fork() noexcept { return Random(Next()); }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace spindle

#endif  // SPINDLE_BASE_RANDOM_H_
