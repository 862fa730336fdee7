#include "net/stream/rate_limit.h"

#include <algorithm>
#include <limits>

namespace spindle {
namespace {

constexpr uint64_t kNanos = 1'000'000'000;
// Spends reach no further into the future than so many bytes; a larger difference is a bucket that
// lags behind the clock.
constexpr uint64_t kMaxDebt = uint64_t{1} << 56;
// Of one bucket; leaves room for the burst.
constexpr uint64_t kLargestDebt = kMaxDebt / 2;
// One reservation is this part of the burst.
constexpr uint64_t kSharesPerBurst = 8;

}  // namespace

BucketMath::BucketMath(const RateLimit& limit)
    : rate_(std::min(limit.bytes_per_second, RateLimit::kMaxRate)),
      burst_(std::min(limit.burst > 0 ? limit.burst : std::max<uint64_t>(1, rate_ / 10),
                      RateLimit::kMaxBurst)) {}

BucketMath::Wide BucketMath::Earned(TimePoint now) const {
  const Duration::rep nanos = now.time_since_epoch().count();
  return static_cast<Wide>(nanos < 0 ? 0 : static_cast<uint64_t>(nanos)) * rate_ / kNanos;
}

uint64_t BucketMath::Debt(uint64_t spent, TimePoint now) const {
  const uint64_t ahead = spent - static_cast<uint64_t>(Earned(now));
  return ahead <= kMaxDebt ? ahead : 0;
}

uint64_t BucketMath::Base(uint64_t spent, TimePoint now) const {
  return static_cast<uint64_t>(Earned(now)) + Debt(spent, now);
}

uint64_t BucketMath::Available(uint64_t spent, TimePoint now) const {
  if (unlimited()) return std::numeric_limits<uint64_t>::max();
  return burst_ - std::min(Debt(spent, now), burst_);
}

TimePoint BucketMath::Covered(uint64_t spent_then, TimePoint now) const {
  const uint64_t debt = Debt(spent_then, now);
  if (debt <= burst_) return now;
  // Rounded up: not a nanosecond too early.
  const Wide nanos = ((Earned(now) + (debt - burst_)) * kNanos + (rate_ - 1)) / rate_;
  if (nanos > static_cast<Wide>(std::numeric_limits<Duration::rep>::max())) return kNever;
  return std::max(now, TimePoint(Duration(static_cast<Duration::rep>(nanos))));
}

void TokenBucket::Take(uint64_t bytes, TimePoint now) {
  if (unlimited()) return;
  // What goes beyond the largest debt is forgotten: no clock would see it paid.
  spent_ = math_.Base(spent_, now) +
           std::min(bytes, kLargestDebt - std::min(kLargestDebt, math_.Debt(spent_, now)));
}

TimePoint TokenBucket::When(uint64_t bytes, TimePoint now) const {
  if (unlimited()) return now;
  return math_.Covered(math_.Base(spent_, now) + std::min(bytes, math_.burst()), now);
}

void TokenBucket::SetLimit(const RateLimit& limit, TimePoint now) {
  const bool was_unlimited = unlimited();
  const uint64_t available = Available(now);
  math_ = BucketMath(limit);
  if (unlimited()) return;
  spent_ = math_.Base(0, now);
  if (!was_unlimited && available < burst()) Take(burst() - available, now);
}

RateGroup::RateGroup(const RateLimit& limit)
    : math_(limit), share_(std::max<uint64_t>(1, math_.burst() / kSharesPerBurst)) {}

RateGroup::Grant RateGroup::Reserve(uint64_t wanted, TimePoint now) {
  Grant grant{.bytes = wanted, .when = now};
  if (!math_.unlimited()) {
    grant.bytes = std::min(wanted, share_);
    uint64_t spent = spent_.load(std::memory_order_relaxed);
    uint64_t next;
    do {
      next = math_.Base(spent, now) + grant.bytes;
    } while (!spent_.compare_exchange_weak(spent, next, std::memory_order_relaxed));
    grant.when = math_.Covered(next, now);
    if (grant.when > now) waits_.fetch_add(1, std::memory_order_relaxed);
  }
  bytes_.fetch_add(grant.bytes, std::memory_order_relaxed);
  return grant;
}

void RateGroup::Return(uint64_t bytes) {
  if (bytes == 0) return;
  if (!math_.unlimited()) spent_.fetch_sub(bytes, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

bool RateGroup::TryTake(uint64_t bytes, TimePoint now) {
  if (!math_.unlimited()) {
    uint64_t spent = spent_.load(std::memory_order_relaxed);
    do {
      if (math_.Available(spent, now) < bytes) {
        waits_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
    } while (!spent_.compare_exchange_weak(spent, math_.Base(spent, now) + bytes,
                                           std::memory_order_relaxed));
  }
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

RateGroup::Counters RateGroup::counters() const {
  return {bytes_.load(std::memory_order_relaxed), waits_.load(std::memory_order_relaxed)};
}

}  // namespace spindle
