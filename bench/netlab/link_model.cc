#include "bench/netlab/link_model.h"

#include <algorithm>

#include "base/check.h"

namespace spindle::bench {

LinkModel::LinkModel(const LinkOptions& options, uint64_t seed) : options_(options), random_(seed) {
  SPINDLE_CHECK(options.delay >= Duration::zero() && options.jitter >= Duration::zero());
  SPINDLE_CHECK(options.queue_packets > 0);
  SPINDLE_CHECK(options.loss >= 0 && options.loss <= 1) << options.loss;
  if (options.bits_per_second > 0) starts_.resize(options.queue_packets);
}

LinkModel::Verdict LinkModel::Offer(TimePoint now, size_t bytes) {
  const TimePoint sent = Serialise(now, bytes);
  if (sent == kNever) return {PacketFate::kQueueFull, kNever};
  // Both are drawn for each packet, so that the losses do not depend on the jitter, nor the other
  // way round.
  const bool lost = random_.Chance(options_.loss);
  const Duration jitter(
      static_cast<int64_t>(random_.Uniform(static_cast<uint64_t>(options_.jitter.count()) + 1)));
  if (lost) return {PacketFate::kLost, kNever};
  TimePoint due = SaturatingAdd(SaturatingAdd(sent, options_.delay), jitter);
  if (options_.reordering == Reordering::kNever) due = std::max(due, last_due_);
  last_due_ = std::max(due, last_due_);
  return {PacketFate::kArrives, due};
}

TimePoint LinkModel::Serialise(TimePoint now, size_t bytes) {
  if (options_.bits_per_second == 0) return now;
  while (waiting_ > 0 && starts_[first_start_] <= now) {
    first_start_ = (first_start_ + 1) % starts_.size();
    --waiting_;
  }
  // A link that becomes free within this nanosecond is free: then nobody waits.
  if (free_ <= now) {
    free_ = now;
    free_rest_ = 0;
  } else {
    if (waiting_ == starts_.size()) return kNever;
    starts_[(first_start_ + waiting_) % starts_.size()] = free_;
    max_waiting_ = std::max(max_waiting_, ++waiting_);
  }
  __extension__ using Wide = unsigned __int128;
  const Wide time = Wide{bytes} * 8 * 1'000'000'000 + free_rest_;
  free_ = SaturatingAdd(free_, Duration(static_cast<int64_t>(time / options_.bits_per_second)));
  free_rest_ = static_cast<uint64_t>(time % options_.bits_per_second);
  // The fraction of a nanosecond counts as a whole one: never early.
  return free_rest_ == 0 ? free_ : free_ + Duration(1);
}

}  // namespace spindle::bench
