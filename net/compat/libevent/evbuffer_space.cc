// Room behind the data of an evbuffer that callers write into themselves.

#include <limits>
#include <utility>

#include "net/compat/libevent/internal/evbuffer.h"

namespace spindle::compat {
namespace {

// Room for `size` bytes in one piece: behind the last segment, or in the spare chunk.
bool ReserveOnePiece(evbuffer* buf, size_t size) {
  if (TailroomOf(buf) >= size && !buf->segments.empty()) return true;
  if (buf->spare && buf->spare->own_capacity() >= size) return true;
  ChunkRef chunk = Chunk::Allocate(NextCapacity(buf, size));
  if (!chunk) return false;
  buf->spare = std::move(chunk);
  return true;
}

evbuffer_iovec TailOf(evbuffer* buf) {
  if (buf->segments.empty()) return {.iov_base = nullptr, .iov_len = 0};
  Segment& last = buf->segments.back();
  const size_t room = last.Tailroom();
  return {.iov_base = room > 0 ? last.data + last.size : nullptr, .iov_len = room};
}

evbuffer_iovec SpareOf(evbuffer* buf) {
  if (!buf->spare) return {.iov_base = nullptr, .iov_len = 0};
  return {.iov_base = buf->spare->data(), .iov_len = buf->spare->own_capacity()};
}

bool Fits(const evbuffer_iovec& given, const evbuffer_iovec& room) {
  return room.iov_base != nullptr && given.iov_base == room.iov_base &&
         given.iov_len <= room.iov_len;
}

void CommitTail(evbuffer* buf, size_t size) {
  buf->segments.back().size += size;
  CountAdded(buf, size);
}

void CommitSpare(evbuffer* buf, size_t size) {
  if (size == 0) return;
  Segment segment;
  segment.chunk = std::move(buf->spare);
  segment.data = segment.chunk->data();
  segment.size = size;
  AppendSegment(buf, std::move(segment));
}

}  // namespace
}  // namespace spindle::compat

using spindle::compat::BufferChange;
using spindle::compat::BufferLock;

extern "C" {

int evbuffer_expand(evbuffer* buf, size_t datlen) {
  BufferLock lock(buf);
  return spindle::compat::ReserveOnePiece(buf, datlen) ? 0 : -1;
}

int evbuffer_reserve_space(evbuffer* buf, ev_ssize_t size, evbuffer_iovec* vec, int n_vec) {
  BufferLock lock(buf);
  if (buf->back_frozen || n_vec < 1 || size < 0) return -1;
  const size_t wanted = static_cast<size_t>(size);
  const evbuffer_iovec tail = spindle::compat::TailOf(buf);
  if (n_vec == 1 || tail.iov_len == 0) {
    if (!spindle::compat::ReserveOnePiece(buf, wanted)) return -1;
    vec[0] = tail.iov_len >= wanted && tail.iov_len > 0 ? tail : spindle::compat::SpareOf(buf);
    return 1;
  }
  vec[0] = tail;
  if (tail.iov_len >= wanted) return 1;
  if (!spindle::compat::ReserveTail(buf, wanted)) return -1;
  vec[1] = spindle::compat::SpareOf(buf);
  return 2;
}

int evbuffer_commit_space(evbuffer* buf, evbuffer_iovec* vec, int n_vecs) {
  BufferChange change(buf);
  if (buf->back_frozen) return -1;
  if (n_vecs == 0) return 0;
  if (n_vecs < 0 || n_vecs > 2) return -1;
  const evbuffer_iovec spare = spindle::compat::SpareOf(buf);
  if (n_vecs == 1 && spindle::compat::Fits(vec[0], spare)) {
    spindle::compat::CommitSpare(buf, vec[0].iov_len);
    return 0;
  }
  if (!spindle::compat::Fits(vec[0], spindle::compat::TailOf(buf))) return -1;
  if (n_vecs == 2 && !spindle::compat::Fits(vec[1], spare)) return -1;
  spindle::compat::CommitTail(buf, vec[0].iov_len);
  if (n_vecs == 2) spindle::compat::CommitSpare(buf, vec[1].iov_len);
  return 0;
}

size_t evbuffer_add_iovec(evbuffer* buffer, evbuffer_iovec* vec, int n_vec) {
  BufferChange change(buffer);
  if (buffer->back_frozen) return 0;
  size_t total = 0;
  for (int i = 0; i < n_vec; ++i) total += vec[i].iov_len;
  if (!spindle::compat::ReserveTail(buffer, total)) return 0;
  size_t added = 0;
  for (int i = 0; i < n_vec; ++i) {
    if (vec[i].iov_len == 0) continue;
    const auto* data = static_cast<const char*>(vec[i].iov_base);
    if (!spindle::compat::Append(buffer, data, vec[i].iov_len)) break;
    added += vec[i].iov_len;
  }
  return added;
}

}  // extern "C"
