// Positions, searching and lines in an evbuffer.

#include <algorithm>
#include <cstring>
#include <limits>

#include "net/compat/libevent/internal/evbuffer.h"
#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

constexpr size_t kMaxLength = std::numeric_limits<ev_ssize_t>::max();
constexpr size_t kNowhere = ~size_t{0};

evbuffer_ptr PtrTo(size_t pos) {
  evbuffer_ptr ptr = {};
  ptr.pos = pos == kNowhere ? -1 : static_cast<ev_ssize_t>(pos);
  return ptr;
}

// The byte at `pos` < length; -1 if its file cannot be read.
int ByteAt(evbuffer* buf, size_t pos) {
  const Cursor cursor = CursorAt(buf, pos);
  const char* bytes = BytesOf(buf, cursor.segment);
  return bytes != nullptr ? static_cast<unsigned char>(bytes[cursor.offset]) : -1;
}

// Whether the `size` bytes at `cursor` are `what`.
bool Matches(evbuffer* buf, Cursor cursor, const char* what, size_t size) {
  while (size > 0) {
    if (cursor.segment >= buf->segments.size()) return false;
    const char* bytes = BytesOf(buf, cursor.segment);
    if (bytes == nullptr) return false;
    const size_t n = std::min(size, buf->segments[cursor.segment].size - cursor.offset);
    if (std::memcmp(bytes + cursor.offset, what, n) != 0) return false;
    what += n;
    size -= n;
    ++cursor.segment;
    cursor.offset = 0;
  }
  return true;
}

// The first place in [start, end) where `what` begins and ends.
size_t Find(evbuffer* buf, const char* what, size_t size, size_t start, size_t end) {
  if (size > end || start > end - size) return kNowhere;
  const size_t last = end - size;  // the last place where it may begin
  Cursor cursor = CursorAt(buf, start);
  size_t pos = start;
  while (pos <= last && cursor.segment < buf->segments.size()) {
    const char* bytes = BytesOf(buf, cursor.segment);
    if (bytes == nullptr) return kNowhere;
    const size_t left = buf->segments[cursor.segment].size - cursor.offset;
    const size_t n = std::min(left, last - pos + 1);
    const auto* hit = static_cast<const char*>(std::memchr(bytes + cursor.offset, what[0], n));
    if (hit == nullptr) {
      pos += left;
      ++cursor.segment;
      cursor.offset = 0;
      continue;
    }
    const size_t skipped = static_cast<size_t>(hit - bytes) - cursor.offset;
    cursor.offset += skipped;
    pos += skipped;
    if (Matches(buf, cursor, what, size)) return pos;
    ++pos;
    if (++cursor.offset == buf->segments[cursor.segment].size) {
      ++cursor.segment;
      cursor.offset = 0;
    }
  }
  return kNowhere;
}

// The first CR or LF at or behind `start`.
size_t FindCrOrLf(evbuffer* buf, size_t start) {
  const size_t lf = Find(buf, "\n", 1, start, buf->length);
  const size_t end = lf == kNowhere ? buf->length : lf;
  return std::min(lf, Find(buf, "\r", 1, start, end));
}

size_t CountCrAndLf(evbuffer* buf, size_t start) {
  size_t pos = start;
  while (pos < buf->length) {
    const int byte = ByteAt(buf, pos);
    if (byte != '\r' && byte != '\n') break;
    ++pos;
  }
  return pos - start;
}

// Where the first end of a line at or behind `start` is, and in `size` how long it is.
size_t FindEol(evbuffer* buf, size_t start, evbuffer_eol_style style, size_t* size) {
  size_t pos = kNowhere;
  *size = 1;
  switch (style) {
    case EVBUFFER_EOL_ANY:
      pos = FindCrOrLf(buf, start);
      if (pos != kNowhere) *size = CountCrAndLf(buf, pos);
      break;
    case EVBUFFER_EOL_CRLF:
      pos = Find(buf, "\n", 1, start, buf->length);
      if (pos != kNowhere && pos > start && ByteAt(buf, pos - 1) == '\r') {
        --pos;
        *size = 2;
      }
      break;
    case EVBUFFER_EOL_CRLF_STRICT:
      pos = Find(buf, "\r\n", 2, start, buf->length);
      *size = 2;
      break;
    case EVBUFFER_EOL_LF:
      pos = Find(buf, "\n", 1, start, buf->length);
      break;
    case EVBUFFER_EOL_NUL:
      pos = Find(buf, "\0", 1, start, buf->length);
      break;
  }
  if (pos == kNowhere) *size = 0;
  return pos;
}

}  // namespace
}  // namespace spindle::compat

