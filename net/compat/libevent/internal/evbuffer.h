#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVBUFFER_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVBUFFER_H_

// What the files behind event2/buffer.h share. Functions here expect the buffer's lock to be held.

#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/event_struct.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "net/compat/libevent/internal/evbuffer_segments.h"
#include "net/compat/libevent/internal/lock.h"
#include "net/compat/libevent/internal/shared_lock.h"
#include "net/types/chunk.h"

namespace spindle::compat {

// Called at once after every change of the length, deferred callbacks or not.
using BufferWatch = void (*)(evbuffer* buf, size_t added, size_t deleted, void* arg);

}  // namespace spindle::compat

struct evbuffer_cb_entry {
  evbuffer_cb_entry* next = nullptr;
  evbuffer_cb_func callback = nullptr;
  evbuffer_cb old_callback = nullptr;  // set by evbuffer_setcb, in place of `callback`
  void* arg = nullptr;
  uint32_t flags = EVBUFFER_CB_ENABLED;
  bool removed = false;  // unlinked as soon as no callback of the buffer runs
};

struct evbuffer {
  // Invariants: `length` is the sum of the segments' sizes; no segment is empty; `spare` is an
  // unshared chunk that continues the last segment, or null.
  spindle::compat::SegmentQueue segments;
  size_t length = 0;
  spindle::ChunkRef spare;

  uint64_t flags = 0;
  bool front_frozen = false;
  bool back_frozen = false;
  std::atomic<int> refs = 1;
  spindle::compat::SharedLock lock;

  // What the callbacks have not been told yet.
  size_t added = 0;
  size_t deleted = 0;
  evbuffer_cb_entry* callbacks = nullptr;  // the newest first
  int running = 0;                         // nested rounds of callbacks
  bool has_removed = false;
  // The loop that runs the callbacks; null: they run at once. A reference while it is due.
  event_base* deferred_base = nullptr;
  event_callback deferred = {};

  // The bufferevent that the buffer is part of, if any, and what it has not been told yet.
  spindle::compat::BufferWatch watch = nullptr;
  void* watch_arg = nullptr;
  size_t watch_added = 0;
  size_t watch_deleted = 0;
};

namespace spindle::compat {

// Holds a buffer's lock.
class BufferLock {
 public:
  explicit BufferLock(const evbuffer* buf) : lock_(buf->lock.get()) {
    if (lock_ != nullptr) Acquire(lock_);
  }
  BufferLock(const BufferLock&) = delete;
  BufferLock& operator=(const BufferLock&) = delete;
  ~BufferLock() {
    if (lock_ != nullptr) Unlock(lock_);
  }

 private:
  void* const lock_;
};

// Holds a buffer's lock while the buffer is changed, and tells the callbacks at the end of the
// scope, still under the lock. The buffer lives through that, whatever they do.
class BufferChange {
 public:
  explicit BufferChange(evbuffer* buf) : buf_(buf), lock_(buf->lock.get()) {
    if (lock_ != nullptr) Acquire(lock_);
  }
  BufferChange(const BufferChange&) = delete;
  BufferChange& operator=(const BufferChange&) = delete;
  ~BufferChange() {
    if (buf_->callbacks == nullptr && buf_->watch == nullptr && lock_ == nullptr) {
      buf_->added = buf_->deleted = buf_->watch_added = buf_->watch_deleted = 0;
    } else {
      TellAndUnlock();
    }
  }

 private:
  void TellAndUnlock();

  evbuffer* const buf_;
  void* const lock_;
};

// The same for two buffers, which may be one; the callbacks of `first` are told first. The locks
// are taken in the order of their addresses.
class BufferChanges {
 public:
  BufferChanges(evbuffer* first, evbuffer* second);
  BufferChanges(const BufferChanges&) = delete;
  BufferChanges& operator=(const BufferChanges&) = delete;
  ~BufferChanges();

  void TellSecondFirst() { std::swap(first_, second_); }

 private:
  evbuffer* first_;
  evbuffer* second_;
  void* low_;
  void* high_;
};

// Part of bufferevents: buffers share the lock of their bufferevent and tell it of changes.
void ShareLock(evbuffer* buf, const SharedLock& lock);
void SetWatch(evbuffer* buf, BufferWatch watch, void* arg);

void Ref(evbuffer* buf);
// Frees the buffer when it was the last reference. Expects the lock not to be held.
void Unref(evbuffer* buf);

// Counts a change of `length` for those who are to be told.
inline void CountAdded(evbuffer* buf, size_t n) {
  buf->length += n;
  buf->added += n;
  buf->watch_added += n;
}
inline void CountDeleted(evbuffer* buf, size_t n) {
  buf->length -= n;
  buf->deleted += n;
  buf->watch_deleted += n;
}

// Tells the callbacks and the watch, if there was a change. They may do anything to the buffer, so
// a reference is to be held.
void TellOfChange(evbuffer* buf);

// The bytes of segment `i`; reads its file first where needed. Null if the file cannot be read.
char* BytesOf(evbuffer* buf, size_t i);

// Where position `pos` (at most the length) is: a segment and an offset in it. At the end of the
// data it is the segment behind the last.
struct Cursor {
  size_t segment = 0;
  size_t offset = 0;
};
Cursor CursorAt(const evbuffer* buf, size_t pos);

// Copies `size` bytes from `pos` on; false if a file cannot be read. pos + size <= length.
bool CopyOut(evbuffer* buf, size_t pos, char* out, size_t size);

// These change the data and count what callbacks are to be told, but tell nobody.
bool Append(evbuffer* buf, const char* data, size_t size);  // false: out of memory
void AppendSegment(evbuffer* buf, Segment segment);
void DropFront(evbuffer* buf, size_t size);  // size <= length
void Discard(evbuffer* buf, size_t size);    // the same, but counts nothing
// Takes the first `size` bytes (at most the length) out and appends them to `to`.
void MoveFront(evbuffer* from, evbuffer* to, size_t size);
void DropSegment(Segment segment);

// Makes `spare` big enough for what of `size` bytes does not fit behind the last segment.
bool ReserveTail(evbuffer* buf, size_t size);
size_t TailroomOf(evbuffer* buf);
// As large as a new chunk for `size` more bytes had better be.
size_t NextCapacity(const evbuffer* buf, size_t size);

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVBUFFER_H_
