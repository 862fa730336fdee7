#ifndef SPINDLE_NET_POOL_CIRCUIT_BREAKER_H_
#define SPINDLE_NET_POOL_CIRCUIT_BREAKER_H_

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"

namespace spindle {

enum class CircuitState : uint8_t {
  kClosed,    // All is well: everybody may try.
  kOpen,      // It failed too often: nobody may try for a while.
  kHalfOpen,  // The while is over: one may try, the others wait for what comes of it.
};

// "closed", "open", "half_open"; a literal.
std::string_view CircuitStateName(CircuitState state);

struct CircuitBreakerOptions {
  uint32_t failures_to_open = 5;    // In a row; 0: it never opens.
  uint32_t successes_to_close = 1;  // In a row while half open; at least 1.
  // How long it stays open: open_for, less a random part of up to `jitter` of it.
  Duration open_for = std::chrono::seconds(2);
  double jitter = 0.5;  // 0 to 1.
};

// Stops trying what keeps failing, and finds out when it works again. Knows no clock: every call
// says what time it is, which must not run backwards. Loop-free; one thread at a time.
//
// Each Allow that returned true is followed by one OnSuccess, OnFailure or OnAbandoned.
class CircuitBreaker {
 public:
  explicit CircuitBreaker(const CircuitBreakerOptions& options) : options_(options) {}

  // Whether somebody may try now. While half open only one at a time: he is the trial.
  bool Allow(TimePoint now);
  void OnSuccess();
  void OnFailure(TimePoint now, Random& random);
  // The attempt was given up and says nothing.
  void OnAbandoned();

  CircuitState state(TimePoint now) const;
  // While open: when it becomes half open. Else the past.
  TimePoint half_open_at() const { return half_open_at_; }
  uint32_t failures() const { return failures_; }
  uint64_t times_opened() const { return times_opened_; }

 private:
  void Open(TimePoint now, Random& random);

  const CircuitBreakerOptions options_;
  bool open_ = false;  // Open or half open.
  bool trial_ = false;
  TimePoint half_open_at_ = TimePoint::min();
  uint32_t failures_ = 0;   // In a row.
  uint32_t successes_ = 0;  // In a row while half open.
  uint64_t times_opened_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_CIRCUIT_BREAKER_H_