using spindle::compat::BufferChange;
using spindle::compat::BufferLock;
using spindle::compat::kNowhere;
using spindle::compat::PtrTo;

extern "C" {

int evbuffer_ptr_set(evbuffer* buffer, evbuffer_ptr* ptr, size_t position, evbuffer_ptr_how how) {
  BufferLock lock(buffer);
  size_t target = position;
  if (how == EVBUFFER_PTR_ADD) {
    if (ptr->pos < 0 || position > spindle::compat::kMaxLength - static_cast<size_t>(ptr->pos)) {
      ptr->pos = -1;
      return -1;
    }
    target += static_cast<size_t>(ptr->pos);
  }
  *ptr = PtrTo(target <= buffer->length ? target : kNowhere);
  return ptr->pos >= 0 ? 0 : -1;
}

evbuffer_ptr evbuffer_search_range(evbuffer* buffer, const char* what, size_t len,
                                   const evbuffer_ptr* start, const evbuffer_ptr* end) {
  BufferLock lock(buffer);
  if (start != nullptr && start->pos < 0) return PtrTo(kNowhere);
  const size_t from = start != nullptr ? static_cast<size_t>(start->pos) : 0;
  size_t to = buffer->length;
  if (end != nullptr && end->pos >= 0) to = std::min(to, static_cast<size_t>(end->pos));
  if (len == 0 || len > spindle::compat::kMaxLength) return PtrTo(from);
  return PtrTo(spindle::compat::Find(buffer, what, len, from, to));
}

evbuffer_ptr evbuffer_search(evbuffer* buffer, const char* what, size_t len,
                             const evbuffer_ptr* start) {
  return evbuffer_search_range(buffer, what, len, start, nullptr);
}

evbuffer_ptr evbuffer_search_eol(evbuffer* buffer, evbuffer_ptr* start, size_t* eol_len_out,
                                 evbuffer_eol_style eol_style) {
  BufferLock lock(buffer);
  size_t size = 0;
  size_t pos = kNowhere;
  if (start == nullptr || start->pos >= 0) {
    const size_t from = start != nullptr ? static_cast<size_t>(start->pos) : 0;
    pos = spindle::compat::FindEol(buffer, from, eol_style, &size);
  }
  if (eol_len_out != nullptr) *eol_len_out = size;
  return PtrTo(pos);
}

char* evbuffer_readln(evbuffer* buffer, size_t* n_read_out, evbuffer_eol_style eol_style) {
  BufferChange change(buffer);
  if (n_read_out != nullptr) *n_read_out = 0;
  if (buffer->front_frozen) return nullptr;
  size_t eol_size = 0;
  const size_t size = spindle::compat::FindEol(buffer, 0, eol_style, &eol_size);
  if (size == kNowhere) return nullptr;
  auto* line = static_cast<char*>(spindle::compat::Allocate(size + 1));
  if (line == nullptr) return nullptr;
  if (!spindle::compat::CopyOut(buffer, 0, line, size)) {
    spindle::compat::Release(line);
    return nullptr;
  }
  line[size] = '\0';
  spindle::compat::DropFront(buffer, size + eol_size);
  if (n_read_out != nullptr) *n_read_out = size;
  return line;
}

char* evbuffer_readline(evbuffer* buffer) {
  return evbuffer_readln(buffer, nullptr, EVBUFFER_EOL_ANY);
}

unsigned char* evbuffer_find(evbuffer* buffer, const unsigned char* what, size_t len) {
  BufferLock lock(buffer);
  const evbuffer_ptr found =
      evbuffer_search(buffer, reinterpret_cast<const char*>(what), len, nullptr);
  if (found.pos < 0) return nullptr;
  unsigned char* bytes = evbuffer_pullup(buffer, found.pos + static_cast<ev_ssize_t>(len));
  return bytes != nullptr ? bytes + found.pos : nullptr;
}

}  // extern "C"
