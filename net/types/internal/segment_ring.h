#ifndef SPINDLE_NET_TYPES_INTERNAL_SEGMENT_RING_H_
#define SPINDLE_NET_TYPES_INTERNAL_SEGMENT_RING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "net/types/chunk.h"

namespace spindle::internal {

// A view [begin, end) of the bytes of one chunk. No chunk: begin == end == 0.
struct Segment {
  ChunkRef chunk;
  uint32_t begin = 0;
  uint32_t end = 0;

  size_t size() const { return end - begin; }
  std::string_view view() const {
    return chunk ? std::string_view(chunk->data() + begin, end - begin) : std::string_view();
  }

  // Bytes that may be written behind `end`: the tail of a chunk of our own that nobody shares.
  size_t tailroom() const {
    if (!chunk || end >= chunk->own_capacity() || !chunk->unique()) return 0;
    return chunk->own_capacity() - end;
  }
};

static_assert(sizeof(Segment) == 16);

// The segments of a Buffer behind its first one: a double-ended queue that also knows the sum of
// their sizes. Whoever changes the size of a segment in place adjusts bytes().
//
// Four segments lie in the object itself, so that a short chain costs one allocation. No thread
// may use it while another does.
class SegmentRing {
 public:
  SegmentRing() = default;
  SegmentRing(const SegmentRing&) = delete;
  SegmentRing& operator=(const SegmentRing&) = delete;

  size_t count() const { return count_; }
  bool empty() const { return count_ == 0; }

  uint64_t bytes() const { return bytes_; }
  void AddBytes(uint64_t n) { bytes_ += n; }
  void RemoveBytes(uint64_t n) { bytes_ -= n; }

  // `i` < count(), from the front.
  Segment& operator[](size_t i) { return slots_[(head_ + i) & mask_]; }
  const Segment& operator[](size_t i) const { return slots_[(head_ + i) & mask_]; }
  Segment& front() { return slots_[head_]; }
  Segment& back() { return (*this)[count_ - 1]; }
  const Segment& back() const { return (*this)[count_ - 1]; }

  void PushBack(Segment segment) {
    if (count_ > mask_) Grow();
    bytes_ += segment.size();
    slots_[(head_ + count_) & mask_] = std::move(segment);
    ++count_;
  }
  void PushFront(Segment segment) {
    if (count_ > mask_) Grow();
    bytes_ += segment.size();
    head_ = (head_ + mask_) & mask_;
    slots_[head_] = std::move(segment);
    ++count_;
  }
  Segment PopFront() {
    Segment segment = std::move(slots_[head_]);
    head_ = (head_ + 1) & mask_;
    --count_;
    bytes_ -= segment.size();
    return segment;
  }
  Segment PopBack() {
    Segment segment = std::move(back());
    --count_;
    bytes_ -= segment.size();
    return segment;
  }

 private:
  static constexpr size_t kInlineSlots = 4;

  void Grow() {
    auto grown = std::make_unique<Segment[]>(2 * (mask_ + 1));
    for (size_t i = 0; i < count_; ++i) grown[i] = std::move((*this)[i]);
    heap_ = std::move(grown);
    slots_ = heap_.get();
    mask_ = 2 * mask_ + 1;
    head_ = 0;
  }

  uint64_t bytes_ = 0;
  Segment* slots_ = inline_;
  size_t mask_ = kInlineSlots - 1;  // the number of slots is a power of two
  size_t head_ = 0;
  size_t count_ = 0;
  std::unique_ptr<Segment[]> heap_;  // the slots, once there are more than fit inline
  Segment inline_[kInlineSlots];
};

}  // namespace spindle::internal

#endif  // SPINDLE_NET_TYPES_INTERNAL_SEGMENT_RING_H_
