#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEBUG_LOCK_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEBUG_LOCK_H_

#include <pthread.h>

#include "net/compat/libevent/internal/log.h"

namespace spindle::compat {

// A recursive lock that knows who holds it, and how often. The notes are its holder's.
class DebugLock {
 public:
  explicit DebugLock(void* lock) : lock_(lock) {}
  ~DebugLock() {
    if (count_ != 0) Fatal(kAbort, "a lock is freed while it is held");
  }
  DebugLock(const DebugLock&) = delete;
  DebugLock& operator=(const DebugLock&) = delete;

  void* lock() const { return lock_; }

  void NoteAcquired() {
    if (count_ > 0 && !pthread_equal(holder_, pthread_self())) {
      Fatal(kAbort, "the lock callbacks gave one lock to two threads");
    }
    holder_ = pthread_self();
    ++count_;
  }

  void NoteReleased() {
    if (count_ == 0 || !pthread_equal(holder_, pthread_self())) {
      Fatal(kAbort, "a lock is released by a thread that does not hold it");
    }
    --count_;
  }

 private:
  void* const lock_;
  pthread_t holder_ = {};
  int count_ = 0;
};

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEBUG_LOCK_H_
