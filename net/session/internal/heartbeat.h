#ifndef SPINDLE_NET_SESSION_INTERNAL_HEARTBEAT_H_
#define SPINDLE_NET_SESSION_INTERNAL_HEARTBEAT_H_

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace spindle {

// Decides, once per interval, whether the peer lives and whether to ask it. Costs one store per
// read of bytes, and one tick per interval, whatever the traffic.
//
// A sign of life is any byte received, not only whole frames or PONGs: a large message may take
// longer to arrive than all that is allowed. While our own output waits, what the peer takes of it
// is one too, since our PING waits behind it. Who does not listen cannot hear: while the user has
// paused reading, nothing is missed.
//
// Found dead: `misses` intervals after the first tick behind the last sign of life, so between
// misses and misses + 1 intervals after it.
//
// Pure; one thread at a time.
class Heartbeat {
 public:
  enum class Verdict : uint8_t { kWait, kPing, kDead };

  // The connection at a tick.
  struct Line {
    bool listening = true;  // The user has not paused reading.
    size_t queued = 0;      // Output that waits.
    uint64_t sent = 0;      // Bytes that the kernel has taken in all.
  };

  // Bytes came.
  void Heard() { heard_ = true; }

  // One interval has gone by.
  Verdict Tick(const Line& line, uint32_t misses) {
    const bool took = waited_ && line.sent > sent_;
    const bool alive = heard_ || took || !line.listening || !asked_;
    missed_ = alive ? 0 : missed_ + 1;
    heard_ = false;
    waited_ = line.queued > 0;
    sent_ = line.sent;
    if (missed_ >= misses) return Verdict::kDead;
    // One question in the queue is enough. Others must still hear of us while we do not listen.
    asked_ = true;
    return waiting_for_ == 0 || line.queued == 0 ? Verdict::kPing : Verdict::kWait;
  }

  // The token of a PING that is sent at `now`.
  uint64_t Ping(TimePoint now) {
    pinged_at_ = now;
    return waiting_for_ = ++last_token_;
  }

  // A PONG came. One that nobody waits for is no more than a sign of life.
  void Pong(uint64_t token, TimePoint now) {
    if (token == 0 || token != waiting_for_) return;
    waiting_for_ = 0;
    last_rtt_ = now - pinged_at_;
    // RFC 6298 2.2 and 2.3: the first as it is, then an eighth of each.
    smoothed_rtt_ = smoothed_rtt_ < Duration::zero()
                        ? last_rtt_
                        : smoothed_rtt_ + (last_rtt_ - smoothed_rtt_) / 8;
  }

  // Negative while none is known.
  Duration last_rtt() const { return last_rtt_; }
  Duration smoothed_rtt() const { return smoothed_rtt_; }
  uint32_t missed() const { return missed_; }

 private:
  uint64_t last_token_ = 0;
  uint64_t waiting_for_ = 0;  // The token of the PING that is not answered; 0: none.
  uint64_t sent_ = 0;         // Of the last tick.
  TimePoint pinged_at_;
  Duration last_rtt_{-1};
  Duration smoothed_rtt_{-1};
  uint32_t missed_ = 0;
  bool heard_ = false;   // Since the last tick.
  bool waited_ = false;  // Output was queued at the last tick.
  bool asked_ = false;   // There was a tick.
};

}  // namespace spindle

#endif  // SPINDLE_NET_SESSION_INTERNAL_HEARTBEAT_H_
