// Adding bytes to an evbuffer, taking them out, and looking at them.

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "net/compat/libevent/internal/evbuffer.h"

namespace spindle::compat {
namespace {

constexpr size_t kMaxLength = std::numeric_limits<ev_ssize_t>::max();

bool Prepend(evbuffer* buf, const char* data, size_t size) {
  if (!buf->segments.empty()) {
    Segment& first = buf->segments.front();
    const size_t n = std::min(size, first.Headroom());
    if (n > 0) {
      first.data -= n;
      first.size += n;
      std::memcpy(first.data, data + size - n, n);
      CountAdded(buf, n);
      size -= n;
    }
  }
  while (size > 0) {
    const size_t n = std::min(size, Chunk::kMaxCapacity);
    Segment segment;
    segment.chunk = Chunk::Allocate(NextCapacity(buf, n));
    if (!segment.chunk) return false;
    // At its end, so that more can be prepended.
    segment.data = segment.chunk->data() + segment.chunk->own_capacity() - n;
    segment.size = n;
    std::memcpy(segment.data, data + size - n, n);
    buf->segments.PushFront(std::move(segment));
    CountAdded(buf, n);
    size -= n;
  }
  return true;
}

// Brings the first `size` bytes, which are more than the first segment has, into one piece.
char* PullUp(evbuffer* buf, size_t size) {
  Segment whole;
  if (Segment& first = buf->segments.front(); first.size + first.Tailroom() >= size) {
    const size_t present = first.size;
    if (!CopyOut(buf, present, first.data + present, size - present)) return nullptr;
    whole = first;
  } else {
    whole.chunk = Chunk::Allocate(size);
    if (!whole.chunk) return nullptr;
    whole.data = whole.chunk->data();
    if (!CopyOut(buf, 0, whole.data, size)) return nullptr;
  }
  whole.size = size;
  Discard(buf, size);
  buf->segments.PushFront(std::move(whole));
  return buf->segments.front().data;
}

ev_ssize_t CopyOutFrom(evbuffer* buf, size_t pos, void* out, size_t size) {
  if (pos >= buf->length) return 0;
  size = std::min(size, buf->length - pos);
  if (size == 0) return 0;
  if (buf->front_frozen) return -1;
  return CopyOut(buf, pos, static_cast<char*>(out), size) ? static_cast<ev_ssize_t>(size) : -1;
}

}  // namespace
}  // namespace spindle::compat

using spindle::compat::BufferChange;
using spindle::compat::BufferLock;
using spindle::compat::kMaxLength;

extern "C" {

int evbuffer_add(evbuffer* buf, const void* data, size_t datlen) {
  BufferChange change(buf);
  if (buf->back_frozen || datlen > kMaxLength - buf->length) return -1;
  if (datlen == 0) return 0;
  return spindle::compat::Append(buf, static_cast<const char*>(data), datlen) ? 0 : -1;
}

int evbuffer_prepend(evbuffer* buf, const void* data, size_t size) {
  BufferChange change(buf);
  if (size == 0) return 0;
  if (buf->front_frozen || size > kMaxLength - buf->length) return -1;
  return spindle::compat::Prepend(buf, static_cast<const char*>(data), size) ? 0 : -1;
}

int evbuffer_add_vprintf(evbuffer* buf, const char* fmt, va_list ap) {
  BufferChange change(buf);
  if (buf->back_frozen) return -1;
  va_list again;  // for texts that need more room
  va_copy(again, ap);
  char short_text[1024];
  const int size = vsnprintf(short_text, sizeof(short_text), fmt, ap);
  bool added = size >= 0;
  if (size > 0 && static_cast<size_t>(size) < sizeof(short_text)) {
    added = spindle::compat::Append(buf, short_text, static_cast<size_t>(size));
  } else if (size > 0) {
    const auto text = std::make_unique<char[]>(static_cast<size_t>(size) + 1);
    vsnprintf(text.get(), static_cast<size_t>(size) + 1, fmt, again);
    added = spindle::compat::Append(buf, text.get(), static_cast<size_t>(size));
  }
  va_end(again);
  return added ? size : -1;
}

int evbuffer_add_printf(evbuffer* buf, const char* fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const int result = evbuffer_add_vprintf(buf, fmt, ap);
  va_end(ap);
  return result;
}

int evbuffer_drain(evbuffer* buf, size_t len) {
  BufferChange change(buf);
  if (buf->length == 0) return 0;
  if (buf->front_frozen) return -1;
  spindle::compat::DropFront(buf, std::min(len, buf->length));
  return 0;
}

int evbuffer_remove(evbuffer* buf, void* data, size_t datlen) {
  BufferChange change(buf);
  const ev_ssize_t n = spindle::compat::CopyOutFrom(buf, 0, data, datlen);
  if (n > 0) spindle::compat::DropFront(buf, static_cast<size_t>(n));
  return static_cast<int>(n);
}

ev_ssize_t evbuffer_copyout(evbuffer* buf, void* data_out, size_t datlen) {
  BufferLock lock(buf);
  return spindle::compat::CopyOutFrom(buf, 0, data_out, datlen);
}

ev_ssize_t evbuffer_copyout_from(evbuffer* buf, const evbuffer_ptr* pos, void* data_out,
                                 size_t datlen) {
  BufferLock lock(buf);
  if (pos != nullptr && (pos->pos < 0 || datlen > kMaxLength - static_cast<size_t>(pos->pos))) {
    return -1;
  }
  const size_t start = pos != nullptr ? static_cast<size_t>(pos->pos) : 0;
  return spindle::compat::CopyOutFrom(buf, start, data_out, datlen);
}

unsigned char* evbuffer_pullup(evbuffer* buf, ev_ssize_t size) {
  BufferLock lock(buf);
  const size_t wanted = size < 0 ? buf->length : static_cast<size_t>(size);
  if (wanted == 0 || wanted > buf->length) return nullptr;
  char* bytes = buf->segments.front().size >= wanted ? spindle::compat::BytesOf(buf, 0)
                                                     : spindle::compat::PullUp(buf, wanted);
  return reinterpret_cast<unsigned char*>(bytes);
}

int evbuffer_peek(evbuffer* buffer, ev_ssize_t len, evbuffer_ptr* start_at, evbuffer_iovec* vec_out,
                  int n_vec) {
  BufferLock lock(buffer);
  size_t start = 0;
  if (start_at != nullptr) {
    if (start_at->pos < 0 || static_cast<size_t>(start_at->pos) >= buffer->length) return 0;
    start = static_cast<size_t>(start_at->pos);
  }
  // A negative length without room for all means: as much as fits.
  const bool fill = len < 0 && n_vec > 0;
  size_t left = len < 0 ? buffer->length - start : static_cast<size_t>(len);
  spindle::compat::Cursor cursor = spindle::compat::CursorAt(buffer, start);
  int pieces = 0;
  while (cursor.segment < buffer->segments.size() && left > 0) {
    if (fill && pieces == n_vec) break;
    const size_t size = buffer->segments[cursor.segment].size - cursor.offset;
    if (pieces < n_vec) {
      char* bytes = spindle::compat::BytesOf(buffer, cursor.segment);
      if (bytes == nullptr) return -1;
      vec_out[pieces] = {.iov_base = bytes + cursor.offset, .iov_len = size};
    }
    ++pieces;
    left -= std::min(left, size);
    ++cursor.segment;
    cursor.offset = 0;
  }
  return pieces;
}

}  // extern "C"
