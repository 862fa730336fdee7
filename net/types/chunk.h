#ifndef SPINDLE_NET_TYPES_CHUNK_H_
#define SPINDLE_NET_TYPES_CHUNK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "base/live_counter.h"

namespace spindle {

class ChunkRef;

// A reference-counted block of bytes: the unit in which buffers hold and share data.
//
// Thread rule: the count may be changed from any thread. The bytes may be read by every holder;
// they may be written only while writable() and unique() both hold, by the one holder.
// Chunks are reached through ChunkRef only. LiveCount<Chunk>() tells how many there are.
class Chunk : private LiveCounted<Chunk> {
 public:
  // Largest capacity of one chunk, 1 GiB.
  static constexpr size_t kMaxCapacity = size_t{1} << 30;

  // What buffers allocate as they grow. With header and all the first two fill 256 B and 4 KiB, the
  // size classes of an allocator; the third holds 64 KiB of payload, which reads and writes often
  // come in, and what the allocation rounds that up to. A thread keeps a few freed blocks of the
  // third kind for its next ones (at most 512 KiB).
  static constexpr size_t kSmallCapacity = 256 - 40;
  static constexpr size_t kMediumCapacity = 4096 - 40;
  static constexpr size_t kLargeCapacity = 65536 + 8;

  // A writable chunk of at least `capacity` bytes, uninitialised, 16-byte aligned, in one
  // allocation; what the allocator would round up is given to the capacity. Null if `capacity` is
  // above kMaxCapacity or memory is out.
  static ChunkRef Allocate(size_t capacity);

  // A writable chunk that holds a copy of `data`; null as above.
  static ChunkRef CopyOf(std::string_view data);

  // A read-only chunk over memory of the caller's. `release` is called exactly once, by whichever
  // thread drops the last reference; until then `data` must stay as it is. A null `release` is for
  // data that lives for ever. If `data` is above kMaxCapacity or memory is out, `release` is called
  // at once and the result is null.
  static ChunkRef Wrap(std::string_view data, absl::AnyInvocable<void()> release);
  static ChunkRef Wrap(std::span<const std::byte> data, absl::AnyInvocable<void()> release);

  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  // To be written through only while writable() and unique() hold.
  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t capacity() const { return capacity_; }

  // Whether the caller's is the only reference. Once true it stays true until the caller copies it.
  bool unique() const { return refs_.load(std::memory_order_acquire) == 1; }

  // Whether the memory is the chunk's own (Allocate, CopyOf), not wrapped.
  bool writable() const { return own_capacity_ != 0; }

  // As capacity(), but 0 if not writable(): how far a holder of the only reference may write.
  size_t own_capacity() const { return own_capacity_; }

 private:
  friend class ChunkRef;
  struct Wrapped;

  Chunk(char* data, size_t capacity, size_t own_capacity)
      : capacity_(static_cast<uint32_t>(capacity)),
        own_capacity_(static_cast<uint32_t>(own_capacity)),
        data_(data) {}

  void AddRef() { refs_.fetch_add(1, std::memory_order_relaxed); }

  // The last holder cannot be raced, so it needs no read-modify-write.
  void Release() {
    if (unique() || refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) Destroy();
  }

  void Destroy();

  std::atomic<uint32_t> refs_{1};
  const uint32_t capacity_;
  const uint32_t own_capacity_;
  char* const data_;  // the byte after the header, or the wrapped memory
};

static_assert(sizeof(Chunk) <= 32);

// One reference to a Chunk, or null. Moving one is a pointer copy; copying one is an atomic
// increment; dropping the only one is a load. Distinct objects may be used on any threads.
class ChunkRef {
 public:
  constexpr ChunkRef() = default;
  ChunkRef(const ChunkRef& other) : chunk_(other.chunk_) {
    if (chunk_ != nullptr) chunk_->AddRef();
  }
  ChunkRef(ChunkRef&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
  ChunkRef& operator=(const ChunkRef& other) {
    if (chunk_ != other.chunk_) ChunkRef(other).swap(*this);
    return *this;
  }
  ChunkRef& operator=(ChunkRef&& other) noexcept {
    if (this != &other) ChunkRef(std::move(other)).swap(*this);
    return *this;
  }
  ~ChunkRef() { reset(); }

  // Drops the reference, if there is one.
  void reset() {
    if (chunk_ != nullptr) std::exchange(chunk_, nullptr)->Release();
  }
  void swap(ChunkRef& other) noexcept { std::swap(chunk_, other.chunk_); }

  Chunk* get() const { return chunk_; }
  Chunk* operator->() const { return chunk_; }
  Chunk& operator*() const { return *chunk_; }
  explicit operator bool() const { return chunk_ != nullptr; }

  // Whether both refer to the same chunk.
  friend bool operator==(const ChunkRef& a, const ChunkRef& b) = default;

 private:
  friend class Chunk;
  explicit ChunkRef(Chunk* adopted) : chunk_(adopted) {}

  Chunk* chunk_ = nullptr;
};

static_assert(sizeof(ChunkRef) == 8);

}  // namespace spindle

#endif  // SPINDLE_NET_TYPES_CHUNK_H_
