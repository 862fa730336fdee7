#ifndef SPINDLE_BASE_SLAB_H_
#define SPINDLE_BASE_SLAB_H_

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/internal/slab_core.h"

namespace spindle {

// Makes objects of one type at stable addresses in blocks of memory, far cheaper than operator new.
// One thread at a time. Owns the memory, not the objects: every object must be deleted before the
// slab is destroyed (CHECK).
//
// Costs per object: sizeof(T), rounded up to 8 bytes, plus less than 2 % when 10,000 are alive
// (2.4 % for objects below 100 bytes). Pages of a block that were never used are never touched.
// A block that becomes wholly empty goes back to the allocator, except for one kept in reserve.
// Reuse is last in, first out, so a stale pointer soon names another object: those who keep one
// compare a generation of their own. In builds with AddressSanitizer free slots are poisoned.
template <class T>
class Slab {
 public:
  Slab() : core_(kLayout) {}
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() { SPINDLE_CHECK(live() == 0) << live() << " objects alive at the end of their slab"; }

  // Returns a new object, owned by the caller until Delete. Aborts when memory is exhausted.
  template <class... Args>
  [[nodiscard]] T* New(Args&&... args) {
    return ::new (core_.Allocate()) T(std::forward<Args>(args)...);
  }

  // Destroys `object`, which came from New of this slab. Null is allowed. T's destructor may call
  // New and Delete for other objects.
  void Delete(T* object) noexcept {
    if (object == nullptr) return;
    std::destroy_at(object);
    core_.Free(object);
  }

  // Number of objects alive.
  size_t live() const noexcept { return core_.live(); }

  // Memory taken from the allocator, in bytes.
  size_t bytes_reserved() const noexcept { return core_.blocks() * kLayout.block_bytes; }

 private:
  static constexpr internal::SlabLayout kLayout = internal::MakeSlabLayout(sizeof(T), alignof(T));

  internal::SlabCore core_;
};

}  // namespace spindle

#endif  // SPINDLE_BASE_SLAB_H_
