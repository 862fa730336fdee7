#include "base/syscalls.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace spindle {
namespace {

template <typename T>
T ResultOrErrno(T result) {
  return result >= 0 ? result : static_cast<T>(-errno);
}

// sendfile(2) has no MSG_NOSIGNAL. Blocks SIGPIPE for this thread while alive; a SIGPIPE that the
// call raised is taken back, one that was pending before stays.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    if (!was_pending_) pthread_sigmask(SIG_BLOCK, &pipe_, &old_);
  }
  ~SigpipeGuard() {
    if (!was_pending_) pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  void TakeBack() {
    if (was_pending_) return;
    const timespec none = {0, 0};
    while (sigtimedwait(&pipe_, nullptr, &none) < 0 && errno == EINTR) {
    }
  }

 private:
  sigset_t pipe_;
  sigset_t old_;
  bool was_pending_ = false;
};

}  // namespace

Syscalls& Syscalls::Real() {
  static Syscalls* const real = new Syscalls;
  return *real;
}

int Syscalls::Socket(int domain, int type, int protocol) {
  return ResultOrErrno(::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

int Syscalls::Bind(int fd, const sockaddr* address, socklen_t length) {
  return ResultOrErrno(::bind(fd, address, length));
}

int Syscalls::Listen(int fd, int backlog) { return ResultOrErrno(::listen(fd, backlog)); }

int Syscalls::Accept(int fd, sockaddr* address, socklen_t* length) {
  return ResultOrErrno(::accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

int Syscalls::Connect(int fd, const sockaddr* address, socklen_t length) {
  return ResultOrErrno(::connect(fd, address, length));
}

int Syscalls::Shutdown(int fd, int how) { return ResultOrErrno(::shutdown(fd, how)); }

int Syscalls::Close(int fd) { return ResultOrErrno(::close(fd)); }

ssize_t Syscalls::Recv(int fd, void* data, size_t length) {
  return ResultOrErrno(::recv(fd, data, length, MSG_DONTWAIT));
}

ssize_t Syscalls::Send(int fd, std::span<const iovec> iovecs) {
  if (iovecs.size() == 1) {
    return ResultOrErrno(
        ::send(fd, iovecs[0].iov_base, iovecs[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT));
  }
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(iovecs.data());
  message.msg_iovlen = iovecs.size();
  return ResultOrErrno(::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

ssize_t Syscalls::SendFile(int socket, int file, off_t* offset, size_t length) {
  SigpipeGuard guard;
  const ssize_t sent = ResultOrErrno(::sendfile(socket, file, offset, length));
  if (sent == -EPIPE) guard.TakeBack();
  return sent;
}

int Syscalls::RecvMany(int fd, std::span<mmsghdr> messages, int flags) {
  return ResultOrErrno(::recvmmsg(fd, messages.data(), static_cast<unsigned>(messages.size()),
                                  MSG_DONTWAIT | flags, nullptr));
}

int Syscalls::SendMany(int fd, std::span<mmsghdr> messages) {
  return ResultOrErrno(::sendmmsg(fd, messages.data(), static_cast<unsigned>(messages.size()),
                                  MSG_NOSIGNAL | MSG_DONTWAIT));
}

ssize_t Syscalls::RecvError(int fd, msghdr* message) {
  return ResultOrErrno(::recvmsg(fd, message, MSG_ERRQUEUE | MSG_DONTWAIT));
}

ssize_t Syscalls::Read(int fd, void* data, size_t length) {
  return ResultOrErrno(::read(fd, data, length));
}

ssize_t Syscalls::Write(int fd, const void* data, size_t length) {
  return ResultOrErrno(::write(fd, data, length));
}

int Syscalls::GetSockOpt(int fd, int level, int name, void* value, socklen_t* length) {
  return ResultOrErrno(::getsockopt(fd, level, name, value, length));
}

int Syscalls::SetSockOpt(int fd, int level, int name, const void* value, socklen_t length) {
  return ResultOrErrno(::setsockopt(fd, level, name, value, length));
}

int Syscalls::GetSockName(int fd, sockaddr* address, socklen_t* length) {
  return ResultOrErrno(::getsockname(fd, address, length));
}

int Syscalls::GetPeerName(int fd, sockaddr* address, socklen_t* length) {
  return ResultOrErrno(::getpeername(fd, address, length));
}

int Syscalls::EpollCreate() { return ResultOrErrno(::epoll_create1(EPOLL_CLOEXEC)); }

int Syscalls::EpollCtl(int epoll_fd, int operation, int fd, epoll_event* event) {
  return ResultOrErrno(::epoll_ctl(epoll_fd, operation, fd, event));
}

int Syscalls::EpollWait(int epoll_fd, std::span<epoll_event> events, int timeout_ms) {
  return ResultOrErrno(
      ::epoll_wait(epoll_fd, events.data(), static_cast<int>(events.size()), timeout_ms));
}

int Syscalls::EventFd() { return ResultOrErrno(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

int Syscalls::TimerFd() {
  return ResultOrErrno(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
}

int Syscalls::TimerFdSet(int fd, TimePoint when) {
  itimerspec spec = {};
  if (when != kNever) {
    // A zero value would disarm the timer, so the earliest time that can be asked for is 1 ns.
    const int64_t ns = std::max<int64_t>(
        1, std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count());
    spec.it_value.tv_sec = ns / 1'000'000'000;
    spec.it_value.tv_nsec = ns % 1'000'000'000;
  }
  return ResultOrErrno(::timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, nullptr));
}

int Syscalls::SignalFd(int fd, const sigset_t* mask) {
  return ResultOrErrno(::signalfd(fd, mask, SFD_NONBLOCK | SFD_CLOEXEC));
}

TimePoint Syscalls::Now() { return Clock::now(); }

}  // namespace spindle
