#include "net/types/chunk.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/asan.h"

namespace spindle {
namespace {

// Where the bytes of an allocated chunk begin: keeps them 16-byte aligned, as malloc is.
constexpr size_t kHeaderSize = 32;

// What to ask malloc for, so that `size` bytes fit and nothing is wasted: glibc hands out 16 k + 8
// bytes, and from 128 KiB on whole pages less 16 bytes.
constexpr size_t AllocationSize(size_t size) {
  if (size < 128 * 1024 - 64) return (size + 8 + 15) / 16 * 16 - 8;
  return (size + 16 + 4095) / 4096 * 4096 - 16;
}

constexpr size_t kLargeSize = AllocationSize(kHeaderSize + Chunk::kLargeCapacity);

static_assert(sizeof(Chunk) <= kHeaderSize);
static_assert(kLargeSize == kHeaderSize + Chunk::kLargeCapacity);
static_assert(AllocationSize(kHeaderSize + Chunk::kMediumCapacity) == 4096 - 8);
static_assert(AllocationSize(kHeaderSize) == 40);

// The blocks of kLargeSize that this thread freed last. glibc returns the top of its heap to the
// kernel whenever 128 KiB of it are free, so that a queue that fills and drains would fault in
// every page anew: 0.3 ms per MiB, about what sending it costs. Has no destructor, so that chunks
// that other thread-local objects drop at the end of the thread find it in a valid state.
struct LargeBlocks {
  static constexpr size_t kMax = 8;

  size_t count = 0;
  bool open = true;
  void* blocks[kMax] = {};
};

constinit thread_local LargeBlocks large_blocks;

// Frees them at the end of the thread.
struct LargeBlocksCloser {
  ~LargeBlocksCloser() {
    while (large_blocks.count > 0) std::free(large_blocks.blocks[--large_blocks.count]);
    large_blocks.open = false;
  }
  void Touch() {}  // makes the thread construct, and so destroy, it
};

thread_local LargeBlocksCloser large_blocks_closer;

// AddressSanitizer is to see every block freed.
#ifdef SPINDLE_HAS_ASAN
constexpr bool kKeepLargeBlocks = false;
#else
constexpr bool kKeepLargeBlocks = true;
#endif

void* AllocateBlock(size_t size) {
  if (kKeepLargeBlocks && size == kLargeSize && large_blocks.count > 0) {
    return large_blocks.blocks[--large_blocks.count];
  }
  return std::malloc(size);
}

void FreeBlock(void* block, size_t size) {
  if (kKeepLargeBlocks && size == kLargeSize && large_blocks.open &&
      large_blocks.count < LargeBlocks::kMax) {
    large_blocks_closer.Touch();
    large_blocks.blocks[large_blocks.count++] = block;
    return;
  }
  std::free(block);
}

}  // namespace

struct Chunk::Wrapped : Chunk {
  Wrapped(std::string_view bytes, absl::AnyInvocable<void()> done)
      : Chunk(const_cast<char*>(bytes.data()), bytes.size(), /*own_capacity=*/0),
        release(std::move(done)) {}

  absl::AnyInvocable<void()> release;
};

ChunkRef Chunk::Allocate(size_t capacity) {
  if (capacity > kMaxCapacity) return ChunkRef();
  const size_t size = AllocationSize(kHeaderSize + capacity);
  char* memory = static_cast<char*>(AllocateBlock(size));
  if (memory == nullptr) return ChunkRef();
  const size_t usable = std::min(size - kHeaderSize, kMaxCapacity);
  return ChunkRef(new (memory) Chunk(memory + kHeaderSize, usable, usable));
}

ChunkRef Chunk::CopyOf(std::string_view data) {
  ChunkRef chunk = Allocate(data.size());
  if (chunk && !data.empty()) std::memcpy(chunk->data(), data.data(), data.size());
  return chunk;
}

ChunkRef Chunk::Wrap(std::string_view data, absl::AnyInvocable<void()> release) {
  Wrapped* chunk = nullptr;
  if (data.size() <= kMaxCapacity) {
    if (void* memory = std::malloc(sizeof(Wrapped)); memory != nullptr) {
      chunk = new (memory) Wrapped(data, std::move(release));
    }
  }
  if (chunk == nullptr && release != nullptr) release();
  return ChunkRef(chunk);
}

ChunkRef Chunk::Wrap(std::span<const std::byte> data, absl::AnyInvocable<void()> release) {
  return Wrap(std::string_view(reinterpret_cast<const char*>(data.data()), data.size()),
              std::move(release));
}

void Chunk::Destroy() {
  if (writable()) {
    UnpoisonBytes(data_, capacity_);
    const size_t size = kHeaderSize + capacity_;
    this->~Chunk();
    FreeBlock(this, size);
    return;
  }
  auto* wrapped = static_cast<Wrapped*>(this);
  absl::AnyInvocable<void()> release = std::move(wrapped->release);
  wrapped->~Wrapped();
  std::free(wrapped);
  if (release != nullptr) release();  // last: it may do anything, such as drop other chunks
}

}  // namespace spindle
