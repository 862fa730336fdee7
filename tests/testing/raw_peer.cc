#include "tests/testing/raw_peer.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

namespace spindle {

RawPeer RawPeer::Connect(const SocketAddress& server, int receive_buffer) {
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

bool RawPeer::Send(std::string_view data) {
  return send(fd_, data.data(), data.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(data.size());
}

size_t RawPeer::SendUntilFull() {
  const std::string block(65536, 'f');
  size_t sent = 0;
  ssize_t taken = 0;
  while ((taken = send(fd_, block.data(), block.size(), MSG_NOSIGNAL)) > 0) {
    sent += static_cast<size_t>(taken);
  }
  return sent;
}

RawPeer::State RawPeer::Receive() {
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

void RawPeer::ShutdownWrite() { shutdown(fd_, SHUT_WR); }

void RawPeer::Reset() {
  const linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  Close();
}

void RawPeer::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

int RawPeer::GetInt(int level, int name) const {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(fd_, level, name, &value, &length) == 0 ? value : -1;
}

}  // namespace spindle
