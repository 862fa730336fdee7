// Life, locks, flags and the length of an evbuffer.

#include "net/compat/libevent/internal/evbuffer.h"

#include <utility>

#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

// Whether somebody is to be told of what happened to the buffer.
bool HasNews(const evbuffer* buf) {
  return (buf->added != 0 || buf->deleted != 0) &&
         (buf->callbacks != nullptr || buf->watch != nullptr);
}

void Free(evbuffer* buf) {
  while (!buf->segments.empty()) DropSegment(buf->segments.PopFront());
  while (buf->callbacks != nullptr) {
    Delete(std::exchange(buf->callbacks, buf->callbacks->next));
  }
  Delete(buf);
}

// Tells, and returns whether a reference was taken for that.
bool TellHeld(evbuffer* buf) {
  if (!HasNews(buf)) {
    buf->added = buf->deleted = buf->watch_added = buf->watch_deleted = 0;
    return false;
  }
  Ref(buf);
  TellOfChange(buf);
  return true;
}

}  // namespace

BufferChange::BufferChange(evbuffer* buf) : buf_(buf), lock_(buf->lock.get()) { Acquire(lock_); }

BufferChange::~BufferChange() {
  const bool held = TellHeld(buf_);
  Unlock(lock_);
  if (held) Unref(buf_);
}

BufferChanges::BufferChanges(evbuffer* first, evbuffer* second)
    : first_(first), second_(second), low_(first->lock.get()), high_(second->lock.get()) {
  if (low_ > high_) std::swap(low_, high_);
  Acquire(low_);
  Acquire(high_);
}

BufferChanges::~BufferChanges() {
  // Both live until both are told: the callbacks of one may end the other.
  Ref(second_);
  const bool held = TellHeld(first_);
  const bool held_second = TellHeld(second_);
  Unlock(high_);
  Unlock(low_);
  if (held_second) Unref(second_);
  if (held) Unref(first_);
  Unref(second_);
}

void ShareLock(evbuffer* buf, const SharedLock& lock) { buf->lock = lock; }

void SetWatch(evbuffer* buf, BufferWatch watch, void* arg) {
  buf->watch = watch;
  buf->watch_arg = arg;
}

void Ref(evbuffer* buf) { buf->refs.fetch_add(1, std::memory_order_relaxed); }

void Unref(evbuffer* buf) {
  if (buf->refs.load(std::memory_order_acquire) == 1 ||
      buf->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Free(buf);
  }
}

}  // namespace spindle::compat

using spindle::compat::BufferLock;

extern "C" {

evbuffer* evbuffer_new() { return spindle::compat::New<evbuffer>(); }

void evbuffer_free(evbuffer* buf) { spindle::compat::Unref(buf); }

int evbuffer_enable_locking(evbuffer* buf, void* lock) {
  if (buf->lock != nullptr) return -1;
  buf->lock =
      lock != nullptr ? spindle::compat::BorrowLock(lock) : spindle::compat::NewSharedLock();
  return buf->lock != nullptr ? 0 : -1;
}

void evbuffer_lock(evbuffer* buf) { spindle::compat::Acquire(buf->lock.get()); }

void evbuffer_unlock(evbuffer* buf) { spindle::compat::Unlock(buf->lock.get()); }

int evbuffer_set_flags(evbuffer* buf, ev_uint64_t flags) {
  BufferLock lock(buf);
  buf->flags |= flags;
  return 0;
}

int evbuffer_clear_flags(evbuffer* buf, ev_uint64_t flags) {
  BufferLock lock(buf);
  buf->flags &= ~flags;
  return 0;
}

int evbuffer_freeze(evbuffer* buf, int at_front) {
  BufferLock lock(buf);
  (at_front != 0 ? buf->front_frozen : buf->back_frozen) = true;
  return 0;
}

int evbuffer_unfreeze(evbuffer* buf, int at_front) {
  BufferLock lock(buf);
  (at_front != 0 ? buf->front_frozen : buf->back_frozen) = false;
  return 0;
}

size_t evbuffer_get_length(const evbuffer* buf) {
  BufferLock lock(buf);
  return buf->length;
}

size_t evbuffer_get_contiguous_space(const evbuffer* buf) {
  BufferLock lock(buf);
  return buf->segments.empty() ? 0 : buf->segments[0].size;
}

}  // extern "C"
