#ifndef SPINDLE_NET_DATAGRAM_INTERNAL_RECEIVE_BATCH_H_
#define SPINDLE_NET_DATAGRAM_INTERNAL_RECEIVE_BATCH_H_

#include <sys/socket.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "base/syscalls.h"
#include "net/datagram/internal/control.h"

namespace spindle {

// Buffers for what one recvmmsg(2) brings, and a walk over it: each message is a datagram, or
// several of one size from the same peer (UDP_GRO).
//
// A thread keeps the batch that was given back last; a socket that hears nothing holds none. Loop
// thread only.
class ReceiveBatch {
 public:
  // One datagram. Valid until Drop, the next Fill, or the end of the batch.
  struct Part {
    std::string_view data;
    size_t size = 0;  // As it was sent.
    const sockaddr* name = nullptr;
    socklen_t name_length = 0;
    bool coalesced = false;
  };

  // `count` buffers of `size` bytes, from this thread's spare batch if that has this shape.
  static std::unique_ptr<ReceiveBatch> Take(size_t count, size_t size);
  static void GiveBack(std::unique_ptr<ReceiveBatch> batch);
  ~ReceiveBatch();
  ReceiveBatch(const ReceiveBatch&) = delete;
  ReceiveBatch& operator=(const ReceiveBatch&) = delete;

  // Receives into all buffers. Returns the number of messages or a negated errno. What was not
  // walked over is lost.
  int Fill(Syscalls& syscalls, int fd);

  size_t count() const { return messages_.size(); }
  bool empty() const { return current_ == filled_; }
  // The next datagram, cut to `max_size` bytes. Not if empty().
  Part Next(size_t max_size);
  // What the kernel told beside it; valid as long.
  const DatagramControl& control() const { return control_; }
  // Nobody may look at `part` any more; AddressSanitizer tells who does.
  static void Drop(const Part& part);

 private:
  ReceiveBatch(size_t count, size_t size);
  char* Buffer(size_t index) const { return block_.get() + index * stride_; }

  struct Control {
    alignas(cmsghdr) char bytes[kReceiveControl];
  };

  const size_t size_;
  const size_t stride_;
  std::unique_ptr<char[]> block_;
  std::vector<mmsghdr> messages_;
  std::vector<iovec> iovecs_;
  std::vector<sockaddr_storage> names_;
  std::vector<Control> controls_;
  size_t used_ = 0;     // Headers that the latest Fill has changed.
  size_t filled_ = 0;   // Messages.
  size_t current_ = 0;  // The message that the next datagram is in,
  size_t offset_ = 0;   // and where in it.
  DatagramControl control_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_INTERNAL_RECEIVE_BATCH_H_
