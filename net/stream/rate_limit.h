#ifndef SPINDLE_NET_STREAM_RATE_LIMIT_H_
#define SPINDLE_NET_STREAM_RATE_LIMIT_H_

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace spindle {

// So many bytes per second, and so many at once after a silence. In any span of time t at most
// burst + t * bytes_per_second pass.
struct RateLimit {
  uint64_t bytes_per_second = 0;  // 0: no limit. Above kMaxRate: as kMaxRate.
  uint64_t burst = 0;             // 0: a tenth of a second's worth, at least one byte.

  // 64 GiB/s.
  static constexpr uint64_t kMaxRate = uint64_t{1} << 36;
  static constexpr uint64_t kMaxBurst = uint64_t{1} << 40;  // 1 TiB; more counts as that.

  bool unlimited() const { return bytes_per_second == 0; }
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// The arithmetic of a token bucket in bytes: how many the clock has earned since its zero, against
// how many were spent. The first is computed from the time alone, in 128 bits, so that nothing is
// rounded twice and no sum drifts; the second is one number, which may be atomic. Both count modulo
// 2^64: at the highest rate a bucket may lie unused for eight years.
//
// This is the generic cell rate algorithm (ITU-T I.371) with its clock in bytes. Immutable.
class BucketMath {
 public:
  explicit BucketMath(const RateLimit& limit);

  bool unlimited() const { return rate_ == 0; }
  uint64_t rate() const { return rate_; }
  uint64_t burst() const { return burst_; }

  // What may be spent at `now`; spends reach into the future up to any time.
  uint64_t Available(uint64_t spent, TimePoint now) const;
  // How far spends are ahead of the clock at `now`; 0 if the bucket is full.
  uint64_t Debt(uint64_t spent, TimePoint now) const;
  // `spent` without what the bucket, full, could not hold at `now`: spends count from there.
  uint64_t Base(uint64_t spent, TimePoint now) const;
  // The first time, not before `now`, at which what was spent up to `spent_then` is covered.
  // Limits must be set. kNever if that is beyond the clock.
  TimePoint Covered(uint64_t spent_then, TimePoint now) const;

 private:
  __extension__ using Wide = unsigned __int128;
  Wide Earned(TimePoint now) const;

  uint64_t rate_;
  uint64_t burst_;
};

// One limit for one user. Time is passed in and must not run backwards. Without a limit everything
// is available. One thread.
class TokenBucket {
 public:
  // Full at first.
  explicit TokenBucket(const RateLimit& limit = {}) : math_(limit) {}

  bool unlimited() const { return math_.unlimited(); }
  uint64_t burst() const { return math_.burst(); }
  uint64_t Available(TimePoint now) const { return math_.Available(spent_, now); }
  // Takes `bytes`, also more than there are: then there are none until the debt is paid.
  void Take(uint64_t bytes, TimePoint now);
  // The first time, not before `now`, at which `bytes` are available (or the burst, if that is
  // less).
  TimePoint When(uint64_t bytes, TimePoint now) const;
  // Another limit; what is available stays, up to the new burst. Full if there was no limit.
  void SetLimit(const RateLimit& limit, TimePoint now);

 private:
  BucketMath math_;
  uint64_t spent_ = 0;
};

// A limit that many share: the connections of one customer, say, on any servers, clients and loops.
//
// Fair: who finds it empty gets a place in the future, behind those who came before, for one share
// of the burst; so connections that are always busy get the same rate, however many they are. One
// that wants less leaves the rest to others.
//
// Any thread, without locks. Held by shared_ptr in ConnectionOptions. The limit is for the life of
// the group; to change it, give the connections another group.
class RateGroup {
 public:
  explicit RateGroup(const RateLimit& limit);
  RateGroup(const RateGroup&) = delete;
  RateGroup& operator=(const RateGroup&) = delete;

  struct Counters {
    uint64_t bytes = 0;  // Passed.
    uint64_t waits = 0;  // Times that a connection had to wait for its place.
  };
  Counters counters() const;
  uint64_t bytes_per_second() const { return math_.rate(); }
  uint64_t burst() const { return math_.burst(); }

  // ---- For the library.

  struct Grant {
    uint64_t bytes = 0;
    TimePoint when;  // From then on they may be used; not before `now`.
  };
  // At least one of `wanted` (> 0) bytes, at most a share. They are the caller's; what it does not
  // use it returns.
  Grant Reserve(uint64_t wanted, TimePoint now);
  void Return(uint64_t bytes);
  // Takes `bytes` if they are there at once.
  bool TryTake(uint64_t bytes, TimePoint now);

 private:
  const BucketMath math_;
  const uint64_t share_;
  std::atomic<uint64_t> spent_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> waits_{0};
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_RATE_LIMIT_H_
