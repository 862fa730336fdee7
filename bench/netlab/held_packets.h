#ifndef SPINDLE_BENCH_NETLAB_HELD_PACKETS_H_
#define SPINDLE_BENCH_NETLAB_HELD_PACKETS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"

namespace spindle::bench {

// Packets that wait for their time, the next one first; those of equal times as they came. One
// thread at a time.
//
// Memory is taken in blocks as more packets are held than ever before, and given back at the end:
// after that no packet costs an allocation. A packet that is due after all others costs O(1).
class HeldPackets {
 public:
  // Holds `max_packets` of at most `packet_bytes` each.
  HeldPackets(size_t packet_bytes, size_t max_packets);

  // Room for one packet of `packet_bytes`, to be filled. The same room until it is used by Hold.
  std::span<std::byte> Room();
  // Keeps the first `bytes` of the room until Pop. False, and nothing kept, if it is full.
  bool Hold(size_t bytes, TimePoint due);

  size_t size() const { return size_; }
  // kNever if there is none.
  TimePoint next_due() const { return size_ == 0 ? kNever : At(0).due; }
  // There must be one.
  std::span<const std::byte> next() const;
  void Pop();

 private:
  struct Entry {
    TimePoint due;
    uint32_t slot = 0;
    uint32_t bytes = 0;
  };

  static constexpr size_t kSlotsPerBlock = 64;

  Entry& At(size_t i) { return ring_[(first_ + i) & (ring_.size() - 1)]; }
  const Entry& At(size_t i) const { return ring_[(first_ + i) & (ring_.size() - 1)]; }
  std::byte* SlotData(uint32_t slot) const;
  void AddBlock();
  void GrowRing();

  const size_t packet_bytes_;
  const size_t max_packets_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::vector<uint32_t> free_;  // Slots; the last one is the room.
  std::vector<Entry> ring_;     // Sorted by due, from first_ on; its size is a power of two.
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_HELD_PACKETS_H_
