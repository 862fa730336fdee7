#ifndef SPINDLE_NET_STREAM_INTERNAL_OUTPUT_QUEUE_H_
#define SPINDLE_NET_STREAM_INTERNAL_OUTPUT_QUEUE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "base/owned_fd.h"
#include "net/backend/io_backend.h"
#include "net/types/buffer.h"

namespace spindle {

// Bytes and parts of files on their way to one socket, in order.
//
// Invariant: `bytes_` holds all queued bytes; each file in `files_` says how many of those go
// before it, so that a queue without files costs one null pointer.
//
// Loop thread only.
class OutputQueue {
 public:
  bool empty() const { return bytes_.empty() && files_ == nullptr; }
  size_t size() const { return bytes_.size() + (files_ == nullptr ? 0 : files_->remaining); }

  // To append to.
  Buffer& bytes() { return bytes_; }

  // Queues `length` bytes of `file`, from `offset` on, behind all that is queued now.
  void AppendFile(OwnedFd file, off_t offset, size_t length);

  // Gives the socket what it takes, up to `most` (> 0) bytes, in one system call. The queue must
  // not be empty. EIO: a file is
  // shorter than it was when it was queued, so the bytes promised cannot be sent. Fills in
  // `note`, which must be fresh.
  struct Note {
    bool socket_full = false;  // It took less than it was offered: it will tell when it has room.
    bool file = false;         // The call was for a file.
  };
  IoResult WriteSome(IoBackend& backend, int fd, size_t most, Note* note);
  // The usual case: all there is lies in one piece.
  bool is_one_piece() const { return files_ == nullptr && bytes_.IsOneSegment(); }

  // Empty, and without a spare chunk either.
  bool OwnsNothing() const { return bytes_.OwnsNothing() && files_ == nullptr; }

  // Drops everything. Returns how many bytes that were.
  size_t Discard();

 private:
  struct File {
    OwnedFd fd;
    off_t offset;
    size_t remaining;
    size_t bytes_before;  // Bytes of the queue that go between the file before and this one.
  };
  struct Files {
    std::deque<File> queue;
    size_t remaining = 0;     // Bytes of all files.
    size_t bytes_before = 0;  // Sum over the files.
  };

  IoResult WriteBytes(IoBackend& backend, int fd, size_t limit, Note* note);
  IoResult WriteFile(IoBackend& backend, int fd, size_t limit, Note* note);

  Buffer bytes_;
  std::unique_ptr<Files> files_;  // Null when there is none.
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_OUTPUT_QUEUE_H_
