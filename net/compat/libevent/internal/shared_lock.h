#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_SHARED_LOCK_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_SHARED_LOCK_H_

#include <memory>

#include "net/compat/libevent/internal/lock.h"

namespace spindle::compat {

// A lock of lock.h that several objects hold, such as a bufferevent and its buffers; the last one
// frees it. Null where locking is off.
using SharedLock = std::shared_ptr<void>;

inline SharedLock NewSharedLock() {
  void* lock = NewLock();
  return lock != nullptr ? SharedLock(lock, FreeLock) : SharedLock();
}

// A lock that stays the caller's.
inline SharedLock BorrowLock(void* lock) {
  return SharedLock(lock, [](void*) {});
}

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_SHARED_LOCK_H_
