#include "base/backoff.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace spindle {

Duration RandomDuration(Random& random, Duration limit) {
  if (limit <= Duration::zero()) return Duration::zero();
  return Duration(static_cast<int64_t>(random.Uniform(static_cast<uint64_t>(limit.count()))));
}

Duration BackoffCeiling(Duration initial, Duration max, double multiplier, uint32_t failures) {
  const double growth = std::pow(std::max(1.0, multiplier), std::min(failures - 1.0, 1000.0));
  const double wanted = static_cast<double>(std::max(initial, Duration::zero()).count()) * growth;
  max = std::max(max, Duration::zero());
  return wanted < static_cast<double>(max.count()) ? Duration(static_cast<int64_t>(wanted)) : max;
}

Duration Backoff::Next(Random& random) {
  if (failures_ < std::numeric_limits<uint32_t>::max()) ++failures_;
  if (policy_.jitter == Jitter::kDecorrelated) {
    const Duration initial = std::max(policy_.initial, Duration::zero());
    const Duration max = std::max(policy_.max, Duration::zero());
    // Held below a third of the range of time, so that three times as much still fits.
    const Duration before = std::min({std::max(previous_, initial), max, Duration::max() / 3});
    const Duration low = std::min(initial, max);
    previous_ = std::min(max, low + RandomDuration(random, 3 * before - low));
    return previous_;
  }
  const Duration ceiling =
      BackoffCeiling(policy_.initial, policy_.max, policy_.multiplier, failures_);
  return policy_.jitter == Jitter::kNone ? ceiling : RandomDuration(random, ceiling);
}

void Backoff::Reset() {
  failures_ = 0;
  previous_ = Duration::zero();
}

}  // namespace spindle
