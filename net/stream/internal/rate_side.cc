#include "net/stream/internal/rate_side.h"

#include <algorithm>
#include <utility>

namespace spindle {
namespace {

// A transfer waits until at least this part of the burst may pass, so that a slow bucket does not
// make a system call for each byte.
constexpr uint64_t kLeastOfBurst = 8;

}  // namespace

void RateSide::SetGroup(std::shared_ptr<RateGroup> group) {
  Release();
  group_ = std::move(group);
}

size_t RateSide::Allow(size_t wanted, TimePoint now) {
  resume_ = kNever;
  uint64_t allowed = wanted;
  if (!own_.unlimited()) {
    const uint64_t available = own_.Available(now);
    const uint64_t least =
        std::min<uint64_t>(wanted, std::max<uint64_t>(1, own_.burst() / kLeastOfBurst));
    if (available < least) {
      resume_ = own_.When(least, now);
      return 0;
    }
    allowed = std::min(allowed, available);
  }
  if (group_ == nullptr) return allowed;
  if (reserved_ == 0) {
    const RateGroup::Grant grant = group_->Reserve(allowed, now);
    reserved_ = grant.bytes;
    reserved_for_ = grant.when;
  }
  if (reserved_for_ > now) {
    resume_ = reserved_for_;
    return 0;
  }
  return std::min(allowed, reserved_);
}

void RateSide::Spend(size_t bytes, TimePoint now) {
  own_.Take(bytes, now);
  if (group_ == nullptr) return;
  group_->Return(reserved_ - bytes);
  reserved_ = 0;
}

void RateSide::Release() {
  resume_ = kNever;
  if (group_ != nullptr) group_->Return(std::exchange(reserved_, 0));
}

}  // namespace spindle
