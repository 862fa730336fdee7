// Reading descriptors into an evbuffer and writing it to them.

#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "net/compat/libevent/internal/evbuffer.h"
#include "net/compat/libevent/internal/evbuffer_file.h"

namespace spindle::compat {
namespace {

constexpr size_t kMaxPieces = 64;

// What one read takes at most when the caller sets no bound.
constexpr size_t kReadSize = 65536;

// A read of no more than this is copied out of the block that it came in.
constexpr size_t kCopyLimit = 8192;

// Room behind the last segment that is worth a piece of its own in a read.
constexpr size_t kMinTail = 512;

// The block that this thread reads into; those that a read fills well are given to the buffer.
thread_local ChunkRef read_block;

// Appends the first `size` bytes of the block.
bool TakeFromBlock(evbuffer* buf, size_t size) {
  if (size <= kCopyLimit) return Append(buf, read_block->data(), size);
  Segment segment;
  segment.chunk = std::move(read_block);
  segment.data = segment.chunk->data();
  segment.size = size;
  AppendSegment(buf, std::move(segment));
  return true;
}

ssize_t Read(evbuffer* buf, int fd, size_t limit) {
  iovec pieces[2];
  int count = 0;
  size_t tail = TailroomOf(buf);
  if (tail >= kMinTail || (tail > 0 && tail >= limit)) {
    Segment& last = buf->segments.back();
    tail = std::min(tail, limit);
    pieces[count++] = {.iov_base = last.data + last.size, .iov_len = tail};
  } else {
    tail = 0;
  }
  if (tail < limit) {
    if (!read_block) read_block = Chunk::Allocate(Chunk::kLargeCapacity);
    if (!read_block) {
      errno = ENOMEM;
      return -1;
    }
    pieces[count++] = {.iov_base = read_block->data(),
                       .iov_len = std::min(limit - tail, kReadSize)};
  }
  const ssize_t n =
      count == 1 ? read(fd, pieces[0].iov_base, pieces[0].iov_len) : readv(fd, pieces, count);
  if (n <= 0) return n;
  const size_t size = static_cast<size_t>(n);
  const size_t behind = std::min(size, tail);
  if (behind > 0) {
    buf->segments.back().size += behind;
    CountAdded(buf, behind);
  }
  if (size > behind && !TakeFromBlock(buf, size - behind)) {
    errno = ENOMEM;
    return -1;
  }
  return n;
}

// Writes the segments in front of the first that is still in a file.
ssize_t WriteMemory(evbuffer* buf, int fd, size_t limit) {
  iovec pieces[kMaxPieces];
  size_t count = 0;
  while (limit > 0 && count < kMaxPieces && count < buf->segments.size()) {
    Segment& segment = buf->segments[count];
    if (segment.file != nullptr) break;
    const size_t size = std::min(segment.size, limit);
    pieces[count++] = {.iov_base = segment.data, .iov_len = size};
    limit -= size;
  }
  if (count == 1) return write(fd, pieces[0].iov_base, pieces[0].iov_len);
  return writev(fd, pieces, static_cast<int>(count));
}

ssize_t Write(evbuffer* buf, int fd, size_t limit) {
  Segment& first = buf->segments.front();
  if (first.file != nullptr) {
    off_t position = FilePosition(first);
    const ssize_t n = sendfile(fd, FileOf(first), &position, std::min(first.size, limit));
    if (n >= 0 || (errno != EINVAL && errno != ENOSYS)) return n;
    if (!LoadFile(&first)) return -1;  // not that kind of file or descriptor: through memory
  }
  return WriteMemory(buf, fd, limit);
}

}  // namespace
}  // namespace spindle::compat

using spindle::compat::BufferChange;

extern "C" {

int evbuffer_read(evbuffer* buffer, evutil_socket_t fd, int howmuch) {
  BufferChange change(buffer);
  if (buffer->back_frozen) return -1;
  const size_t limit = howmuch < 0 ? spindle::compat::kReadSize : static_cast<size_t>(howmuch);
  return static_cast<int>(spindle::compat::Read(buffer, fd, limit));
}

int evbuffer_write_atmost(evbuffer* buffer, evutil_socket_t fd, ev_ssize_t howmuch) {
  BufferChange change(buffer);
  if (buffer->front_frozen) return -1;
  size_t limit = buffer->length;
  if (howmuch >= 0) limit = std::min(limit, static_cast<size_t>(howmuch));
  if (limit == 0) return -1;
  const ssize_t n = spindle::compat::Write(buffer, fd, limit);
  if (n > 0) spindle::compat::DropFront(buffer, static_cast<size_t>(n));
  return static_cast<int>(n);
}

int evbuffer_write(evbuffer* buffer, evutil_socket_t fd) {
  return evbuffer_write_atmost(buffer, fd, -1);
}

}  // extern "C"
