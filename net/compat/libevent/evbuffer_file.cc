// File segments: parts of open files that evbuffers share.

#include "net/compat/libevent/internal/evbuffer_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/mutex.h"
#include "net/compat/libevent/internal/evbuffer.h"
#include "net/compat/libevent/internal/memory.h"

struct evbuffer_file_segment {
  std::atomic<int> refs = 1;
  int fd = -1;
  unsigned flags = 0;
  int64_t offset = 0;  // in the file
  int64_t length = 0;
  evbuffer_file_segment_cleanup_cb cleanup = nullptr;
  void* cleanup_arg = nullptr;

  // The bytes, once somebody has needed them in memory: mapped, or read into malloc's memory.
  spindle::Mutex mutex;
  char* bytes ABSL_GUARDED_BY(mutex) = nullptr;
  void* mapping = nullptr;
  size_t mapping_size = 0;
  char* copy = nullptr;
};

namespace spindle::compat {
namespace {

void Destroy(evbuffer_file_segment* file) {
  if (file->mapping != nullptr) munmap(file->mapping, file->mapping_size);
  Release(file->copy);
  if ((file->flags & EVBUF_FS_CLOSE_ON_FREE) != 0 && file->fd >= 0) close(file->fd);
  if (file->cleanup != nullptr) {
    file->cleanup(file, static_cast<int>(file->flags), file->cleanup_arg);
  }
  Delete(file);
}

char* Map(evbuffer_file_segment* file) {
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t skipped = file->offset % page;
  const size_t size = static_cast<size_t>(file->length + skipped);
  void* mapping =
      mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, file->fd, file->offset - skipped);
  if (mapping == MAP_FAILED) return nullptr;
  file->mapping = mapping;
  file->mapping_size = size;
  return static_cast<char*>(mapping) + skipped;
}

char* ReadAll(evbuffer_file_segment* file) {
  auto* copy = static_cast<char*>(Allocate(static_cast<size_t>(file->length)));
  if (copy == nullptr) return nullptr;
  int64_t done = 0;
  while (done < file->length) {
    const ssize_t n =
        pread(file->fd, copy + done, static_cast<size_t>(file->length - done), file->offset + done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += n;
  }
  if (done < file->length) {
    Release(copy);
    return nullptr;
  }
  file->copy = copy;
  return copy;
}

// The bytes of the whole segment, in memory from now on; null if they cannot be read.
char* Load(evbuffer_file_segment* file) {
  MutexLock lock(file->mutex);
  if (file->bytes == nullptr) {
    static char nothing;
    if (file->length == 0) file->bytes = &nothing;
    if (file->bytes == nullptr && (file->flags & EVBUF_FS_DISABLE_MMAP) == 0) {
      file->bytes = Map(file);
    }
    if (file->bytes == nullptr) file->bytes = ReadAll(file);
  }
  return file->bytes;
}

// A chunk over part of the segment, which lives as long as that.
ChunkRef Wrap(evbuffer_file_segment* file, const char* bytes, size_t size) {
  RefFile(file);
  return Chunk::Wrap(std::string_view(bytes, size), [file] { evbuffer_file_segment_free(file); });
}

// Appends `length` bytes of the segment as memory.
bool AppendLoaded(evbuffer* buf, evbuffer_file_segment* file, int64_t offset, int64_t length) {
  const char* bytes = Load(file);
  if (bytes == nullptr) return false;
  while (length > 0) {
    const int64_t n = std::min<int64_t>(length, Chunk::kMaxCapacity);
    Segment segment;
    segment.chunk = Wrap(file, bytes + offset, static_cast<size_t>(n));
    if (!segment.chunk) return false;
    segment.data = segment.chunk->data();
    segment.size = static_cast<size_t>(n);
    AppendSegment(buf, std::move(segment));
    offset += n;
    length -= n;
  }
  return true;
}

// Appends it to be sent by sendfile(2).
void AppendUnloaded(evbuffer* buf, evbuffer_file_segment* file, int64_t offset, int64_t length) {
  while (length > 0) {
    const int64_t n = std::min<int64_t>(length, Chunk::kMaxCapacity);
    RefFile(file);
    Segment segment;
    segment.file = file;
    segment.file_offset = offset;
    segment.size = static_cast<size_t>(n);
    AppendSegment(buf, std::move(segment));
    offset += n;
    length -= n;
  }
}

// Whether the part lies within the segment.
bool Contains(const evbuffer_file_segment& file, int64_t offset, int64_t length) {
  return offset >= 0 && length >= 0 && offset <= file.length && length <= file.length - offset;
}

}  // namespace

void RefFile(evbuffer_file_segment* file) { file->refs.fetch_add(1, std::memory_order_relaxed); }

bool LoadFile(Segment* segment) {
  evbuffer_file_segment* file = segment->file;
  char* bytes = Load(file);
  if (bytes == nullptr) return false;
  bytes += segment->file_offset;
  ChunkRef chunk = Wrap(file, bytes, segment->size);
  if (!chunk) return false;
  segment->chunk = std::move(chunk);
  segment->data = bytes;
  segment->file = nullptr;
  segment->file_offset = 0;
  evbuffer_file_segment_free(file);
  return true;
}

int FileOf(const Segment& segment) { return segment.file->fd; }

int64_t FilePosition(const Segment& segment) { return segment.file->offset + segment.file_offset; }

}  // namespace spindle::compat

