#ifndef SPINDLE_BASE_ASAN_H_
#define SPINDLE_BASE_ASAN_H_

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define SPINDLE_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPINDLE_HAS_ASAN 1
#endif
#endif

#ifdef SPINDLE_HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace spindle {

// Makes AddressSanitizer report every access to these bytes; nothing in other builds.
inline void PoisonBytes([[maybe_unused]] const void* data, [[maybe_unused]] size_t size) {
#ifdef SPINDLE_HAS_ASAN
  ASAN_POISON_MEMORY_REGION(data, size);
#endif
}

inline void UnpoisonBytes([[maybe_unused]] const void* data, [[maybe_unused]] size_t size) {
#ifdef SPINDLE_HAS_ASAN
  ASAN_UNPOISON_MEMORY_REGION(data, size);
#endif
}

}  // namespace spindle

#endif  // SPINDLE_BASE_ASAN_H_
