#ifndef SPINDLE_BASE_BACKOFF_H_
#define SPINDLE_BASE_BACKOFF_H_

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "base/random.h"

namespace spindle {

// The delay after `failures` (at least 1) in a row, before chance has its part: initial *
// multiplier^(failures - 1), at most `max`. A multiplier below 1 counts as 1, negative times as 0.
Duration BackoffCeiling(Duration initial, Duration max, double multiplier, uint32_t failures);

// How much of a delay is left to chance.
enum class Jitter : uint8_t {
  kNone,  // Nothing: all who failed together come back together. For tests.
  // Uniform over [0, ceiling), the ceiling growing by `multiplier` with each failure.
  kFull,
  // Uniform over [initial, 3 * the delay before), at most `max`; never soon after a failure.
  kDecorrelated,
};

// When to try again after a failure: in a time of up to BackoffCeiling.
//
// The defaults keep the clients of a restarted server apart. With kFull the first delays of N
// clients that failed together are uniform over `initial`: 5 % of them in any 100 ms. Later ones
// are spread wider, and when the server is back everybody is there within `max`.
struct BackoffPolicy {
  Duration initial = std::chrono::seconds(2);
  Duration max = std::chrono::seconds(8);
  double multiplier = 2.0;  // At least 1.
  Jitter jitter = Jitter::kFull;
};

// The delays of one client after failures in a row. Loop-free; one thread at a time.
class Backoff {
 public:
  explicit Backoff(const BackoffPolicy& policy) : policy_(policy) {}

  // Counts a failure and returns how long to wait after it: 0 to policy.max.
  Duration Next(Random& random);
  // After a success: the next failure is the first again.
  void Reset();
  uint32_t failures() const { return failures_; }

 private:
  const BackoffPolicy policy_;
  uint32_t failures_ = 0;
  Duration previous_{0};  // kDecorrelated only.
};

// Uniform over [0, limit); zero for limits that are not positive.
Duration RandomDuration(Random& random, Duration limit);

}  // namespace spindle

#endif  // SPINDLE_BASE_BACKOFF_H_
