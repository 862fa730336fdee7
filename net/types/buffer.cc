#include "net/types/buffer.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "base/check.h"

namespace spindle {
namespace {

using internal::Segment;
using internal::SegmentRing;

// The smallest of the standard capacities that holds `n` bytes, or `n` itself.
size_t StandardCapacity(size_t n) {
  if (n <= Chunk::kSmallCapacity) return Chunk::kSmallCapacity;
  if (n <= Chunk::kMediumCapacity) return Chunk::kMediumCapacity;
  return std::max(n, Chunk::kLargeCapacity);
}

// Capacity of the chunk that follows `last` in a chain: chunks grow as the queue does.
size_t NextCapacity(const Segment& last) {
  if (!last.chunk || !last.chunk->writable()) return Chunk::kSmallCapacity;
  if (last.chunk->capacity() < Chunk::kMediumCapacity) return Chunk::kMediumCapacity;
  return Chunk::kLargeCapacity;
}

// Whether this segment's holder may write into its chunk.
bool Owned(const Segment& segment) {
  return segment.chunk && segment.chunk->writable() && segment.chunk->unique();
}

bool Aliases(const Segment& segment, std::string_view data) {
  const std::less<const char*> before;
  return segment.chunk && !before(data.data(), segment.chunk->data()) &&
         before(data.data(), segment.chunk->data() + segment.chunk->capacity());
}

// Moves the content of an owned segment to `begin`; what it does not occupy is poisoned.
void Shift(Segment& segment, size_t begin) {
  char* const bytes = segment.chunk->data();
  const size_t size = segment.size();
  UnpoisonBytes(bytes, segment.chunk->capacity());
  std::memmove(bytes + begin, bytes + segment.begin, size);
  segment.begin = static_cast<uint32_t>(begin);
  segment.end = static_cast<uint32_t>(begin + size);
  PoisonBytes(bytes, segment.begin);
  PoisonBytes(bytes + segment.end, segment.chunk->capacity() - segment.end);
}

// Copies `size` bytes behind the content of a segment with that much tail room; extends it.
void Fill(Segment& segment, const char* from, size_t size) {
  char* const to = segment.chunk->data() + segment.end;
  UnpoisonBytes(to, size);
  std::memcpy(to, from, size);
  segment.end += static_cast<uint32_t>(size);
}

std::span<char> Tail(Segment& segment) {
  const size_t room = segment.tailroom();
  if (room == 0) return {};
  char* const tail = segment.chunk->data() + segment.end;
  UnpoisonBytes(tail, room);
  return {tail, room};
}

}  // namespace

// ---- Structure ----

void Buffer::DropRest() {
  delete rest_;
  rest_ = nullptr;
}

// Drops first_; the next segment, which must exist, takes its place.
void Buffer::PopFirst() {
  first_ = rest_->PopFront();
  if (rest_->empty()) DropRest();
}

// Restores "no segment is empty" in a buffer with content, after a Reserve.
void Buffer::DropEmptyTail() {
  if (rest_ == nullptr || rest_->back().size() != 0) return;
  rest_->PopBack();
  if (rest_->empty()) DropRest();
}

// Appends a segment that is not empty.
void Buffer::PushSegment(Segment segment) {
  if (empty()) {
    first_ = std::move(segment);
    return;
  }
  DropEmptyTail();
  Segment& last = Last();
  if (last.chunk == segment.chunk && last.end == segment.begin) {
    Extend(last, segment.size());
    return;
  }
  if (rest_ == nullptr) rest_ = new SegmentRing;
  rest_->PushBack(std::move(segment));
}

// Puts a segment that is not empty before all others.
void Buffer::PushFrontSegment(Segment segment) {
  if (!empty()) {
    if (rest_ == nullptr) rest_ = new SegmentRing;
    rest_->PushFront(std::move(first_));
  }
  first_ = std::move(segment);
}

// ---- Adding ----

// Makes `n` bytes of tail room in first_, the only segment, by shifting its content down or moving
// it to a larger chunk; for content that is cheap to copy. False if it is not, or if memory is out.
// Bytes of first_ that `keep` views stay where they are, at least while `old` lives.
bool Buffer::MakeFlatRoom(size_t n, std::string_view keep, ChunkRef* old) {
  const size_t size = first_.size();
  if (rest_ != nullptr || size > kFlatCopyLimit) return false;
  // Not before as much has been consumed as is to be moved, or the cost would not amortise.
  if (Owned(first_) && n <= first_.chunk->own_capacity() - size && size <= first_.begin &&
      !Aliases(first_, keep)) {
    Shift(first_, 0);
    return true;
  }
  if (n > Chunk::kMaxCapacity - size) return false;
  // A content that outgrew its chunk gets room to double in.
  const size_t wanted = size == 0 ? n : std::max(size + n, 2 * size);
  Segment grown{Chunk::Allocate(StandardCapacity(wanted)), 0, 0};
  if (!grown.chunk) return false;
  if (size > 0) Fill(grown, first_.view().data(), size);
  *old = std::move(first_.chunk);
  first_ = std::move(grown);
  return true;
}

void Buffer::AppendSlow(std::string_view data) {
  if (data.empty()) return;
  ChunkRef old;
  if (data.size() <= Chunk::kLargeCapacity && MakeFlatRoom(data.size(), data, &old)) {
    Fill(first_, data.data(), data.size());
    return;
  }
  if (const size_t take = std::min(Last().tailroom(), data.size()); take > 0) {
    Fill(Last(), data.data(), take);
    if (rest_ != nullptr) rest_->AddBytes(take);
    data.remove_prefix(take);
  }
  while (!data.empty()) {
    const size_t piece = std::min(data.size(), kMaxAppendChunk);
    Segment segment{Chunk::Allocate(std::max(StandardCapacity(piece), NextCapacity(Last()))), 0, 0};
    SPINDLE_CHECK(segment.chunk) << "no memory for " << data.size() << " bytes";
    const size_t take = std::min(segment.tailroom(), data.size());
    Fill(segment, data.data(), take);
    PushSegment(std::move(segment));
    data.remove_prefix(take);
  }
}

void Buffer::Append(ChunkRef chunk, size_t begin, size_t end) {
  SPINDLE_CHECK(begin <= end && end <= (chunk ? chunk->capacity() : 0))
      << "range " << begin << " to " << end;
  if (begin == end) return;
  PushSegment({std::move(chunk), static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
}

void Buffer::AppendBuffer(Buffer&& other) {
  if (this == &other || other.empty()) return;
  if (empty()) {
    swap(other);
    return;
  }
  if (rest_ == nullptr && other.rest_ != nullptr) {
    // Its chain becomes ours.
    other.rest_->PushFront(std::move(other.first_));
    std::swap(rest_, other.rest_);
  } else {
    PushSegment(std::move(other.first_));
    while (other.rest_ != nullptr) {
      Segment segment = other.rest_->PopFront();
      if (other.rest_->empty()) other.DropRest();
      if (segment.size() > 0) PushSegment(std::move(segment));
    }
  }
  other.ResetFirst();
}

size_t Buffer::MoveFrom(Buffer& other, size_t n) {
  if (this == &other) return 0;
  n = std::min(n, other.size());
  if (n == other.size()) {
    Append(std::move(other));
    return n;
  }
  size_t left = n;
  while (left >= other.first_.size()) {
    left -= other.first_.size();
    PushSegment(std::move(other.first_));
    other.PopFirst();
  }
  if (left > 0) {
    Segment& split = other.first_;
    const auto middle = static_cast<uint32_t>(split.begin + left);
    PushSegment({split.chunk, split.begin, middle});
    split.begin = middle;
  }
  return n;
}

void Buffer::Prepend(std::string_view data) {
  if (empty()) return Append(data);
  if (data.empty()) return;
  if (Owned(first_)) {
    const size_t capacity = first_.chunk->own_capacity();
    if (first_.begin < data.size() && first_.size() <= kShiftLimit &&
        data.size() <= capacity - first_.size() && !Aliases(first_, data)) {
      // Leaves some room on both sides for the next time.
      const size_t spare = capacity - first_.size() - data.size();
      Shift(first_, data.size() + std::min<size_t>(spare / 2, 64));
    }
    if (first_.begin >= data.size()) {
      first_.begin -= static_cast<uint32_t>(data.size());
      char* const to = first_.chunk->data() + first_.begin;
      UnpoisonBytes(to, data.size());
      std::memcpy(to, data.data(), data.size());
      return;
    }
  }
  while (!data.empty()) {
    const size_t piece = std::min(data.size(), kMaxAppendChunk);
    ChunkRef chunk = Chunk::Allocate(StandardCapacity(piece));
    SPINDLE_CHECK(chunk) << "no memory for " << data.size() << " bytes";
    const size_t end = chunk->capacity();  // leaves the room for further headers
    std::memcpy(chunk->data() + end - piece, data.data() + data.size() - piece, piece);
    PushFrontSegment(
        {std::move(chunk), static_cast<uint32_t>(end - piece), static_cast<uint32_t>(end)});
    data.remove_suffix(piece);
  }
}

std::span<char> Buffer::Reserve(size_t n) {
  if (n > Chunk::kMaxCapacity) return {};
  if (n <= Last().tailroom()) return Tail(Last());
  ChunkRef old;
  if (MakeFlatRoom(n, {}, &old)) return Tail(first_);
  if (empty()) return {};  // nothing to chain behind: memory is out
  ChunkRef chunk = Chunk::Allocate(std::max(StandardCapacity(n), NextCapacity(Last())));
  if (!chunk) return {};
  DropEmptyTail();
  if (rest_ == nullptr) rest_ = new SegmentRing;
  rest_->PushBack({std::move(chunk), 0, 0});
  return Tail(rest_->back());
}

void Buffer::Commit(size_t n) {
  SPINDLE_CHECK(n <= Last().tailroom())
      << n << " bytes committed, " << Last().tailroom() << " reserved";
  Extend(Last(), n);
}

// ---- Removing ----

void Buffer::ConsumeSlow(size_t n) {
  SPINDLE_CHECK(n <= size()) << n << " bytes consumed of " << size();
  while (rest_ != nullptr && n >= first_.size()) {
    n -= first_.size();
    PopFirst();
  }
  if (n < first_.size()) {
    PoisonConsumed(n);
    first_.begin += static_cast<uint32_t>(n);
  } else if (CanKeepFirst()) {
    PoisonConsumed(n);
    first_.begin = first_.end = 0;
  } else {
    ResetFirst();
  }
}

ChunkRef Buffer::TakeChunkSlow() {
  if (rest_ != nullptr) DropRest();
  first_.begin = first_.end = 0;
  if (first_.chunk && first_.chunk->writable()) {
    UnpoisonBytes(first_.chunk->data(), first_.chunk->capacity());
  }
  return std::move(first_.chunk);
}

// ---- Looking ----

// Peek where first_ has, or can get, the room for `n` bytes in its own chunk.
bool Buffer::PullUpInPlace(size_t n) {
  if (!Owned(first_) || n > first_.chunk->own_capacity()) return false;
  if (n > first_.chunk->own_capacity() - first_.begin) Shift(first_, 0);
  while (first_.size() < n) {
    Segment& next = rest_->front();
    const size_t take = std::min(next.size(), n - first_.size());
    Fill(first_, next.view().data(), take);
    if (take == next.size()) {
      rest_->PopFront();
    } else {
      next.begin += static_cast<uint32_t>(take);
      rest_->RemoveBytes(take);
    }
  }
  if (rest_->empty()) DropRest();
  return true;
}

std::string_view Buffer::PeekSlow(size_t n) {
  n = std::min(n, size());
  if (n <= first_.size()) return first_.view();
  if (PullUpInPlace(n)) return first_.view().substr(0, n);
  if (n > Chunk::kMaxCapacity) return first_.view();
  // A long line that is peeked at again and again must not be copied as often.
  const size_t capacity = n <= Chunk::kLargeCapacity ? StandardCapacity(n) : std::bit_ceil(n);
  ChunkRef chunk = Chunk::Allocate(capacity);
  if (!chunk) return first_.view();
  CopyOut(0, {chunk->data(), n});
  ConsumeSlow(n);
  PushFrontSegment({std::move(chunk), 0, static_cast<uint32_t>(n)});
  return first_.view();
}

Buffer Buffer::Clone() const {
  Buffer clone;
  for (size_t i = 0; i < SegmentCount(); ++i) {
    const Segment& segment = SegmentAt(i);
    clone.PushSegment({segment.chunk, segment.begin, segment.end});
  }
  return clone;
}

size_t Buffer::CopyOut(size_t offset, std::span<char> out) const {
  size_t copied = 0;
  for (size_t i = 0; i < SegmentCount() && copied < out.size(); ++i) {
    const std::string_view view = SegmentAt(i).view();
    if (offset >= view.size()) {
      offset -= view.size();
      continue;
    }
    const size_t take = std::min(view.size() - offset, out.size() - copied);
    std::memcpy(out.data() + copied, view.data() + offset, take);
    copied += take;
    offset = 0;
  }
  return copied;
}

std::string Buffer::ToString() const {
  std::string text;
  text.reserve(size());
  ForEachSegment([&text](std::string_view piece) { text.append(piece); });
  return text;
}

size_t Buffer::FillIovecs(std::span<iovec> out, size_t max_bytes) const {
  size_t filled = 0;
  for (; filled < out.size() && filled < SegmentCount() && max_bytes > 0; ++filled) {
    const std::string_view view = SegmentAt(filled).view().substr(0, max_bytes);
    out[filled] = {const_cast<char*>(view.data()), view.size()};
    max_bytes -= view.size();
  }
  return filled;
}

// Whether `text` lies at `offset` of the segment with index `i`, and on through the following ones.
bool Buffer::MatchesAt(size_t i, size_t offset, std::string_view text) const {
  for (; !text.empty(); ++i, offset = 0) {
    if (i >= SegmentCount()) return false;
    const std::string_view view = SegmentAt(i).view().substr(offset, text.size());
    if (!text.starts_with(view)) return false;
    text.remove_prefix(view.size());
  }
  return true;
}

bool Buffer::Equals(std::string_view text) const {
  return size() == text.size() && MatchesAt(0, 0, text);
}

std::optional<size_t> Buffer::Find(char needle, size_t from) const {
  size_t base = 0;
  for (size_t i = 0; i < SegmentCount(); ++i) {
    const std::string_view view = SegmentAt(i).view();
    const size_t start = from > base ? from - base : 0;
    if (const size_t at = view.find(needle, start); at != view.npos) return base + at;
    base += view.size();
  }
  return std::nullopt;
}

std::optional<size_t> Buffer::Find(std::string_view needle, size_t from) const {
  if (from > size() || needle.size() > size() - from) return std::nullopt;
  if (needle.empty()) return from;
  if (needle.size() == 1) return Find(needle.front(), from);
  size_t base = 0;
  for (size_t i = 0; i < SegmentCount(); ++i) {
    const std::string_view view = SegmentAt(i).view();
    size_t start = from > base ? from - base : 0;
    if (start < view.size() && view.size() - start >= needle.size()) {
      const void* hit =
          memmem(view.data() + start, view.size() - start, needle.data(), needle.size());
      if (hit != nullptr)
        return base + static_cast<size_t>(static_cast<const char*>(hit) - view.data());
      start = view.size() - needle.size() + 1;
    }
    // What may begin here and end behind the border.
    for (start = view.find(needle.front(), start); start != view.npos;
         start = view.find(needle.front(), start + 1)) {
      if (MatchesAt(i, start, needle)) return base + start;
    }
    base += view.size();
  }
  return std::nullopt;
}

}  // namespace spindle
