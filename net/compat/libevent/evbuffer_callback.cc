// Callbacks of an evbuffer, at once or from a loop.

#include <utility>

#include "net/compat/libevent/internal/deferred.h"
#include "net/compat/libevent/internal/evbuffer.h"
#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

void Sweep(evbuffer* buf) {
  evbuffer_cb_entry** link = &buf->callbacks;
  while (*link != nullptr) {
    if ((*link)->removed) {
      Delete(std::exchange(*link, (*link)->next));
    } else {
      link = &(*link)->next;
    }
  }
  buf->has_removed = false;
}

void Remove(evbuffer* buf, evbuffer_cb_entry* entry) {
  entry->removed = true;
  buf->has_removed = true;
  if (buf->running == 0) Sweep(buf);
}

void RunCallbacks(evbuffer* buf) {
  if (buf->added == 0 && buf->deleted == 0) return;
  const evbuffer_cb_info info = {
      .orig_size = buf->length + buf->deleted - buf->added,
      .n_added = buf->added,
      .n_deleted = buf->deleted,
  };
  buf->added = buf->deleted = 0;
  ++buf->running;
  // Callbacks that are added meanwhile go before the first and are not called in this round.
  for (evbuffer_cb_entry* entry = buf->callbacks; entry != nullptr; entry = entry->next) {
    if (entry->removed || (entry->flags & EVBUFFER_CB_ENABLED) == 0) continue;
    if (entry->old_callback != nullptr) {
      entry->old_callback(buf, info.orig_size, info.orig_size + info.n_added - info.n_deleted,
                          entry->arg);
    } else if (entry->callback != nullptr) {
      entry->callback(buf, &info, entry->arg);
    }
  }
  if (--buf->running == 0 && buf->has_removed) Sweep(buf);
}

void RunDeferred(event_callback*, void* arg) {
  auto* buf = static_cast<evbuffer*>(arg);
  {
    BufferLock lock(buf);
    RunCallbacks(buf);
  }
  Unref(buf);
}

void Schedule(evbuffer* buf) {
  if (buf->added == 0 && buf->deleted == 0) return;
  if (ScheduleDeferred(buf->deferred_base, &buf->deferred)) Ref(buf);
}

evbuffer_cb_entry* Link(evbuffer* buf, evbuffer_cb_func callback, evbuffer_cb old_callback,
                        void* arg) {
  auto* entry = New<evbuffer_cb_entry>();
  if (entry == nullptr) return nullptr;
  entry->callback = callback;
  entry->old_callback = old_callback;
  entry->arg = arg;
  entry->next = std::exchange(buf->callbacks, entry);
  return entry;
}

void RemoveAll(evbuffer* buf) {
  for (evbuffer_cb_entry* entry = buf->callbacks; entry != nullptr; entry = entry->next) {
    entry->removed = true;
  }
  buf->has_removed = true;
  if (buf->running == 0) Sweep(buf);
}

}  // namespace

void TellOfChange(evbuffer* buf) {
  if (buf->callbacks == nullptr) {
    buf->added = buf->deleted = 0;
  } else if (buf->deferred_base != nullptr) {
    Schedule(buf);
  } else {
    RunCallbacks(buf);
  }
  const size_t added = std::exchange(buf->watch_added, 0);
  const size_t deleted = std::exchange(buf->watch_deleted, 0);
  if (buf->watch != nullptr && (added != 0 || deleted != 0)) {
    buf->watch(buf, added, deleted, buf->watch_arg);
  }
}

}  // namespace spindle::compat

using spindle::compat::BufferLock;

extern "C" {

evbuffer_cb_entry* evbuffer_add_cb(evbuffer* buffer, evbuffer_cb_func cb, void* cbarg) {
  BufferLock lock(buffer);
  if (cb == nullptr) {
    spindle::compat::RemoveAll(buffer);
    return nullptr;
  }
  return spindle::compat::Link(buffer, cb, nullptr, cbarg);
}

int evbuffer_remove_cb_entry(evbuffer* buffer, evbuffer_cb_entry* ent) {
  BufferLock lock(buffer);
  spindle::compat::Remove(buffer, ent);
  return 0;
}

int evbuffer_remove_cb(evbuffer* buffer, evbuffer_cb_func cb, void* cbarg) {
  BufferLock lock(buffer);
  for (evbuffer_cb_entry* entry = buffer->callbacks; entry != nullptr; entry = entry->next) {
    if (entry->removed || entry->callback != cb || entry->arg != cbarg) continue;
    spindle::compat::Remove(buffer, entry);
    return 0;
  }
  return -1;
}

int evbuffer_setcb(evbuffer* buffer, evbuffer_cb cb, void* cbarg) {
  BufferLock lock(buffer);
  spindle::compat::RemoveAll(buffer);
  if (cb == nullptr) return 0;
  return spindle::compat::Link(buffer, nullptr, cb, cbarg) != nullptr ? 0 : -1;
}

int evbuffer_cb_set_flags(evbuffer* buffer, evbuffer_cb_entry* cb, ev_uint32_t flags) {
  BufferLock lock(buffer);
  cb->flags |= flags;
  return 0;
}

int evbuffer_cb_clear_flags(evbuffer* buffer, evbuffer_cb_entry* cb, ev_uint32_t flags) {
  BufferLock lock(buffer);
  cb->flags &= ~flags;
  return 0;
}

int evbuffer_defer_callbacks(evbuffer* buffer, event_base* base) {
  BufferLock lock(buffer);
  if (buffer->deferred_base != nullptr) return buffer->deferred_base == base ? 0 : -1;
  spindle::compat::InitDeferred(&buffer->deferred, spindle::compat::DefaultPriority(base),
                                spindle::compat::RunDeferred, buffer);
  buffer->deferred_base = base;
  return 0;
}

}  // extern "C"
