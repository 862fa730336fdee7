#ifndef SPINDLE_NET_TYPES_BUFFER_H_
#define SPINDLE_NET_TYPES_BUFFER_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/asan.h"
#include "base/bytes.h"
#include "net/types/chunk.h"
#include "net/types/internal/segment_ring.h"

namespace spindle {

// A queue of bytes: appended at the back, consumed at the front, held in a chain of chunks that
// other buffers may share.
//
// Thread rule: none of its own; one thread at a time. Buffers that share chunks may be used on
// different threads.
// Views: a pointer, view or iovec from Front, Peek, Linearize, FillIovecs, ForEachSegment or
// Reserve is valid until the next call of a non-const function of this buffer, moves included.
// AddressSanitizer builds poison consumed bytes, so that a stale view is reported.
// Sizes: any total that memory holds, also above 4 GiB; contiguous pieces up to 1 GiB
// (Chunk::kMaxCapacity). No size given by a caller overflows.
// Memory: an empty buffer owns nothing, or the last chunk it used if that is its own, unshared and
// at most kMaxKeptCapacity large; see ReleaseMemory. When memory is out, appending ends the
// process (as operator new would) and Reserve returns an empty span.
//
// Invariants:
//  1. rest_ is null or holds at least one segment, and then first_ is not empty.
//  2. Only the last segment may be empty: after Reserve, or in an empty buffer.
//  3. Bytes are written only in chunks with writable() and unique(), outside of [begin, end).
//  4. In an empty buffer first_ has no chunk, or one that is kept, with begin == end == 0 (until
//     Reserve and Commit).
class Buffer {
 public:
  // An emptied buffer keeps its chunk up to this capacity: a block for 64 KiB.
  static constexpr size_t kMaxKeptCapacity = Chunk::kLargeCapacity;

  Buffer() = default;
  explicit Buffer(std::string_view data) { Append(data); }
  // The bytes [begin, end) of `chunk`, as by Append; begin <= end <= capacity is the caller's duty.
  Buffer(ChunkRef chunk, size_t begin, size_t end) {
    if (begin == end) return;
    first_.chunk = std::move(chunk);
    first_.begin = static_cast<uint32_t>(begin);
    first_.end = static_cast<uint32_t>(end);
  }
  Buffer(Buffer&& other) noexcept
      : first_(Take(other.first_)), rest_(std::exchange(other.rest_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this == &other) return *this;
    if (rest_ != nullptr) DropRest();
    first_ = Take(other.first_);
    rest_ = std::exchange(other.rest_, nullptr);
    return *this;
  }
  ~Buffer() {
    if (rest_ != nullptr) DropRest();
  }

  // Exchanges the contents; three words.
  void swap(Buffer& other) noexcept {
    internal::Segment first = Take(other.first_);
    other.first_ = Take(first_);
    first_ = std::move(first);
    std::swap(rest_, other.rest_);
  }

  // A buffer of the same bytes that shares the chunks. Costs one atomic increment per segment, now,
  // and a fresh chunk at the next append to either.
  Buffer Clone() const;

  size_t size() const { return first_.size() + (rest_ == nullptr ? 0 : rest_->bytes()); }
  bool empty() const { return first_.begin == first_.end; }

  // ---- Adding ----

  // Copies `data` to the back, into the tail of the last chunk if it is ours alone. Amortised
  // O(data.size()). Contents up to 64 KiB that were appended this way usually stay contiguous.
  // `data` may be a view of this buffer.
  void Append(std::string_view data) {
    // In locals, since unique() is a barrier to the compiler.
    Chunk* const chunk = first_.chunk.get();
    const uint32_t end = first_.end;
    if (rest_ != nullptr || chunk == nullptr || end + data.size() > chunk->own_capacity() ||
        !chunk->unique()) [[unlikely]] {
      return AppendSlow(data);
    }
    char* const to = chunk->data() + end;
    UnpoisonBytes(to, data.size());
    if (!data.empty()) [[likely]]
      std::memcpy(to, data.data(), data.size());
    first_.end = end + static_cast<uint32_t>(data.size());
  }

  // Appends the bytes [begin, end) of `chunk` without copying them; takes the reference. The bytes
  // must not change while they are in the buffer. begin <= end <= capacity is checked; an empty
  // range adds nothing, and may come with a null chunk.
  void Append(ChunkRef chunk, size_t begin, size_t end);

  // Moves all of `other` to the back without copying bytes, and leaves it empty; an exchange of
  // pointers if this is empty. Nothing happens if `other` is this buffer.
  void Append(Buffer&& other) {
    if (OwnsNothing()) [[likely]] {
      StealFrom(other);
      return;
    }
    AppendBuffer(std::move(other));
  }

  // As above, but only the first `n` bytes, or all if there are fewer; a chunk that is split is
  // shared. Returns the number of bytes moved. Moving from itself does nothing and returns 0.
  size_t MoveFrom(Buffer& other, size_t n);

  // Copies `data` to the front: into the room before the first byte if that is ours, by shifting a
  // short content, or else into a segment of its own. `data` may be a view of this buffer.
  void Prepend(std::string_view data);

