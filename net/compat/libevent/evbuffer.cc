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

void Tell(evbuffer* buf) {
  if (HasNews(buf)) {
    TellOfChange(buf);
  } else {
    buf->added = buf->deleted = buf->watch_added = buf->watch_deleted = 0;
  }
}

}  // namespace

void BufferChange::TellAndUnlock() {
  const bool has_news = HasNews(buf_);
  if (has_news) Ref(buf_);
  Tell(buf_);
  if (lock_ != nullptr) Unlock(lock_);
  if (has_news) Unref(buf_);
}

BufferChanges::BufferChanges(evbuffer* first, evbuffer* second)
    : first_(first), second_(second), low_(first->lock.get()), high_(second->lock.get()) {
  if (low_ > high_) std::swap(low_, high_);
  if (low_ != nullptr) Acquire(low_);
  if (high_ != nullptr) Acquire(high_);
}

BufferChanges::~BufferChanges() {
  // The callbacks of each may end the other, and its lock with it.
  const bool has_news = HasNews(first_) || HasNews(second_);
  if (has_news) {
    Ref(first_);
    Ref(second_);
  }
  Tell(first_);
  Tell(second_);
  if (high_ != nullptr) Unlock(high_);
  if (low_ != nullptr) Unlock(low_);
  if (has_news) {
    Unref(second_);
    Unref(first_);
  }
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
