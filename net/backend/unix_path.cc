#include "net/backend/unix_path.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace spindle {

int BoundUnixPath::Bind(Syscalls& syscalls, int fd, const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  const auto bind = [&] {
    return syscalls.Bind(fd, reinterpret_cast<const sockaddr*>(&storage), length);
  };
  int result = bind();
  if (result == -EADDRINUSE && RemoveStale(syscalls, address)) result = bind();
  if (result < 0 || address.kind() != SocketAddress::Kind::kUnixPath) return result;
  std::string path(address.unix_path());
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return result;
  path_ = std::move(path);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return result;
}

bool BoundUnixPath::RemoveStale(Syscalls& syscalls, const SocketAddress& address) {
  if (address.kind() != SocketAddress::Kind::kUnixPath) return false;
  const std::string path(address.unix_path());
  struct stat before;
  if (lstat(path.c_str(), &before) != 0 || !S_ISSOCK(before.st_mode)) return false;
  // Datagrams tell the dead from the living: a socket that is bound takes the connect(2), or
  // refuses it by its type (EPROTOTYPE) or for its peer's sake (EPERM), and no place in a backlog
  // is used up. A stream would be refused likewise by nobody and by one that does not listen yet.
  const int probe = syscalls.Socket(AF_UNIX, SOCK_DGRAM, 0);
  if (probe < 0) return false;
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  const int result = syscalls.Connect(probe, reinterpret_cast<sockaddr*>(&storage), length);
  syscalls.Close(probe);
  // Somebody has it open, or we cannot tell: leave it alone.
  if (result != -ECONNREFUSED) return false;
  struct stat now;
  if (lstat(path.c_str(), &now) != 0) return false;
  if (now.st_dev != before.st_dev || now.st_ino != before.st_ino) return false;
  return unlink(path.c_str()) == 0;
}

void BoundUnixPath::Remove() {
  if (path_.empty()) return;
  struct stat status;
  if (lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
    unlink(path_.c_str());
  }
  path_.clear();
}

}  // namespace spindle
