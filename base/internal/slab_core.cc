#include "base/internal/slab_core.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define SPINDLE_SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPINDLE_SLAB_ASAN 1
#endif
#endif

#ifdef SPINDLE_SLAB_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace spindle::internal {

SlabCore::~SlabCore() {
  for (SlabBlock* block = available_; block != nullptr;) {
    SlabBlock* next = block->next;
    Release(block);
    block = next;
  }
}

void* SlabCore::Allocate() {
  if (available_ == nullptr) AddBlock();
  SlabBlock* block = available_;
  if (block == reserve_) reserve_ = nullptr;
  void* slot = block->free_list;
  if (slot != nullptr) {
    ASAN_UNPOISON_MEMORY_REGION(slot, layout_.slot_bytes);
    std::memcpy(&block->free_list, slot, sizeof(void*));
  } else {
    slot = reinterpret_cast<char*>(block) + layout_.first_slot + block->fresh * layout_.slot_bytes;
    ++block->fresh;
    ASAN_UNPOISON_MEMORY_REGION(slot, layout_.slot_bytes);
  }
  ++live_;
  if (++block->used == layout_.slots) Unlink(block);
  return slot;
}

void SlabCore::Free(void* slot) noexcept {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(slot) & (layout_.block_bytes - 1);
  auto* block = reinterpret_cast<SlabBlock*>(static_cast<char*>(slot) - offset);
  SPINDLE_DCHECK(block->used > 0);
  if (block->used == layout_.slots) Link(block);
  std::memcpy(slot, &block->free_list, sizeof(void*));
  block->free_list = slot;
  ASAN_POISON_MEMORY_REGION(slot, layout_.slot_bytes);
  --live_;
  if (--block->used > 0) return;
  if (reserve_ == nullptr) {
    reserve_ = block;
    return;
  }
  Unlink(block);
  Release(block);
}

void SlabCore::AddBlock() {
  // posix_memalign, because operator new rounds the size up to a multiple of the alignment, and
  // then every second block's worth of addresses lies idle.
  void* memory = nullptr;
  const size_t size = layout_.block_bytes - kSlabMallocBytes;
  const int error = posix_memalign(&memory, layout_.block_bytes, size);
  SPINDLE_CHECK(error == 0) << "out of memory: " << size << " bytes";
  auto* block = ::new (memory) SlabBlock;
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(memory) + layout_.first_slot,
                            size - layout_.first_slot);
  Link(block);
  ++blocks_;
}

void SlabCore::Link(SlabBlock* block) noexcept {
  block->prev = nullptr;
  block->next = available_;
  if (available_ != nullptr) available_->prev = block;
  available_ = block;
}

void SlabCore::Unlink(SlabBlock* block) noexcept {
  if (block->prev != nullptr) block->prev->next = block->next;
  if (block->prev == nullptr) available_ = block->next;
  if (block->next != nullptr) block->next->prev = block->prev;
}

void SlabCore::Release(SlabBlock* block) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(block, layout_.block_bytes - kSlabMallocBytes);
  std::free(block);
  --blocks_;
}

}  // namespace spindle::internal
