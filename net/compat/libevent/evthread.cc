#include <event2/thread.h>

#include <atomic>

#include "net/compat/libevent/internal/debug_lock.h"
#include "net/compat/libevent/internal/lock.h"
#include "net/compat/libevent/internal/log.h"

namespace spindle::compat {
namespace {

// Set before the threads that use the library start, so without a lock.
constinit evthread_lock_callbacks lock_calls = {};
constinit evthread_condition_callbacks condition_calls = {};
constinit bool debugging = false;
constinit std::atomic<bool> locks_used{false};

bool Same(const evthread_lock_callbacks& a, const evthread_lock_callbacks& b) {
  return a.lock_api_version == b.lock_api_version &&
         a.supported_locktypes == b.supported_locktypes && a.alloc == b.alloc && a.free == b.free &&
         a.lock == b.lock && a.unlock == b.unlock;
}

bool Same(const evthread_condition_callbacks& a, const evthread_condition_callbacks& b) {
  return a.condition_api_version == b.condition_api_version &&
         a.alloc_condition == b.alloc_condition && a.free_condition == b.free_condition &&
         a.signal_condition == b.signal_condition && a.wait_condition == b.wait_condition;
}

}  // namespace

bool LockingEnabled() { return lock_calls.lock != nullptr; }

void* NewLock() {
  if (lock_calls.alloc == nullptr) return nullptr;
  NoteLockUse();
  void* lock = lock_calls.alloc(EVTHREAD_LOCKTYPE_RECURSIVE);
  if (!debugging) return lock;
  return lock == nullptr ? nullptr : new DebugLock(lock);
}

void FreeLock(void* lock) {
  if (lock == nullptr || lock_calls.free == nullptr) return;
  if (debugging) {
    auto* checked = static_cast<DebugLock*>(lock);
    lock = checked->lock();
    delete checked;
  }
  lock_calls.free(lock, EVTHREAD_LOCKTYPE_RECURSIVE);
}

void AcquireNonNull(void* lock) {
  if (debugging) {
    auto* checked = static_cast<DebugLock*>(lock);
    lock_calls.lock(0, checked->lock());
    checked->NoteAcquired();
    return;
  }
  lock_calls.lock(0, lock);
}

void UnlockNonNull(void* lock) {
  if (debugging) {
    auto* checked = static_cast<DebugLock*>(lock);
    checked->NoteReleased();
    lock = checked->lock();
  }
  lock_calls.unlock(0, lock);
}

bool TryAcquire(void* lock) {
  if (lock == nullptr) return true;
  if (debugging) {
    auto* checked = static_cast<DebugLock*>(lock);
    if (lock_calls.lock(EVTHREAD_TRY, checked->lock()) != 0) return false;
    checked->NoteAcquired();
    return true;
  }
  return lock_calls.lock(EVTHREAD_TRY, lock) == 0;
}

void* NewCondition() {
  return condition_calls.alloc_condition == nullptr ? nullptr : condition_calls.alloc_condition(0);
}

void FreeCondition(void* condition) {
  if (condition != nullptr) condition_calls.free_condition(condition);
}

void Broadcast(void* condition) {
  if (condition != nullptr) condition_calls.signal_condition(condition, 1);
}

void WaitOn(void* condition, void* lock) {
  if (condition == nullptr) return;
  if (!debugging) {
    condition_calls.wait_condition(condition, lock, nullptr);
    return;
  }
  auto* checked = static_cast<DebugLock*>(lock);
  checked->NoteReleased();
  condition_calls.wait_condition(condition, checked->lock(), nullptr);
  checked->NoteAcquired();
}

void NoteLockUse() { locks_used.store(true, std::memory_order_relaxed); }

}  // namespace spindle::compat

using namespace spindle::compat;

int evthread_set_lock_callbacks(const evthread_lock_callbacks* callbacks) {
  if (callbacks == nullptr) {
    if (lock_calls.alloc != nullptr) LogWarning("locks are taken away while they may be in use");
    lock_calls = {};
    return 0;
  }
  if (lock_calls.alloc != nullptr) {
    if (Same(lock_calls, *callbacks)) return 0;
    LogWarning("other lock callbacks are in use already");
    return -1;
  }
  if (callbacks->alloc == nullptr || callbacks->free == nullptr || callbacks->lock == nullptr ||
      callbacks->unlock == nullptr) {
    return -1;
  }
  lock_calls = *callbacks;
  return 0;
}

int evthread_set_condition_callbacks(const evthread_condition_callbacks* callbacks) {
  if (callbacks == nullptr) {
    if (condition_calls.alloc_condition != nullptr) {
      LogWarning("conditions are taken away while they may be in use");
    }
    condition_calls = {};
    return 0;
  }
  if (condition_calls.alloc_condition != nullptr) {
    if (Same(condition_calls, *callbacks)) return 0;
    LogWarning("other condition callbacks are in use already");
    return -1;
  }
  if (callbacks->alloc_condition != nullptr && callbacks->free_condition != nullptr &&
      callbacks->signal_condition != nullptr && callbacks->wait_condition != nullptr) {
    condition_calls = *callbacks;
  }
  return 0;
}

// Threads are told apart by pthread_self(3).
void evthread_set_id_callback(unsigned long (*)(void)) {}

void evthread_enable_lock_debugging() {
  if (debugging) return;
  // Locks that exist already have no room for what a checked one notes.
  if (locks_used.load(std::memory_order_relaxed)) {
    Fatal(kAbort, "evthread_enable_lock_debugging: locks are in use already");
  }
  debugging = true;
}

void evthread_enable_lock_debuging() { evthread_enable_lock_debugging(); }

int evthread_make_base_notifiable(event_base* base) { return base == nullptr ? -1 : 0; }
