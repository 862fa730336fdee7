#include "net/backend/socket_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/errno_status.h"

namespace spindle {

IoError SetOption(Syscalls& syscalls, int fd, int level, int name, const void* value,
                  socklen_t size) {
  const int result = syscalls.SetSockOpt(fd, level, name, value, size);
  return result < 0 ? IoError(-result, IoOp::kSetOption) : IoError();
}

IoError SetIntOption(Syscalls& syscalls, int fd, int level, int name, int value) {
  return SetOption(syscalls, fd, level, name, &value, sizeof value);
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

absl::Status AdoptDescriptor(int fd, std::string_view name) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0 &&
      fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(name, errno);
}

bool IsOfDeadConnection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
      return true;
    default:
      return false;
  }
}

}  // namespace spindle
