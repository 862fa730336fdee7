#include "base/owned_fd.h"

#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace spindle {

void OwnedFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old < 0) return;
  SPINDLE_CHECK(old != fd) << "descriptor " << fd << " reset to itself";
  const int saved_errno = errno;
  ::close(old);  // the result is dropped on purpose, see the header
  errno = saved_errno;
}

}  // namespace spindle