  // Contiguous room behind the last byte, at least `n` bytes and all there is in the chunk, to be
  // filled and then taken over by Commit. Calls nothing back and changes no content. Empty if `n`
  // is above 1 GiB or memory is out (or if n == 0 and there is no room).
  std::span<char> Reserve(size_t n);

  // Makes the first `n` bytes of what Reserve returned part of the content. No other non-const
  // call may come between the two. `n` beyond the room is a CHECK failure.
  void Commit(size_t n);

  // Big-endian integers; see the Read functions.
  void AppendBig16(uint16_t value) { AppendBig<StoreBig16>(value); }
  void AppendBig32(uint32_t value) { AppendBig<StoreBig32>(value); }
  void AppendBig64(uint64_t value) { AppendBig<StoreBig64>(value); }

  // ---- Removing ----

  // Drops the first `n` bytes; more than size() is a CHECK failure. When the buffer becomes empty
  // it keeps its last chunk as described for the class.
  void Consume(size_t n) {
    const size_t in_first = first_.size();
    if (n < in_first) {
      PoisonConsumed(n);
      first_.begin += static_cast<uint32_t>(n);
    } else if (n == in_first && rest_ == nullptr && CanKeepFirst()) [[likely]] {
      PoisonConsumed(n);
      first_.begin = first_.end = 0;
    } else {
      ConsumeSlow(n);
    }
  }

  // Consume(size()).
  void Clear() { Consume(size()); }

  // Gives back the chunk that an empty buffer keeps. A buffer with content is left as it is.
  void ReleaseMemory() {
    if (empty()) ResetFirst();
  }

  // Returns the chunk of the first segment, or the kept one, and empties the buffer, dropping its
  // content. Null if the buffer owns no memory. The chunk may be shared or wrapped: test unique()
  // and writable() before writing into it. For recycling a block that was read into.
  ChunkRef TakeChunk() {
#ifndef SPINDLE_HAS_ASAN
    if (rest_ == nullptr) [[likely]] {
      first_.begin = first_.end = 0;
      return std::move(first_.chunk);
    }
#endif
    return TakeChunkSlow();
  }

  // Gives an empty buffer a chunk to fill with what is appended next; `chunk` is dropped if there
  // is content. It should be writable() and unique(), or it is of no use.
  void SetSpare(ChunkRef chunk) {
    if (!empty()) return;
    first_.chunk = std::move(chunk);
    first_.begin = first_.end = 0;
  }

  // ---- Looking ----

  // The first contiguous bytes, at least one unless empty.
  std::string_view Front() const { return first_.view(); }

  // Makes the first min(n, size()) bytes contiguous, copying only what is not, and returns exactly
  // them. Amortised O(n) when called with growing `n`. Above 1 GiB, or when memory is out, the view
  // ends where the contiguous bytes end.
  std::string_view Peek(size_t n) {
    if (n <= first_.size()) return first_.view().substr(0, n);
    return PeekSlow(n);
  }

  // Peek(size()).
  std::string_view Linearize() { return Peek(size()); }

  // Copies bytes from `offset` on into `out`; returns how many there were. 0 if `offset` is at or
  // beyond the end.
  size_t CopyOut(size_t offset, std::span<char> out) const;

  // A copy of the content.
  std::string ToString() const;

  // Describes the content from the front on, for writev(2): until `out` is full or `max_bytes` are
  // described. Returns the number of entries filled, none of them empty. The bytes are not to be
  // written through iov_base.
  size_t FillIovecs(std::span<iovec> out,
                    size_t max_bytes = std::numeric_limits<size_t>::max()) const;

  // Calls `visit(std::string_view)` for each contiguous piece in order; none is empty. `visit` must
  // not touch the buffer.
  template <typename Visitor>
  void ForEachSegment(Visitor&& visit) const {
    for (size_t i = 0; i < SegmentCount(); ++i) visit(SegmentAt(i).view());
  }

  // Whether the buffer is empty and keeps no chunk either.
  bool OwnsNothing() const { return !first_.chunk; }

  // Whether the content is one contiguous piece; false if empty.
  bool IsOneSegment() const { return rest_ == nullptr && first_.begin != first_.end; }

  // Number of contiguous pieces.
  size_t SegmentCount() const {
    if (rest_ == nullptr) return empty() ? 0 : 1;
    return 1 + rest_->count() - (rest_->back().size() == 0 ? 1 : 0);
  }

  // Offset of the first occurrence of `needle` at or behind `from`, also across borders of chunks.
  // An empty needle is found at `from` if from <= size(). Linear in size() for chunks that are
  // long compared to the needle.
  std::optional<size_t> Find(std::string_view needle, size_t from = 0) const;
  std::optional<size_t> Find(char needle, size_t from = 0) const;

  // Big-endian integer at `offset`; nullopt if fewer bytes are there.
  std::optional<uint16_t> PeekBig16(size_t offset = 0) const {
    return Big<uint16_t, LoadBig16>(offset);
  }
  std::optional<uint32_t> PeekBig32(size_t offset = 0) const {
    return Big<uint32_t, LoadBig32>(offset);
  }
  std::optional<uint64_t> PeekBig64(size_t offset = 0) const {
    return Big<uint64_t, LoadBig64>(offset);
  }

