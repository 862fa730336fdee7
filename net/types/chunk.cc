#include "net/types/chunk.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "net/types/internal/asan.h"

namespace spindle {
namespace {

// Where the bytes of an allocated chunk begin: keeps them 16-byte aligned, as malloc is.
constexpr size_t kHeaderSize = 32;

// What to ask malloc for, so that `size` bytes fit and nothing is wasted: glibc hands out 16 k + 8
// bytes, and from 128 KiB on whole pages less 16 bytes. The named capacities of Chunk come to a
// power of two less 8, which fits the classes of size-class allocators as well.
constexpr size_t AllocationSize(size_t size) {
  if (size < 128 * 1024 - 64) return (size + 8 + 15) / 16 * 16 - 8;
  return (size + 16 + 4095) / 4096 * 4096 - 16;
}

static_assert(sizeof(Chunk) <= kHeaderSize);
static_assert(AllocationSize(kHeaderSize + Chunk::kLargeCapacity) == 65536 - 8);
static_assert(AllocationSize(kHeaderSize) == 40);

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
  char* memory = static_cast<char*>(std::malloc(size));
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
    internal::UnpoisonBytes(data_, capacity_);
    this->~Chunk();
    std::free(this);
    return;
  }
  auto* wrapped = static_cast<Wrapped*>(this);
  absl::AnyInvocable<void()> release = std::move(wrapped->release);
  wrapped->~Wrapped();
  std::free(wrapped);
  if (release != nullptr) release();  // last: it may do anything, such as drop other chunks
}

}  // namespace spindle