using spindle::compat::BufferChange;

extern "C" {

evbuffer_file_segment* evbuffer_file_segment_new(int fd, ev_off_t offset, ev_off_t length,
                                                 unsigned flags) {
  if (length == -1) {
    struct stat status;
    if (fstat(fd, &status) != 0) return nullptr;
    length = status.st_size - offset;
  }
  if (offset < 0 || length < 0 || length > std::numeric_limits<int64_t>::max() - offset) {
    return nullptr;
  }
  auto* file = spindle::compat::New<evbuffer_file_segment>();
  if (file == nullptr) return nullptr;
  file->fd = fd;
  file->flags = flags;
  file->offset = offset;
  file->length = length;
  if ((flags & EVBUF_FS_DISABLE_SENDFILE) != 0 && spindle::compat::Load(file) == nullptr) {
    spindle::compat::Delete(file);
    return nullptr;
  }
  return file;
}

void evbuffer_file_segment_free(evbuffer_file_segment* seg) {
  if (seg->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) spindle::compat::Destroy(seg);
}

void evbuffer_file_segment_add_cleanup_cb(evbuffer_file_segment* seg,
                                          evbuffer_file_segment_cleanup_cb cb, void* arg) {
  seg->cleanup = cb;
  seg->cleanup_arg = arg;
}

int evbuffer_add_file_segment(evbuffer* buf, evbuffer_file_segment* seg, ev_off_t offset,
                              ev_off_t length) {
  BufferChange change(buf);
  if (buf->back_frozen) return -1;
  if (length < 0) length = seg->length - offset;
  if (!spindle::compat::Contains(*seg, offset, length)) return -1;
  const bool to_fd = (buf->flags & EVBUFFER_FLAG_DRAINS_TO_FD) != 0;
  if (to_fd && (seg->flags & EVBUF_FS_DISABLE_SENDFILE) == 0) {
    spindle::compat::AppendUnloaded(buf, seg, offset, length);
    return 0;
  }
  return spindle::compat::AppendLoaded(buf, seg, offset, length) ? 0 : -1;
}

int evbuffer_add_file(evbuffer* outbuf, int fd, ev_off_t offset, ev_off_t length) {
  evbuffer_file_segment* seg =
      evbuffer_file_segment_new(fd, offset, length, EVBUF_FS_CLOSE_ON_FREE);
  if (seg == nullptr) return -1;
  const int result = evbuffer_add_file_segment(outbuf, seg, 0, length);
  if (result != 0) seg->flags &= ~static_cast<unsigned>(EVBUF_FS_CLOSE_ON_FREE);
  evbuffer_file_segment_free(seg);
  return result;
}

}  // extern "C"
