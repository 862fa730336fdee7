#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_LOCK_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_LOCK_H_

#include <event2/thread.h>

namespace spindle::compat {

// Recursive locks and conditions, made by the callbacks of event2/thread.h. Until there are such,
// locks are null, and all that is done with a null lock does nothing. Any thread.
bool LockingEnabled();
void* NewLock();
void FreeLock(void* lock);
void AcquireNonNull(void* lock);
void UnlockNonNull(void* lock);
inline void Acquire(void* lock) {
  if (lock != nullptr) AcquireNonNull(lock);
}
inline void Unlock(void* lock) {
  if (lock != nullptr) UnlockNonNull(lock);
}
// False if another thread holds it.
bool TryAcquire(void* lock);

// Null, too, if there are no callbacks for conditions.
void* NewCondition();
void FreeCondition(void* condition);
void Broadcast(void* condition);
// Lets go of `lock`, which is held once, waits, and takes it again. May return without reason.
void WaitOn(void* condition, void* lock);

// Called when something that is locked is made: from then on it is too late to switch on the checks
// of evthread_enable_lock_debugging().
void NoteLockUse();

// Holds a lock, or null, for the scope.
class ScopedLock {
 public:
  explicit ScopedLock(void* lock) : lock_(lock) { Acquire(lock_); }
  ScopedLock(const ScopedLock&) = delete;
  ScopedLock& operator=(const ScopedLock&) = delete;
  ~ScopedLock() { Unlock(lock_); }

 private:
  void* const lock_;
};

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_LOCK_H_
