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

// Chooses the block size, 4 KiB to 1 MiB or one object, that costs least when 10,000 objects are
// alive and the last block holds only one of them: large blocks waste less on the header and on the
// rest that is too small for a slot, small blocks waste less at the end.
constexpr SlabLayout MakeSlabLayout(size_t size, size_t alignment) {
  if (alignment < alignof(void*)) alignment = alignof(void*);
  const size_t slot = (size + alignment - 1) / alignment * alignment;
  const size_t first = (sizeof(SlabBlock) + alignment - 1) / alignment * alignment;
  SlabLayout best;
  double least_cost = 0;
  for (size_t block = 4096; block <= (size_t{1} << 20) || best.slots == 0; block *= 2) {
    const size_t room = block - kSlabMallocBytes;
    const size_t slots = room > first ? (room - first) / slot : 0;
    if (slots == 0) continue;
    const double bytes = static_cast<double>(block);
    const double waste = bytes - static_cast<double>(slots * slot);
    const double cost = waste / bytes + bytes / (10000.0 * static_cast<double>(slot));
    if (best.slots > 0 && cost >= least_cost) continue;
    least_cost = cost;
    best = {block, first, slot, slots};
  }
  return best;
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
