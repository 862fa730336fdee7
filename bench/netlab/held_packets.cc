#include "bench/netlab/held_packets.h"

#include <utility>

#include "base/check.h"

namespace spindle::bench {

HeldPackets::HeldPackets(size_t packet_bytes, size_t max_packets)
    : packet_bytes_(packet_bytes), max_packets_(max_packets), ring_(kSlotsPerBlock) {
  SPINDLE_CHECK(packet_bytes > 0 && packet_bytes <= UINT32_MAX && max_packets < UINT32_MAX / 2);
  AddBlock();
}

std::span<std::byte> HeldPackets::Room() { return {SlotData(free_.back()), packet_bytes_}; }

bool HeldPackets::Hold(size_t bytes, TimePoint due) {
  SPINDLE_CHECK(bytes <= packet_bytes_);
  if (size_ >= max_packets_) return false;
  if (size_ == ring_.size()) GrowRing();
  size_t place = size_++;
  for (; place > 0 && At(place - 1).due > due; --place) At(place) = At(place - 1);
  At(place) = {due, free_.back(), static_cast<uint32_t>(bytes)};
  free_.pop_back();
  if (free_.empty()) AddBlock();
  return true;
}

std::span<const std::byte> HeldPackets::next() const {
  SPINDLE_CHECK(size_ > 0);
  return {SlotData(At(0).slot), At(0).bytes};
}

void HeldPackets::Pop() {
  SPINDLE_CHECK(size_ > 0);
  // Below the room, which may hold a packet already. The most recently used memory is used first.
  free_.push_back(At(0).slot);
  std::swap(free_.back(), free_[free_.size() - 2]);
  first_ = (first_ + 1) & (ring_.size() - 1);
  --size_;
}

std::byte* HeldPackets::SlotData(uint32_t slot) const {
  return blocks_[slot / kSlotsPerBlock].get() + (slot % kSlotsPerBlock) * packet_bytes_;
}

void HeldPackets::AddBlock() {
  const size_t first = blocks_.size() * kSlotsPerBlock;
  blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kSlotsPerBlock * packet_bytes_));
  free_.reserve(first + kSlotsPerBlock);
  for (size_t i = kSlotsPerBlock; i > 0; --i) {
    free_.push_back(static_cast<uint32_t>(first + i - 1));
  }
}

void HeldPackets::GrowRing() {
  std::vector<Entry> larger(ring_.size() * 2);
  for (size_t i = 0; i < size_; ++i) larger[i] = At(i);
  ring_ = std::move(larger);
  first_ = 0;
}

}  // namespace spindle::bench
