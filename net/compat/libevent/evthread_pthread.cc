#include <errno.h>
#include <event2/thread.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>

#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

void* AllocateMutex(unsigned kind) {
  auto* mutex = New<pthread_mutex_t>();
  if (mutex == nullptr) return nullptr;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if ((kind & EVTHREAD_LOCKTYPE_RECURSIVE) != 0) {
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  }
  const int error = pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  if (error == 0) return mutex;
  Release(mutex);
  return nullptr;
}

void FreeMutex(void* lock, unsigned) {
  auto* mutex = static_cast<pthread_mutex_t*>(lock);
  pthread_mutex_destroy(mutex);
  Release(mutex);
}

int LockMutex(unsigned mode, void* lock) {
  auto* mutex = static_cast<pthread_mutex_t*>(lock);
  return (mode & EVTHREAD_TRY) != 0 ? pthread_mutex_trylock(mutex) : pthread_mutex_lock(mutex);
}

int UnlockMutex(unsigned, void* lock) {
  return pthread_mutex_unlock(static_cast<pthread_mutex_t*>(lock));
}

unsigned long ThreadId() { return static_cast<unsigned long>(pthread_self()); }

void* AllocateCondition(unsigned) {
  auto* condition = New<pthread_cond_t>();
  if (condition == nullptr) return nullptr;
  if (pthread_cond_init(condition, nullptr) == 0) return condition;
  Release(condition);
  return nullptr;
}

void DestroyCondition(void* object) {
  auto* condition = static_cast<pthread_cond_t*>(object);
  pthread_cond_destroy(condition);
  Release(condition);
}

int SignalCondition(void* object, int broadcast) {
  auto* condition = static_cast<pthread_cond_t*>(object);
  const int error =
      broadcast != 0 ? pthread_cond_broadcast(condition) : pthread_cond_signal(condition);
  return error == 0 ? 0 : -1;
}

int WaitCondition(void* object, void* lock, const timeval* timeout) {
  auto* condition = static_cast<pthread_cond_t*>(object);
  auto* mutex = static_cast<pthread_mutex_t*>(lock);
  if (timeout == nullptr) return pthread_cond_wait(condition, mutex) == 0 ? 0 : -1;
  timeval now;
  timeval end;
  gettimeofday(&now, nullptr);
  timeradd(&now, timeout, &end);
  const timespec until = {.tv_sec = end.tv_sec, .tv_nsec = end.tv_usec * 1000};
  const int error = pthread_cond_timedwait(condition, mutex, &until);
  if (error == ETIMEDOUT) return 1;
  return error == 0 ? 0 : -1;
}

}  // namespace
}  // namespace spindle::compat

int evthread_use_pthreads() {
  using namespace spindle::compat;
  const evthread_lock_callbacks locks = {
      .lock_api_version = EVTHREAD_LOCK_API_VERSION,
      .supported_locktypes = EVTHREAD_LOCKTYPE_RECURSIVE,
      .alloc = &AllocateMutex,
      .free = &FreeMutex,
      .lock = &LockMutex,
      .unlock = &UnlockMutex,
  };
  const evthread_condition_callbacks conditions = {
      .condition_api_version = EVTHREAD_CONDITION_API_VERSION,
      .alloc_condition = &AllocateCondition,
      .free_condition = &DestroyCondition,
      .signal_condition = &SignalCondition,
      .wait_condition = &WaitCondition,
  };
  if (evthread_set_lock_callbacks(&locks) != 0) return -1;
  evthread_set_condition_callbacks(&conditions);
  evthread_set_id_callback(&ThreadId);
  return 0;
}
