// Memory for connections. Each thread keeps up to 64 blocks that were freed on it until it ends: to
// ask the heap costs a sixth of all the instructions of a short connection.

#include <cstddef>
#include <new>

#include "base/asan.h"
#include "net/stream/connection.h"

namespace spindle {
namespace {

// A sanitizer is to see who uses one that is gone.
#if defined(SPINDLE_HAS_ASAN) || defined(__SANITIZE_THREAD__)
constexpr bool kKeeps = false;
#elif defined(__has_feature)
constexpr bool kKeeps = !__has_feature(thread_sanitizer);
#else
constexpr bool kKeeps = true;
#endif

constexpr size_t kMost = 64;

// Without a destructor: it is there until the thread is gone, after all that has one.
struct Kept {
  void* blocks[kMost];
  size_t count;
  size_t most;  // 0 before the first one, and while the thread ends.
  bool begun;
};
thread_local constinit Kept kept = {};

// Gives back what the thread has kept when it ends.
struct Cleaner {
  ~Cleaner() {
    kept.most = 0;
    while (kept.count > 0) ::operator delete(kept.blocks[--kept.count]);
  }
  void Touch() {}
};

void FreeSlow(void* memory) {
  if (!kKeeps || kept.begun) return ::operator delete(memory);
  static thread_local Cleaner cleaner;
  cleaner.Touch();
  kept.begun = true;
  kept.most = kMost;
  kept.blocks[kept.count++] = memory;
}

}  // namespace

void* Connection::operator new(size_t size) {
  return kept.count > 0 ? kept.blocks[--kept.count] : ::operator new(size);
}

void Connection::operator delete(void* memory) {
  if (kept.count >= kept.most) return FreeSlow(memory);
  kept.blocks[kept.count++] = memory;
}

}  // namespace spindle
