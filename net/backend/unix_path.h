#ifndef SPINDLE_NET_BACKEND_UNIX_PATH_H_
#define SPINDLE_NET_BACKEND_UNIX_PATH_H_

#include <sys/types.h>

#include <string>

#include "base/syscalls.h"
#include "net/types/socket_address.h"

namespace spindle {

// The file that a socket bound to a Unix path has made, which outlives the socket unless somebody
// removes it. One thread.
class BoundUnixPath {
 public:
  BoundUnixPath() = default;
  BoundUnixPath(const BoundUnixPath&) = delete;
  BoundUnixPath& operator=(const BoundUnixPath&) = delete;
  ~BoundUnixPath() { Remove(); }

  // bind(2), to an address of any kind. A Unix path that a dead process left behind is taken over;
  // one that is in use, or is not a socket, is not. Returns 0 or a negated errno.
  int Bind(Syscalls& syscalls, int fd, const SocketAddress& address);

  // Removes the file now, if it is still the one that Bind made.
  void Remove();
  // Leaves the file alone: another process is in charge of it.
  void Forget() { path_.clear(); }

 private:
  static bool RemoveStale(Syscalls& syscalls, const SocketAddress& address);

  std::string path_;  // Empty: nothing to remove.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_UNIX_PATH_H_
