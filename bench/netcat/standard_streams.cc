#include "bench/netcat/standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/errno_status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

StreamKind KindOf(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) return StreamKind::kNone;
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
    case S_IFBLK:
    case S_IFDIR:
      return StreamKind::kFile;
    case S_IFIFO:
      return StreamKind::kPipe;
    case S_IFSOCK:
      return StreamKind::kSocket;
    case S_IFCHR:
      if (status.st_rdev == makedev(1, 3)) return StreamKind::kNull;
      return isatty(fd) ? StreamKind::kTerminal : StreamKind::kOther;
    default:
      return StreamKind::kOther;
  }
}

// Whether a read or a write of it may wait, and there is no flag for a single call against that.
bool CanWait(StreamKind kind) {
  return kind != StreamKind::kNone && kind != StreamKind::kFile && kind != StreamKind::kSocket;
}

bool IsReady(int fd, short events) {
  pollfd state = {fd, events, 0};
  return poll(&state, 1, 0) > 0;
}

OwnedFd OpenAgain(int fd, StreamKind kind, int flags) {
  if (!CanWait(kind)) return OwnedFd();
  return OwnedFd(
      open(Concat("/proc/self/fd/", fd).c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

ssize_t Result(ssize_t count) { return count < 0 ? -errno : count; }

}  // namespace

StandardStreams::StandardStreams() : input_kind_(KindOf(0)), output_kind_(KindOf(1)) {
  // Each open takes the lowest number that is free.
  OwnedFd null;
  while (null.reset(open("/dev/null", O_RDWR)), null.valid() && null.get() <= 2) {
    static_cast<void>(null.release());
  }
  input_ = OpenAgain(0, input_kind_, O_RDONLY);
  output_ = OpenAgain(1, output_kind_, O_WRONLY);
  input_waits_ = !input_.valid() && CanWait(input_kind_);
  output_waits_ = !output_.valid() && CanWait(output_kind_);
}

ssize_t StandardStreams::Read(std::span<char> block) {
  if (input_kind_ == StreamKind::kNone) return 0;
  if (input_waits_ && !IsReady(0, POLLIN)) return -EAGAIN;
  const ssize_t count =
      Result(input_kind_ == StreamKind::kSocket ? recv(0, block.data(), block.size(), MSG_DONTWAIT)
                                                : read(input(), block.data(), block.size()));
  if (count == 0) input_ended_ = true;
  return count;
}

ssize_t StandardStreams::Write(std::string_view text) {
  if (output_kind_ == StreamKind::kNone || output_closed_) return -EBADF;
  if (output_kind_ == StreamKind::kSocket) {
    return Result(send(1, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }
  if (output_waits_) {
    if (!IsReady(1, POLLOUT)) return -EAGAIN;
    text = text.substr(0, PIPE_BUF);  // What is ready takes so much.
  }
  return Result(write(output(), text.data(), text.size()));
}

absl::Status StandardStreams::CloseOutput() {
  if (output_kind_ == StreamKind::kNone || output_closed_) return absl::OkStatus();
  output_closed_ = true;
  output_.reset();
  // Its number stays taken.
  const OwnedFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!null.valid()) return absl::OkStatus();
  const int copy = fcntl(1, F_DUPFD_CLOEXEC, 3);
  dup2(null.get(), 1);
  if (copy >= 0 && close(copy) != 0 && errno != EINTR) return ErrnoStatus("close stdout", errno);
  return absl::OkStatus();
}

}  // namespace spindle::bench
