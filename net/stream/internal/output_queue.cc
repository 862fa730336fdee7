#include "net/stream/internal/output_queue.h"

#include <errno.h>

#include <algorithm>
#include <utility>

namespace spindle {
namespace {

constexpr size_t kMaxIovecs = 64;
constexpr size_t kMaxFileStep = 1024 * 1024;

}  // namespace

void OutputQueue::AppendFile(OwnedFd file, off_t offset, size_t length) {
  if (length == 0) return;
  if (files_ == nullptr) files_ = std::make_unique<Files>();
  const size_t bytes_before = bytes_.size() - files_->bytes_before;
  files_->queue.push_back(File{std::move(file), offset, length, bytes_before});
  files_->remaining += length;
  files_->bytes_before += bytes_before;
}

IoResult OutputQueue::WriteSome(IoBackend& backend, int fd, size_t most, Note* note) {
  if (files_ == nullptr) return WriteBytes(backend, fd, most, note);
  File& front = files_->queue.front();
  if (front.bytes_before == 0) return WriteFile(backend, fd, most, note);
  const IoResult result = WriteBytes(backend, fd, std::min(front.bytes_before, most), note);
  if (result.ok()) {
    front.bytes_before -= static_cast<size_t>(result.bytes);
    files_->bytes_before -= static_cast<size_t>(result.bytes);
  }
  return result;
}

IoResult OutputQueue::WriteBytes(IoBackend& backend, int fd, size_t limit, Note* note) {
  iovec iovecs[kMaxIovecs];
  const size_t count = bytes_.FillIovecs(iovecs, limit);
  size_t offered = 0;
  for (size_t i = 0; i < count; ++i) offered += iovecs[i].iov_len;
  const IoResult result = backend.Write(fd, std::span(iovecs).first(count));
  if (!result.ok()) return result;
  const size_t taken = static_cast<size_t>(result.bytes);
  bytes_.Consume(taken);
  note->socket_full = taken < offered;
  return result;
}

IoResult OutputQueue::WriteFile(IoBackend& backend, int fd, size_t limit, Note* note) {
  note->file = true;
  File& file = files_->queue.front();
  const size_t step = std::min({file.remaining, kMaxFileStep, limit});
  const IoResult result = backend.SendFile(fd, file.fd.get(), &file.offset, step);
  if (!result.ok()) return result;
  if (result.bytes == 0) return IoResult{.error = EIO};
  file.remaining -= static_cast<size_t>(result.bytes);
  files_->remaining -= static_cast<size_t>(result.bytes);
  if (file.remaining == 0) files_->queue.pop_front();
  if (files_->queue.empty()) files_.reset();
  // sendfile may stop short of a full socket; the next call tells.
  return result;
}

size_t OutputQueue::Discard() {
  const size_t bytes = size();
  bytes_.Clear();
  bytes_.ReleaseMemory();
  files_.reset();
  return bytes;
}

}  // namespace spindle
