#include "net/backend/internal/sim_socket.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "net/backend/internal/sim_world.h"

namespace spindle {

SimSocket::SimSocket(SimWorld& world, SimFdKind kind, int domain)
    : SimFile(world, kind),
      send_capacity_(world.options().send_buffer),
      receive_capacity_(world.options().receive_buffer),
      domain_(domain) {}

int SimSocket::Accept(std::shared_ptr<SimSocket>* accepted) {
  if (const int error = AcceptError(); error != 0) return error;
  const SimFaults& faults = world_.options().faults;
  SimCounters& counters = world_.counters();
  if (world_.Roll(faults.accept_emfile, counters.accept_emfile)) return -EMFILE;
  if (world_.Roll(faults.accept_enobufs, counters.accept_enobufs)) return -ENOBUFS;
  if (world_.RollOnly(faults.accept_aborted) && AbortPending()) {
    ++counters.accept_aborted;
    return -ECONNABORTED;
  }
  if (world_.Roll(faults.eagain_after_ready, counters.eagain_after_ready)) {
    HidePending();
    return -EAGAIN;
  }
  *accepted = TakePending();
  return 0;
}

ssize_t SimSocket::Recv(void* data, size_t length) {
  const SimFaults& faults = world_.options().faults;
  SimCounters& counters = world_.counters();
  if (world_.RollOnly(faults.reset) && InjectReset()) ++counters.resets;
  const size_t available = std::min(DelayableBytes(), length);
  if (available > 0 && world_.Roll(faults.eagain_after_ready, counters.eagain_after_ready)) {
    HoldBack();
    return -EAGAIN;
  }
  if (available > 1 && world_.Roll(faults.short_read, counters.short_reads)) {
    const size_t part = 1 + world_.random().Uniform(available - 1);
    const ssize_t received = RecvSome(static_cast<char*>(data), part);
    // Reading opened the window, and the end may have come through it.
    if (DelayableBytes() > 0) HoldBack();
    return received;
  }
  return RecvSome(static_cast<char*>(data), length);
}

ssize_t SimSocket::Send(std::span<const iovec> iovecs) {
  size_t total = 0;
  for (const iovec& piece : iovecs) total += piece.iov_len;
  if (total == 0) return SendSome(nullptr, 0);
  const SimFaults& faults = world_.options().faults;
  SimCounters& counters = world_.counters();
  if (world_.RollOnly(faults.reset) && InjectReset()) ++counters.resets;
  size_t limit = total;
  if (CanSend()) {
    if (world_.Roll(faults.eagain_after_ready, counters.eagain_after_ready)) {
      BlockSend();
      return -EAGAIN;
    }
    if (total > 1 && world_.Roll(faults.short_write, counters.short_writes)) {
      limit = world_.random().OneIn(2) ? 1 : 1 + world_.random().Uniform(total - 1);
    }
  }
  size_t sent = 0;
  for (const iovec& piece : iovecs) {
    const size_t length = std::min(piece.iov_len, limit - sent);
    if (length == 0) continue;
    const ssize_t result = SendSome(static_cast<const char*>(piece.iov_base), length);
    if (result < 0) return sent > 0 ? static_cast<ssize_t>(sent) : result;
    sent += static_cast<size_t>(result);
    if (static_cast<size_t>(result) < length) break;
  }
  if (limit < total && sent == limit) BlockSend();
  return static_cast<ssize_t>(sent);
}

ssize_t SimSocket::SendFile(int file, off_t* offset, size_t length) {
  if (offset == nullptr) return -EINVAL;
  std::vector<char> block(std::min<size_t>(length, 64 * 1024));
  size_t sent = 0;
  while (sent < length) {
    const size_t want = std::min(block.size(), length - sent);
    const ssize_t got = ::pread(file, block.data(), want, *offset);
    if (got < 0 && sent == 0) return -errno;
    if (got <= 0) break;
    const iovec piece = {block.data(), static_cast<size_t>(got)};
    const ssize_t result = Send(std::span(&piece, 1));
    if (result < 0) {
      if (sent == 0) return result;
      break;
    }
    *offset += result;
    sent += static_cast<size_t>(result);
    if (result < got) break;
  }
  return static_cast<ssize_t>(sent);
}

ssize_t SimSocket::Write(const void* data, size_t length) {
  const iovec piece = {const_cast<void*>(data), length};
  return Send(std::span(&piece, 1));
}

void SimSocket::HidePending() {
  pending_hidden_ = true;
  world_.events().Schedule(world_.now() + world_.Moment(), [weak = weak_from_this()] {
    const std::shared_ptr<SimFile> file = weak.lock();
    if (file == nullptr) return;
    auto& socket = static_cast<SimSocket&>(*file);
    socket.pending_hidden_ = false;
    if (socket.Poll() & EPOLLIN) socket.Wake(EPOLLIN);
  });
}

void SimSocket::BlockSend() {
  if (send_blocked_) return;
  send_blocked_ = true;
  world_.events().Schedule(world_.now() + world_.Moment(), [weak = weak_from_this()] {
    const std::shared_ptr<SimFile> file = weak.lock();
    if (file == nullptr) return;
    auto& socket = static_cast<SimSocket&>(*file);
    socket.send_blocked_ = false;
    socket.OnSendUnblocked();
  });
}

}  // namespace spindle
