#ifndef SPINDLE_BENCH_NETLAB_LINK_MODEL_H_
#define SPINDLE_BENCH_NETLAB_LINK_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace spindle::bench {

enum class Reordering : uint8_t { kNever, kByJitter };

// What one direction of a link does to packets.
struct LinkOptions {
  // From the moment at which a packet is on the link to its arrival. Not negative.
  Duration delay{0};
  // How fast packets get onto the link, one after the other; 0: all at once.
  uint64_t bits_per_second = 0;
  // So many packets may wait while another one gets onto the link; the next one is dropped. Without
  // a rate none waits. At least 1.
  size_t queue_packets = 1000;
  // The probability, 0 to 1, that a packet is lost on the link; it takes its time there all the
  // same.
  double loss = 0;
  // Added to the delay: uniform from 0 to this, anew for each packet. Not negative.
  Duration jitter{0};
  // With kNever a packet whose jitter would make it overtake arrives with the one before it.
  Reordering reordering = Reordering::kNever;
};

enum class PacketFate : uint8_t { kArrives, kQueueFull, kLost };

// Decides what becomes of each packet of one direction, and when. No packets are kept here, and no
// clock is read: the same offers and seed give the same answers. One thread at a time. Options are
// as in LinkOptions; a value out of range fails a CHECK.
class LinkModel {
 public:
  struct Verdict {
    PacketFate fate = PacketFate::kArrives;
    TimePoint
        due{};  // Of an arrival. Not before any earlier arrival, unless reordering is allowed.
  };

  LinkModel(const LinkOptions& options, uint64_t seed);

  // A packet of `bytes` comes to the link at `now`, which must not run backwards.
  Verdict Offer(TimePoint now, size_t bytes);

  // The most packets that ever waited at once.
  size_t max_waiting() const { return max_waiting_; }

 private:
  // The time at which the packet is on the link; kNever if it had no place in the queue.
  TimePoint Serialise(TimePoint now, size_t bytes);

  const LinkOptions options_;
  Random random_;
  // When each packet that waits starts to get onto the link: a ring of queue_packets places.
  std::vector<TimePoint> starts_;
  size_t first_start_ = 0;
  size_t waiting_ = 0;
  size_t max_waiting_ = 0;
  // When the link is free again: `free_` and `free_rest_` / bits_per_second nanoseconds.
  TimePoint free_{};
  uint64_t free_rest_ = 0;
  TimePoint last_due_{};
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_LINK_MODEL_H_
