#include "net/pool/circuit_breaker.h"

#include <algorithm>
#include <limits>

namespace spindle {

std::string_view CircuitStateName(CircuitState state) {
  switch (state) {
    case CircuitState::kClosed:
      return "closed";
    case CircuitState::kOpen:
      return "open";
    case CircuitState::kHalfOpen:
      break;
  }
  return "half_open";
}

CircuitState CircuitBreaker::state(TimePoint now) const {
  if (!open_) return CircuitState::kClosed;
  return now < half_open_at_ ? CircuitState::kOpen : CircuitState::kHalfOpen;
}

bool CircuitBreaker::Allow(TimePoint now) {
  switch (state(now)) {
    case CircuitState::kClosed:
      return true;
    case CircuitState::kOpen:
      return false;
    case CircuitState::kHalfOpen:
      break;
  }
  if (trial_) return false;
  trial_ = true;
  return true;
}

void CircuitBreaker::OnSuccess() {
  failures_ = 0;
  trial_ = false;
  if (open_ && ++successes_ >= options_.successes_to_close) open_ = false;
}

void CircuitBreaker::OnFailure(TimePoint now, Random& random) {
  trial_ = false;
  if (failures_ < std::numeric_limits<uint32_t>::max()) ++failures_;
  switch (state(now)) {
    case CircuitState::kClosed:
      if (options_.failures_to_open > 0 && failures_ >= options_.failures_to_open) {
        Open(now, random);
      }
      return;
    case CircuitState::kOpen:
      return;  // Of an attempt that began before it opened.
    case CircuitState::kHalfOpen:
      Open(now, random);
      return;
  }
}

void CircuitBreaker::OnAbandoned() { trial_ = false; }

void CircuitBreaker::Open(TimePoint now, Random& random) {
  const double part = 1.0 - std::clamp(options_.jitter, 0.0, 1.0) * random.NextDouble();
  const auto wait = static_cast<int64_t>(
      static_cast<double>(std::max(options_.open_for, Duration::zero()).count()) * part);
  open_ = true;
  successes_ = 0;
  half_open_at_ = SaturatingAdd(now, Duration(wait));
  ++times_opened_;
}

}  // namespace spindle
