#include "base/random.h"

#include <bit>

#include "base/check.h"

namespace spindle {
namespace {

uint64_t SplitMix64(uint64_t& state) noexcept {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) noexcept {
  for (uint64_t& word : state_) word = SplitMix64(seed);
}

uint64_t Random::Next() noexcept {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::Uniform(uint64_t n) {
  SPINDLE_CHECK(n > 0);
  // Draws from the largest multiple of n; the values above it, 2^64 mod n of them, are drawn again.
  const uint64_t rejected = (0 - n) % n;
  uint64_t value = Next();
  while (value < rejected) value = Next();
  return value % n;
}

}  // namespace spindle
