#ifndef SPINDLE_BASE_OWNED_FD_H_
#define SPINDLE_BASE_OWNED_FD_H_

#include <utility>

namespace spindle {

// Owns one file descriptor and closes it once. One thread at a time, like an int.
//
// An interrupted close(2) is not retried: on Linux the descriptor is gone when close returns EINTR,
// and a second close could hit a descriptor that another thread has just opened. Other errors of
// close are dropped as well; who needs them calls release() and closes by hand. errno is preserved.
class OwnedFd {
 public:
  // Takes ownership of `fd`; any negative value means "none".
  explicit OwnedFd(int fd = -1) noexcept : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    reset(other.release());  // in this order a self-move keeps the descriptor
    return *this;
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  ~OwnedFd() { reset(); }

  int get() const noexcept { return fd_; }
  bool valid() const noexcept { return fd_ >= 0; }
  explicit operator bool() const noexcept { return valid(); }

  // Gives the descriptor up: the caller must close it. Leaves this invalid.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  // Closes what is held and takes ownership of `fd`. Resetting to the descriptor already held would
  // keep a closed number and fails a CHECK.
  void reset(int fd = -1) noexcept;

 private:
  int fd_;
};

}  // namespace spindle

#endif  // SPINDLE_BASE_OWNED_FD_H_
