#ifndef SPINDLE_NET_DATAGRAM_INTERNAL_SEND_QUEUE_H_
#define SPINDLE_NET_DATAGRAM_INTERNAL_SEND_QUEUE_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "net/datagram/internal/control.h"

namespace spindle {

// Datagrams on their way out, in order: each with its peer's address, its bytes and where it leaves
// from. The bytes lie one behind the other in one block, which grows to what is needed and is kept
// up to kKeptBytes; so a queue that has its size allocates nothing.
//
// Loop thread only.
class SendQueue {
 public:
  // What a datagram counts beside its bytes, so that empty ones cannot queue without end.
  static constexpr size_t kOverhead = 64;
  static constexpr size_t kKeptBytes = 512 * 1024;

  // One queued datagram. Valid until the next Push or Pop.
  struct Item {
    std::string_view name;  // A sockaddr; empty: the connected peer.
    std::string_view data;
    const SourceControl* source;
  };

  bool empty() const { return first_ == items_.size(); }
  size_t size() const { return items_.size() - first_; }
  // As a limit counts them: bytes, and kOverhead for each.
  size_t cost() const { return cost_; }
  static size_t Cost(size_t bytes) { return bytes + kOverhead; }

  void Push(std::string_view name, std::string_view data, const SourceControl& source);
  Item at(size_t index) const {
    const Queued& queued = items_[first_ + index];
    const char* const name = block_.get() + queued.offset;
    return Item{.name = {name, queued.name_length},
                .data = {name + queued.name_length, queued.size},
                .source = &queued.source};
  }
  // Drops the first `count`.
  void Pop(size_t count);

 private:
  struct Queued {
    size_t offset;  // Of the name, in block_; the bytes follow.
    uint32_t size;
    uint16_t name_length;
    SourceControl source;
  };

  // Makes room for `size` bytes behind end_.
  void MakeRoom(size_t size);

  std::vector<Queued> items_;
  size_t first_ = 0;  // Those before have left.
  std::unique_ptr<char[]> block_;
  size_t capacity_ = 0;
  size_t begin_ = 0;  // What is in use of block_.
  size_t end_ = 0;
  size_t cost_ = 0;
};

// The first datagrams of a queue as sendmmsg(2) wants them. Those to the same peer and of the same
// size are put together, as far as the kernel may cut them apart again (UDP_SEGMENT). One per
// thread is enough.
class SendBatch {
 public:
  // udp(7): segments of one message, and its bytes (those of IPv4's largest datagram).
  static constexpr size_t kMaxSegments = 64;
  static constexpr size_t kMaxSegmented = 65507;

  // Takes at most `limit` datagrams; puts together those of up to `max_segment` bytes each (0:
  // none). Valid until the queue changes.
  void Build(const SendQueue& queue, size_t limit, size_t max_segment);

  std::span<mmsghdr> messages() { return {messages_.data(), size_}; }
  // How many datagrams message `index` holds; above 1 it is a segmented one.
  size_t datagrams(size_t index) const { return counts_[index]; }
  // Bytes in each of its segments but the last.
  size_t segment_size(size_t index) const { return messages_[index].msg_hdr.msg_iov[0].iov_len; }

 private:
  struct Control {
    alignas(cmsghdr) char bytes[kSendControl];
  };

  std::vector<mmsghdr> messages_;
  std::vector<iovec> iovecs_;
  std::vector<Control> controls_;
  std::vector<uint32_t> counts_;
  size_t size_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_INTERNAL_SEND_QUEUE_H_
