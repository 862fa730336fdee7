// Moving and sharing the data of evbuffers without copying it.

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "net/compat/libevent/internal/evbuffer.h"
#include "net/compat/libevent/internal/evbuffer_file.h"

namespace spindle::compat {
namespace {

constexpr size_t kMaxLength = std::numeric_limits<ev_ssize_t>::max();

// Calls the clean-up of a reference once every chunk over it is gone.
class Cleanup {
 public:
  Cleanup(const void* data, size_t size, evbuffer_ref_cleanup_cb callback, void* arg)
      : data_(data), size_(size), callback_(callback), arg_(arg) {}
  Cleanup(const Cleanup&) = delete;
  Cleanup& operator=(const Cleanup&) = delete;
  ~Cleanup() {
    if (callback_ != nullptr) callback_(data_, size_, arg_);
  }
  void Forget() { callback_ = nullptr; }

 private:
  const void* const data_;
  const size_t size_;
  evbuffer_ref_cleanup_cb callback_;
  void* const arg_;
};

// Appends `data`, which `cleanup` owns; in several pieces where it is too big for one chunk.
bool AppendReference(evbuffer* buf, char* data, size_t size,
                     const std::shared_ptr<Cleanup>& cleanup) {
  do {
    const size_t n = std::min(size, Chunk::kMaxCapacity);
    Segment segment;
    segment.chunk = Chunk::Wrap(std::string_view(data, n), [cleanup] {});
    if (!segment.chunk) return false;
    segment.data = data;
    segment.size = n;
    AppendSegment(buf, std::move(segment));
    data += n;
    size -= n;
  } while (size > 0);
  return true;
}

}  // namespace
}  // namespace spindle::compat

using spindle::compat::BufferChange;
using spindle::compat::BufferChanges;

extern "C" {

int evbuffer_add_buffer(evbuffer* outbuf, evbuffer* inbuf) {
  BufferChanges change(inbuf, outbuf);
  if (inbuf->length == 0 || outbuf == inbuf) return 0;
  if (outbuf->back_frozen || inbuf->front_frozen) return -1;
  spindle::compat::MoveFront(inbuf, outbuf, inbuf->length);
  return 0;
}

int evbuffer_prepend_buffer(evbuffer* dst, evbuffer* src) {
  BufferChanges change(src, dst);
  if (src->length == 0 || dst == src) return 0;
  if (dst->front_frozen || src->front_frozen) return -1;
  const size_t size = src->length;
  while (!src->segments.empty()) dst->segments.PushFront(src->segments.PopBack());
  spindle::compat::CountDeleted(src, size);
  spindle::compat::CountAdded(dst, size);
  return 0;
}

int evbuffer_remove_buffer(evbuffer* src, evbuffer* dst, size_t datlen) {
  // A source that keeps some is told last, as ever; one that loses all, first.
  BufferChanges change(dst, src);
  if (datlen == 0 || dst == src) return 0;
  if (datlen >= src->length) change.TellSecondFirst();
  if (dst->back_frozen || src->front_frozen) return -1;
  const size_t size = std::min(datlen, src->length);
  spindle::compat::MoveFront(src, dst, size);
  return static_cast<int>(size);
}

int evbuffer_add_buffer_reference(evbuffer* outbuf, evbuffer* inbuf) {
  BufferChanges change(inbuf, outbuf);
  if (inbuf->length == 0) return 0;
  if (outbuf->back_frozen || outbuf == inbuf) return -1;
  for (size_t i = 0; i < inbuf->segments.size(); ++i) {
    spindle::compat::Segment shared = inbuf->segments[i];
    if (shared.file != nullptr) spindle::compat::RefFile(shared.file);
    spindle::compat::AppendSegment(outbuf, std::move(shared));
  }
  return 0;
}

int evbuffer_add_reference(evbuffer* outbuf, const void* data, size_t datlen,
                           evbuffer_ref_cleanup_cb cleanupfn, void* cleanupfn_arg) {
  BufferChange change(outbuf);
  if (outbuf->back_frozen || datlen > spindle::compat::kMaxLength - outbuf->length) return -1;
  const auto cleanup =
      std::make_shared<spindle::compat::Cleanup>(data, datlen, cleanupfn, cleanupfn_arg);
  char* bytes = static_cast<char*>(const_cast<void*>(data));
  if (spindle::compat::AppendReference(outbuf, bytes, datlen, cleanup)) return 0;
  cleanup->Forget();
  return -1;
}

}  // extern "C"
