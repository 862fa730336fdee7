#ifndef SPINDLE_NET_BACKEND_OWNED_SOCKET_H_
#define SPINDLE_NET_BACKEND_OWNED_SOCKET_H_

#include <utility>

#include "base/syscalls.h"

namespace spindle {

// A socket that is closed where it was made: in the kernel, or in the simulator, whose descriptors
// mean nothing to close(2). Move-only; not tied to a thread.
class OwnedSocket {
 public:
  OwnedSocket() = default;
  // `syscalls` must outlive the object.
  OwnedSocket(Syscalls& syscalls, int fd) : syscalls_(&syscalls), fd_(fd) {}
  OwnedSocket(OwnedSocket&& other) noexcept
      : syscalls_(other.syscalls_), fd_(std::exchange(other.fd_, -1)) {}
  OwnedSocket& operator=(OwnedSocket&& other) noexcept {
    if (this == &other) return *this;
    reset();
    syscalls_ = other.syscalls_;
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~OwnedSocket() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) syscalls_->Close(std::exchange(fd_, -1));
  }

 private:
  Syscalls* syscalls_ = nullptr;
  int fd_ = -1;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_OWNED_SOCKET_H_
