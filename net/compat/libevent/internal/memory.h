#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_MEMORY_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_MEMORY_H_

#include <cstddef>
#include <new>
#include <utility>

namespace spindle::compat {

// Memory from the functions of event_set_mem_functions(), or of malloc(3): for everything that the
// library hands out. Any thread, if the functions are. Null when there is none.
void* Allocate(size_t size);
void* AllocateZeroed(size_t count, size_t size);
// As realloc(3): a null `memory` is Allocate.
void* Reallocate(void* memory, size_t size);
void Release(void* memory);
char* DuplicateString(const char* text);

// A T in such memory. Null when there is none.
template <typename T, typename... Arguments>
T* New(Arguments&&... arguments) {
  void* memory = Allocate(sizeof(T));
  return memory == nullptr ? nullptr : new (memory) T(std::forward<Arguments>(arguments)...);
}

template <typename T>
void Delete(T* object) {
  if (object == nullptr) return;
  object->~T();
  Release(object);
}

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_MEMORY_H_
