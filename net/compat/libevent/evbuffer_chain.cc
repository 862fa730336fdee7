// The chain of segments of an evbuffer: what all other files of it build on.

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/compat/libevent/internal/evbuffer.h"
#include "net/compat/libevent/internal/evbuffer_file.h"

namespace spindle::compat {

size_t NextCapacity(const evbuffer* buf, size_t size) {
  if (size > Chunk::kLargeCapacity) return size;
  if (size > Chunk::kMediumCapacity || buf->length >= 4 * Chunk::kMediumCapacity) {
    return Chunk::kLargeCapacity;
  }
  if (size > Chunk::kSmallCapacity || buf->length > 0) return Chunk::kMediumCapacity;
  return Chunk::kSmallCapacity;
}

size_t TailroomOf(evbuffer* buf) {
  return buf->segments.empty() ? 0 : buf->segments.back().Tailroom();
}

bool ReserveTail(evbuffer* buf, size_t size) {
  const size_t room = TailroomOf(buf);
  if (size <= room) return true;
  const size_t missing = size - room;
  if (buf->spare && buf->spare->own_capacity() >= missing) return true;
  ChunkRef chunk = Chunk::Allocate(NextCapacity(buf, missing));
  if (!chunk) return false;
  buf->spare = std::move(chunk);
  return true;
}

void AppendSegment(evbuffer* buf, Segment segment) {
  const size_t size = segment.size;
  if (size == 0) {
    DropSegment(std::move(segment));
    return;
  }
  if (!buf->segments.empty()) {
    Segment& last = buf->segments.back();
    if (segment.chunk && last.chunk == segment.chunk && last.data + last.size == segment.data) {
      last.size += size;  // two parts of one chunk that come together again
      CountAdded(buf, size);
      return;
    }
  }
  buf->segments.PushBack(std::move(segment));
  CountAdded(buf, size);
}

void DropSegment(Segment segment) {
  if (segment.file != nullptr) evbuffer_file_segment_free(segment.file);
}

bool Append(evbuffer* buf, const char* data, size_t size) {
  if (!buf->segments.empty()) {
    Segment& last = buf->segments.back();
    if (last.Tailroom() >= size) {
      std::memcpy(last.data + last.size, data, size);
      last.size += size;
      CountAdded(buf, size);
      return true;
    }
  }
  // What does not fit into one chunk is rare enough to be cut into several.
  while (size > Chunk::kMaxCapacity) {
    if (!Append(buf, data, Chunk::kMaxCapacity)) return false;
    data += Chunk::kMaxCapacity;
    size -= Chunk::kMaxCapacity;
  }
  if (!ReserveTail(buf, size)) return false;
  const size_t front = std::min(size, TailroomOf(buf));
  if (front > 0) {
    Segment& last = buf->segments.back();
    std::memcpy(last.data + last.size, data, front);
    last.size += front;
    CountAdded(buf, front);
  }
  if (front < size) {
    Segment segment;
    segment.chunk = std::move(buf->spare);
    segment.data = segment.chunk->data();
    segment.size = size - front;
    std::memcpy(segment.data, data + front, segment.size);
    AppendSegment(buf, std::move(segment));
  }
  return true;
}

void DropFront(evbuffer* buf, size_t size) {
  CountDeleted(buf, size);
  Discard(buf, size);
}

void Discard(evbuffer* buf, size_t size) {
  while (size > 0) {
    Segment& first = buf->segments.front();
    if (first.size > size) {
      if (first.data != nullptr) first.data += size;
      first.file_offset += static_cast<int64_t>(size);
      first.size -= size;
      return;
    }
    size -= first.size;
    DropSegment(buf->segments.PopFront());
  }
}

void MoveFront(evbuffer* from, evbuffer* to, size_t size) {
  CountDeleted(from, size);
  while (size > 0) {
    Segment& first = from->segments.front();
    if (first.size <= size) {
      size -= first.size;
      AppendSegment(to, from->segments.PopFront());
      continue;
    }
    Segment part = first;
    part.size = size;
    if (part.file != nullptr) RefFile(part.file);
    if (first.data != nullptr) first.data += size;
    first.file_offset += static_cast<int64_t>(size);
    first.size -= size;
    AppendSegment(to, std::move(part));
    return;
  }
}

Cursor CursorAt(const evbuffer* buf, size_t pos) {
  Cursor cursor;
  while (cursor.segment < buf->segments.size() && pos >= buf->segments[cursor.segment].size) {
    pos -= buf->segments[cursor.segment].size;
    ++cursor.segment;
  }
  cursor.offset = pos;
  return cursor;
}

bool CopyOut(evbuffer* buf, size_t pos, char* out, size_t size) {
  Cursor cursor = CursorAt(buf, pos);
  while (size > 0) {
    const char* bytes = BytesOf(buf, cursor.segment);
    if (bytes == nullptr) return false;
    const size_t n = std::min(size, buf->segments[cursor.segment].size - cursor.offset);
    std::memcpy(out, bytes + cursor.offset, n);
    out += n;
    size -= n;
    ++cursor.segment;
    cursor.offset = 0;
  }
  return true;
}

char* BytesOf(evbuffer* buf, size_t i) {
  Segment& segment = buf->segments[i];
  if (segment.file == nullptr) return segment.data;
  if (!LoadFile(&segment)) return nullptr;
  return segment.data;
}

}  // namespace spindle::compat
