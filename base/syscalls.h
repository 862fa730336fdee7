#ifndef SPINDLE_BASE_SYSCALLS_H_
#define SPINDLE_BASE_SYSCALLS_H_

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/clock.h"

namespace spindle {

// The system calls that loops, back ends and connections make: the one seam between the library
// and the kernel. Real() is the kernel; the simulator implements the whole interface on virtual
// time, and tests override single calls to make them short, slow or failing.
//
// Every call returns its result, or the negated errno: `-EAGAIN`, never -1 with errno set. Flags
// that every caller wants are part of the call: close-on-exec and non-blocking for new descriptors,
// MSG_NOSIGNAL for output.
//
// Any thread, as far as the implementation allows it: Real() always, the simulator only on its own.
// A call through this interface costs one indirect call, against 100 ns and more for what it does.
class Syscalls {
 public:
  virtual ~Syscalls() = default;

  // The kernel. Never destroyed.
  static Syscalls& Real();

  // socket(2), with SOCK_NONBLOCK | SOCK_CLOEXEC added to `type`.
  virtual int Socket(int domain, int type, int protocol);
  virtual int Bind(int fd, const sockaddr* address, socklen_t length);
  virtual int Listen(int fd, int backlog);
  // accept4(2), non-blocking and close-on-exec. `address` and `length` may be null.
  virtual int Accept(int fd, sockaddr* address, socklen_t* length);
  virtual int Connect(int fd, const sockaddr* address, socklen_t length);
  virtual int Shutdown(int fd, int how);
  // close(2). The descriptor is gone whatever is returned.
  virtual int Close(int fd);

  virtual ssize_t Recv(int fd, void* data, size_t length);
  // sendmsg(2) with MSG_NOSIGNAL | MSG_DONTWAIT; `iovecs` has at most IOV_MAX entries.
  virtual ssize_t Send(int fd, std::span<const iovec> iovecs);
  // sendfile(2). Advances `offset`. SIGPIPE is never raised.
  virtual ssize_t SendFile(int socket, int file, off_t* offset, size_t length);
  // recvmmsg(2) with MSG_DONTWAIT | `flags`, no timeout. Returns how many of `messages` it filled.
  virtual int RecvMany(int fd, std::span<mmsghdr> messages, int flags);
  // sendmmsg(2) with MSG_NOSIGNAL | MSG_DONTWAIT. Returns how many of `messages` it took; an error
  // of a later one comes again when that is the first.
  virtual int SendMany(int fd, std::span<mmsghdr> messages);
  // recvmsg(2) with MSG_ERRQUEUE | MSG_DONTWAIT: what the network said of a datagram, ip(7).
  virtual ssize_t RecvError(int fd, msghdr* message);
  virtual ssize_t Read(int fd, void* data, size_t length);
  virtual ssize_t Write(int fd, const void* data, size_t length);

  virtual int GetSockOpt(int fd, int level, int name, void* value, socklen_t* length);
  virtual int SetSockOpt(int fd, int level, int name, const void* value, socklen_t length);
  virtual int GetSockName(int fd, sockaddr* address, socklen_t* length);
  virtual int GetPeerName(int fd, sockaddr* address, socklen_t* length);

  virtual int EpollCreate();
  virtual int EpollCtl(int epoll_fd, int operation, int fd, epoll_event* event);
  // epoll_wait(2): `timeout_ms` is -1 (no limit) or 0 (do not wait).
  virtual int EpollWait(int epoll_fd, std::span<epoll_event> events, int timeout_ms);
  // eventfd(2), counter mode, non-blocking.
  virtual int EventFd();
  // timerfd_create(2) on CLOCK_MONOTONIC, non-blocking.
  virtual int TimerFd();
  // Arms `fd` for `when` on the clock of Now(); kNever disarms. A time in the past rings at once.
  virtual int TimerFdSet(int fd, TimePoint when);
  // signalfd(2), non-blocking. `fd` is -1 for a new one.
  virtual int SignalFd(int fd, const sigset_t* mask);

  // CLOCK_MONOTONIC.
  virtual TimePoint Now();
};

}  // namespace spindle

#endif  // SPINDLE_BASE_SYSCALLS_H_
