#ifndef SPINDLE_BASE_INTERNAL_SLAB_CORE_H_
#define SPINDLE_BASE_INTERNAL_SLAB_CORE_H_

#include <cstddef>
#include <cstdint>

namespace spindle::internal {

// How a block is cut into slots. All in bytes except `slots`.
struct SlabLayout {
  size_t block_bytes = 0;  // a power of two; blocks are aligned to it
  size_t first_slot = 0;   // offset of the first slot
  size_t slot_bytes = 0;
  size_t slots = 0;
};

// One block: this header, then the slots. A slot's block is found by masking its address.
struct SlabBlock {
  SlabBlock* prev = nullptr;  // list of the blocks with free slots; unused in full blocks
  SlabBlock* next = nullptr;
  void* free_list = nullptr;  // freed slots, linked through their first word
  uint32_t fresh = 0;         // slots never used yet: [fresh, layout.slots)
  uint32_t used = 0;
};

// Bytes at the end of a block that are left to malloc's own bookkeeping, so that consecutive
// aligned blocks lie next to each other instead of a whole alignment apart.
inline constexpr size_t kSlabMallocBytes = 16;

// The smallest block from 4 KiB on that wastes at most 0.8 %, at the most 1 MiB or four objects.
constexpr SlabLayout MakeSlabLayout(size_t size, size_t alignment) {
  SlabLayout layout;
  if (alignment < alignof(void*)) alignment = alignof(void*);
  layout.slot_bytes = (size + alignment - 1) / alignment * alignment;
  layout.first_slot = (sizeof(SlabBlock) + alignment - 1) / alignment * alignment;
  for (size_t block = 4096;; block *= 2) {
    const size_t room = block - kSlabMallocBytes;
    layout.block_bytes = block;
    layout.slots = room > layout.first_slot ? (room - layout.first_slot) / layout.slot_bytes : 0;
    const size_t waste = block - layout.slots * layout.slot_bytes;
    if (layout.slots >= 1 && waste * 125 <= block) return layout;
    if (layout.slots >= 4 && block >= (size_t{1} << 20)) return layout;
  }
}

// The untyped half of Slab. One thread at a time.
// Invariant: available_ lists exactly the blocks with used < slots; at most one of them is empty.
class SlabCore {
 public:
  explicit SlabCore(const SlabLayout& layout) : layout_(layout) {}
  SlabCore(const SlabCore&) = delete;
  SlabCore& operator=(const SlabCore&) = delete;
  ~SlabCore();  // all slots are free

  void* Allocate();
  void Free(void* slot) noexcept;

  size_t live() const noexcept { return live_; }
  size_t blocks() const noexcept { return blocks_; }

 private:
  void AddBlock();
  void Link(SlabBlock* block) noexcept;
  void Unlink(SlabBlock* block) noexcept;
  void Release(SlabBlock* block) noexcept;

  const SlabLayout layout_;
  SlabBlock* available_ = nullptr;
  SlabBlock* reserve_ = nullptr;  // the empty block that is kept, also in available_
  size_t live_ = 0;
  size_t blocks_ = 0;
};

}  // namespace spindle::internal

#endif  // SPINDLE_BASE_INTERNAL_SLAB_CORE_H_
