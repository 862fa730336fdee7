#include "net/backend/unix_path.h"

#include <errno.h>
#include <linux/net.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <utility>

namespace spindle {
namespace {

// Whether some process has a socket at `path` that is not connected: it listens, or is about to,
// which a connect(2) to it cannot tell from nobody. In this network namespace, and by the name that
// it gave when it bound. proc(5), net/unix.
bool IsBoundByAnybody(const std::string& path) {
  std::ifstream table("/proc/net/unix");
  std::string line;
  while (std::getline(table, line)) {
    unsigned state = 0;
    int name = 0;
    if (std::sscanf(line.c_str(), "%*s %*s %*s %*s %*s %x %*s %n", &state, &name) == 1 &&
        name > 0 && state == SS_UNCONNECTED &&
        line.compare(static_cast<size_t>(name), std::string::npos, path) == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

int BoundUnixPath::Bind(Syscalls& syscalls, int fd, int type, const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  const auto bind = [&] {
    return syscalls.Bind(fd, reinterpret_cast<const sockaddr*>(&storage), length);
  };
  int result = bind();
  if (result == -EADDRINUSE && RemoveStale(syscalls, type, address)) result = bind();
  if (result < 0 || address.kind() != SocketAddress::Kind::kUnixPath) return result;
  std::string path(address.unix_path());
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return result;
  path_ = std::move(path);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return result;
}

bool BoundUnixPath::RemoveStale(Syscalls& syscalls, int type, const SocketAddress& address) {
  if (address.kind() != SocketAddress::Kind::kUnixPath) return false;
  const std::string path(address.unix_path());
  struct stat before;
  if (lstat(path.c_str(), &before) != 0 || !S_ISSOCK(before.st_mode)) return false;
  const int probe = syscalls.Socket(AF_UNIX, type, 0);
  if (probe < 0) return false;
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  const int result = syscalls.Connect(probe, reinterpret_cast<sockaddr*>(&storage), length);
  syscalls.Close(probe);
  // Somebody has it open, or we cannot tell: leave it alone.
  if (result != -ECONNREFUSED || IsBoundByAnybody(path)) return false;
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
