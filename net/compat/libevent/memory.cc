#include "net/compat/libevent/internal/memory.h"

#include <errno.h>
#include <event2/event.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace spindle::compat {
namespace {

// Set before anything else is done with the library, so without a lock.
void* (*malloc_fn)(size_t) = nullptr;
void* (*realloc_fn)(void*, size_t) = nullptr;
void (*free_fn)(void*) = nullptr;

}  // namespace

void* Allocate(size_t size) {
  if (size == 0) return nullptr;
  return malloc_fn != nullptr ? malloc_fn(size) : std::malloc(size);
}

void* AllocateZeroed(size_t count, size_t size) {
  if (count == 0 || size == 0) return nullptr;
  if (malloc_fn == nullptr) return std::calloc(count, size);
  size_t bytes = 0;
  void* memory = __builtin_mul_overflow(count, size, &bytes) ? nullptr : malloc_fn(bytes);
  if (memory == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  return std::memset(memory, 0, bytes);
}

void* Reallocate(void* memory, size_t size) {
  return realloc_fn != nullptr ? realloc_fn(memory, size) : std::realloc(memory, size);
}

void Release(void* memory) {
  if (free_fn != nullptr) {
    free_fn(memory);
  } else {
    std::free(memory);
  }
}

char* DuplicateString(const char* text) {
  if (text == nullptr) {
    errno = EINVAL;
    return nullptr;
  }
  const size_t size = std::strlen(text) + 1;
  auto* copy = static_cast<char*>(Allocate(size));
  if (copy == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  std::memcpy(copy, text, size);
  return copy;
}

}  // namespace spindle::compat

void event_set_mem_functions(void* (*malloc_fn)(size_t), void* (*realloc_fn)(void*, size_t),
                             void (*free_fn)(void*)) {
  spindle::compat::malloc_fn = malloc_fn;
  spindle::compat::realloc_fn = realloc_fn;
  spindle::compat::free_fn = free_fn;
}