  // The same at the front, consumed; nullopt, and nothing consumed, if fewer bytes are there.
  std::optional<uint16_t> ReadBig16() { return ReadBig<uint16_t, LoadBig16>(); }
  std::optional<uint32_t> ReadBig32() { return ReadBig<uint32_t, LoadBig32>(); }
  std::optional<uint64_t> ReadBig64() { return ReadBig<uint64_t, LoadBig64>(); }

  friend bool operator==(const Buffer& buffer, std::string_view text) {
    return buffer.Equals(text);
  }

 private:
  // At most this much content is copied to keep a growing or wrapping buffer in one piece.
  static constexpr size_t kFlatCopyLimit = 4096;
  // At most this much content is shifted to make room for Prepend.
  static constexpr size_t kShiftLimit = 1024;
  // One Append fills chunks of at most this size, so that consuming gives memory back in steps.
  static constexpr size_t kMaxAppendChunk = size_t{1} << 20;

  internal::Segment& Last() { return rest_ == nullptr ? first_ : rest_->back(); }
  const internal::Segment& SegmentAt(size_t i) const { return i == 0 ? first_ : (*rest_)[i - 1]; }

  // The segment, which becomes empty. Reads begin and end one by one: as one load, which is what a
  // compiler makes of it, they could not be forwarded from the store of Append just before, and a
  // message that is written and then moved would cost 11 ns instead of 6.
  static internal::Segment Take(internal::Segment& from) {
    uint32_t begin = std::exchange(from.begin, 0);
    uint32_t end = std::exchange(from.end, 0);
    asm("" : "+r"(begin));  // NOLINT(hicpp-no-assembler)
    asm("" : "+r"(end));    // NOLINT(hicpp-no-assembler)
    return {std::move(from.chunk), begin, end};
  }

  // Adds `n` bytes that were written behind `last`, the last segment.
  void Extend(internal::Segment& last, size_t n) {
    last.end += static_cast<uint32_t>(n);
    if (rest_ != nullptr) rest_->AddBytes(n);
  }

  // Whether an emptied buffer may keep the chunk of first_. Also true without a chunk.
  bool CanKeepFirst() const {
    return !first_.chunk ||
           (first_.chunk->own_capacity() - 1 < kMaxKeptCapacity && first_.chunk->unique());
  }

  // Poisons what lies before first_.begin + n, if nobody else can see it.
  void PoisonConsumed([[maybe_unused]] size_t n) {
#ifdef SPINDLE_HAS_ASAN
    if (first_.chunk && first_.chunk->writable() && first_.chunk->unique()) {
      PoisonBytes(first_.chunk->data(), first_.begin + n);
    }
#endif
  }

  void ResetFirst() {
    first_.chunk.reset();
    first_.begin = first_.end = 0;
  }

  void DropRest();
  void PopFirst();
  void DropEmptyTail();
  void PushSegment(internal::Segment segment);
  void PushFrontSegment(internal::Segment segment);
  bool MakeFlatRoom(size_t n, std::string_view keep, ChunkRef* old);
  // This buffer owns nothing. `other` may be this one.
  void StealFrom(Buffer& other) noexcept {
    new (&first_.chunk) ChunkRef(std::move(other.first_.chunk));
    const uint32_t begin = std::exchange(other.first_.begin, 0);
    const uint32_t end = std::exchange(other.first_.end, 0);
    first_.begin = begin;
    first_.end = end;
    rest_ = std::exchange(other.rest_, nullptr);
  }

  void AppendSlow(std::string_view data);
  void AppendBuffer(Buffer&& other);
  ChunkRef TakeChunkSlow();
  void ConsumeSlow(size_t n);
  bool PullUpInPlace(size_t n);
  std::string_view PeekSlow(size_t n);
  bool Equals(std::string_view text) const;
  bool MatchesAt(size_t segment, size_t offset, std::string_view text) const;

  template <auto kStore, typename T>
  void AppendBig(T value) {
    char bytes[sizeof(T)];
    kStore(bytes, value);
    Append(std::string_view(bytes, sizeof(T)));
  }

  template <typename T, auto kLoad>
  std::optional<T> Big(size_t offset) const {
    const size_t in_first = first_.size();
    if (offset < in_first && in_first - offset >= sizeof(T)) [[likely]] {
      return kLoad(first_.chunk->data() + first_.begin + offset);
    }
    char bytes[sizeof(T)];
    if (CopyOut(offset, bytes) < sizeof(T)) return std::nullopt;
    return kLoad(bytes);
  }

  template <typename T, auto kLoad>
  std::optional<T> ReadBig() {
    const std::optional<T> value = Big<T, kLoad>(0);
    if (value.has_value()) Consume(sizeof(T));
    return value;
  }

  internal::Segment first_;
  internal::SegmentRing* rest_ = nullptr;  // owned; what comes behind first_
};

static_assert(sizeof(Buffer) == 24);

}  // namespace spindle

#endif  // SPINDLE_NET_TYPES_BUFFER_H_
