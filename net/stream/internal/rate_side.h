#ifndef SPINDLE_NET_STREAM_INTERNAL_RATE_SIDE_H_
#define SPINDLE_NET_STREAM_INTERNAL_RATE_SIDE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "net/stream/rate_limit.h"

namespace spindle {

// The limits on one direction of one connection: its own and that of its group. Loop thread only.
//
// A transfer goes Allow -> system call -> Spend. Where Allow says 0, resume() tells when to ask
// again; a place reserved with the group is kept until then, and must be given back by Release if
// nobody will ask.
class RateSide {
 public:
  RateSide(const RateLimit& own, std::shared_ptr<RateGroup> group)
      : own_(own), group_(std::move(group)) {}
  ~RateSide() { Release(); }
  RateSide(const RateSide&) = delete;
  RateSide& operator=(const RateSide&) = delete;

  void SetOwn(const RateLimit& limit, TimePoint now) { own_.SetLimit(limit, now); }
  void SetGroup(std::shared_ptr<RateGroup> group);

  // How many of `wanted` (> 0) bytes may pass now; 0: none until resume().
  size_t Allow(size_t wanted, TimePoint now);
  // Of what Allow said, `bytes` have passed; the rest is given back.
  void Spend(size_t bytes, TimePoint now);
  // Nobody waits any more.
  void Release();

  // kNever unless somebody waits.
  TimePoint resume() const { return resume_; }
  void EndWait() { resume_ = kNever; }

 private:
  TokenBucket own_;
  std::shared_ptr<RateGroup> group_;
  uint64_t reserved_ = 0;     // With the group, not spent yet.
  TimePoint reserved_for_{};  // From when on.
  TimePoint resume_ = kNever;
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_RATE_SIDE_H_
