#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVBUFFER_SEGMENTS_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVBUFFER_SEGMENTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "net/types/chunk.h"

struct evbuffer_file_segment;

namespace spindle::compat {

// One piece of a buffer. Either `chunk` holds its bytes and `data` points to the first; or its
// bytes are still in a file: then `file` is set (one reference is the piece's own), `data` is null,
// and `file_offset` counts from the start of the file segment.
struct Segment {
  ChunkRef chunk;
  char* data = nullptr;
  size_t size = 0;
  evbuffer_file_segment* file = nullptr;
  int64_t file_offset = 0;

  // Bytes before and behind the piece that belong to nobody and may be written.
  size_t Headroom() const {
    if (!chunk || !chunk->writable() || !chunk->unique()) return 0;
    return static_cast<size_t>(data - chunk->data());
  }
  size_t Tailroom() const {
    if (!chunk || !chunk->writable() || !chunk->unique()) return 0;
    return chunk->own_capacity() - static_cast<size_t>(data - chunk->data()) - size;
  }
};

// A double-ended queue of segments; the first few lie in the object itself. One thread at a time.
class SegmentQueue {
 public:
  SegmentQueue() = default;
  SegmentQueue(const SegmentQueue&) = delete;
  SegmentQueue& operator=(const SegmentQueue&) = delete;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // `i` < size(), from the front.
  Segment& operator[](size_t i) { return slots_[(head_ + i) & mask_]; }
  const Segment& operator[](size_t i) const { return slots_[(head_ + i) & mask_]; }
  Segment& front() { return slots_[head_]; }
  Segment& back() { return (*this)[size_ - 1]; }

  void PushBack(Segment segment) {
    if (size_ > mask_) Grow();
    slots_[(head_ + size_) & mask_] = std::move(segment);
    ++size_;
  }
  void PushFront(Segment segment) {
    if (size_ > mask_) Grow();
    head_ = (head_ - 1) & mask_;
    slots_[head_] = std::move(segment);
    ++size_;
  }
  Segment PopFront() {
    Segment segment = std::exchange(slots_[head_], Segment());
    head_ = (head_ + 1) & mask_;
    --size_;
    return segment;
  }
  Segment PopBack() {
    --size_;
    return std::exchange(slots_[(head_ + size_) & mask_], Segment());
  }

 private:
  static constexpr size_t kInline = 2;

  void Grow() {
    const size_t capacity = 2 * (mask_ + 1);
    auto grown = std::make_unique<Segment[]>(capacity);
    for (size_t i = 0; i < size_; ++i) grown[i] = std::move((*this)[i]);
    heap_ = std::move(grown);
    slots_ = heap_.get();
    mask_ = capacity - 1;
    head_ = 0;
  }

  size_t head_ = 0;
  size_t size_ = 0;
  size_t mask_ = kInline - 1;  // capacity - 1, the capacity being a power of two
  Segment inline_[kInline];
  std::unique_ptr<Segment[]> heap_;
  Segment* slots_ = inline_;
};

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVBUFFER_SEGMENTS_H_
