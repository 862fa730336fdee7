#include "net/datagram/internal/receive_batch.h"

#include <errno.h>

#include <algorithm>
#include <utility>

#include "base/asan.h"

namespace spindle {
namespace {

// An odd number of cache lines from one buffer to the next: at a power of two the beginnings of all
// buffers would compete for the same few places in the cache.
size_t Stride(size_t size) { return ((size + 63) / 64 | 1) * 64; }

thread_local std::unique_ptr<ReceiveBatch> spare;

}  // namespace

std::unique_ptr<ReceiveBatch> ReceiveBatch::Take(size_t count, size_t size) {
  if (spare != nullptr && spare->count() == count && spare->size_ == size) {
    return std::move(spare);
  }
  return std::unique_ptr<ReceiveBatch>(new ReceiveBatch(count, size));
}

void ReceiveBatch::GiveBack(std::unique_ptr<ReceiveBatch> batch) {
  batch->filled_ = batch->current_ = 0;
  spare = std::move(batch);
}

ReceiveBatch::ReceiveBatch(size_t count, size_t size)
    : size_(size),
      stride_(Stride(size)),
      block_(new char[count * stride_]),
      messages_(count),
      iovecs_(count),
      names_(count),
      controls_(count),
      used_(count) {
  for (size_t i = 0; i < count; ++i) {
    iovecs_[i] = iovec{Buffer(i), size_};
    msghdr& header = messages_[i].msg_hdr;
    header = msghdr{};
    header.msg_name = &names_[i];
    header.msg_iov = &iovecs_[i];
    header.msg_iovlen = 1;
    header.msg_control = controls_[i].bytes;
  }
}

ReceiveBatch::~ReceiveBatch() { UnpoisonBytes(block_.get(), count() * stride_); }

int ReceiveBatch::Fill(Syscalls& syscalls, int fd) {
  for (size_t i = 0; i < used_; ++i) {
    msghdr& header = messages_[i].msg_hdr;
    header.msg_namelen = sizeof(sockaddr_storage);
    header.msg_controllen = kReceiveControl;
  }
  UnpoisonBytes(block_.get(), count() * stride_);
  filled_ = current_ = offset_ = 0;
  int result;
  do {
    result = syscalls.RecvMany(fd, messages_, MSG_TRUNC);
  } while (result == -EINTR);
  // A call that failed may have touched the first header.
  used_ = result > 0 ? static_cast<size_t>(result) : 1;
  if (result > 0) filled_ = used_;
  return result;
}

ReceiveBatch::Part ReceiveBatch::Next(size_t max_size) {
  const mmsghdr& message = messages_[current_];
  if (offset_ == 0) control_ = ParseControl(message.msg_hdr);
  const size_t total = message.msg_len;
  const size_t left = total - offset_;
  const bool coalesced = control_.segment_size > 0 && control_.segment_size < total;
  Part part;
  part.size = coalesced ? std::min<size_t>(left, control_.segment_size) : left;
  const size_t there = std::min(size_, total) - std::min(size_, offset_);
  part.data = {Buffer(current_) + std::min(size_, offset_), std::min({part.size, max_size, there})};
  part.name = static_cast<const sockaddr*>(message.msg_hdr.msg_name);
  part.name_length = message.msg_hdr.msg_namelen;
  part.coalesced = coalesced;
  offset_ += part.size;
  if (offset_ >= total) {
    ++current_;
    offset_ = 0;
  }
  return part;
}

void ReceiveBatch::Drop(const Part& part) {
  // Memory is poisoned by eights. Behind a datagram that is one there is nothing to be read.
  const size_t size = part.coalesced ? part.data.size() : (part.data.size() + 7) / 8 * 8;
  PoisonBytes(part.data.data(), size);
}

}  // namespace spindle
