#ifndef SPINDLE_TESTS_TESTING_RAW_PEER_H_
#define SPINDLE_TESTS_TESTING_RAW_PEER_H_

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "net/types/socket_address.h"

namespace spindle {

// A peer made of bare system calls, to do what no Spindle connection does: vanish, reset,
// half-close and stay silent. Non-blocking. One thread.
class RawPeer {
 public:
  enum class State { kOpen, kEof, kReset };

  RawPeer() = default;
  explicit RawPeer(int fd) : fd_(fd) {}
  RawPeer(RawPeer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), received_(std::move(other.received_)) {}
  RawPeer& operator=(RawPeer&& other) noexcept {
    Close();
    fd_ = std::exchange(other.fd_, -1);
    received_ = std::move(other.received_);
    return *this;
  }
  ~RawPeer() { Close(); }

  // Connected, or under way for TCP; fd() is -1 and errno tells if it was refused.
  static RawPeer Connect(const SocketAddress& server, int receive_buffer = 0) {
    RawPeer peer(socket(server.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0) {
      setsockopt(peer.fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_storage storage;
    const socklen_t length = server.ToSockaddr(&storage);
    if (connect(peer.fd_, reinterpret_cast<sockaddr*>(&storage), length) != 0 &&
        errno != EINPROGRESS) {
      const int error = errno;
      peer.Close();
      errno = error;
    }
    return peer;
  }

  int fd() const { return fd_; }
  // False if not all of it was taken.
  bool Send(std::string_view data) {
    return send(fd_, data.data(), data.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(data.size());
  }
  // Sends until the socket takes no more; returns how much that was.
  size_t SendUntilFull() {
    const std::string block(65536, 'f');
    size_t sent = 0;
    ssize_t taken = 0;
    while ((taken = send(fd_, block.data(), block.size(), MSG_NOSIGNAL)) > 0) {
      sent += static_cast<size_t>(taken);
    }
    return sent;
  }
  // Takes what has arrived.
  State Receive() {
    char block[65536];
    while (true) {
      const ssize_t got = recv(fd_, block, sizeof block, 0);
      if (got > 0) {
        received_.append(block, static_cast<size_t>(got));
      } else if (got == 0) {
        return State::kEof;
      } else {
        return errno == EAGAIN ? State::kOpen : State::kReset;
      }
    }
  }
  const std::string& received() const { return received_; }
  void ShutdownWrite() { shutdown(fd_, SHUT_WR); }
  // Ends with a reset (TCP); like Close for others.
  void Reset() {
    const linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    Close();
  }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  int GetInt(int level, int name) const {
    int value = -1;
    socklen_t length = sizeof value;
    return getsockopt(fd_, level, name, &value, &length) == 0 ? value : -1;
  }

 private:
  int fd_ = -1;
  std::string received_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_RAW_PEER_H_
