#include "net/backend/socket_calls.h"

#include <sys/socket.h>

namespace spindle {

IoError SetIntOption(Syscalls& syscalls, int fd, int level, int name, int value) {
  const int result = syscalls.SetSockOpt(fd, level, name, &value, sizeof value);
  return result < 0 ? IoError(-result, IoOp::kSetOption) : IoError();
}

SocketAddress LocalAddress(Syscalls& syscalls, int fd) {
  sockaddr_storage storage = {};
  socklen_t length = sizeof storage;
  if (syscalls.GetSockName(fd, reinterpret_cast<sockaddr*>(&storage), &length) < 0) return {};
  return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), length);
}

SocketAddress PeerAddress(Syscalls& syscalls, int fd) {
  sockaddr_storage storage = {};
  socklen_t length = sizeof storage;
  if (syscalls.GetPeerName(fd, reinterpret_cast<sockaddr*>(&storage), &length) < 0) return {};
  return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), length);
}

}  // namespace spindle
