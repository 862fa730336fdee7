#ifndef SPINDLE_NET_BACKEND_SIM_KERNEL_H_
#define SPINDLE_NET_BACKEND_SIM_KERNEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/syscalls.h"
#include "net/backend/sim_options.h"

namespace spindle {

class SimWorld;

// What a simulated descriptor is.
enum class SimFdKind : uint8_t { kTcp, kUnix, kEpoll, kEvent, kTimer };

struct SimOpenFd {
  int fd;
  SimFdKind kind;
};

// Where the payload bytes of all stream sockets are: sent == received + discarded + in_flight.
// `in_flight` is counted in the buffers, the others are added up by the calls.
struct SimBytes {
  uint64_t sent = 0;       // Taken by send and sendfile.
  uint64_t received = 0;   // Given out by recv and read.
  uint64_t discarded = 0;  // Lost to RST, to close with input unread, and to vanished peers.
  uint64_t in_flight = 0;  // In a buffer or on the way.
};

// A Linux kernel's stream sockets, epoll, timers and clock in memory, on virtual time: a server and
// its clients run in one thread, and the same seed makes the same run, call by call.
//
// Simulated, and compared with the real kernel call by call in its test:
//  - TCP over IPv4 and IPv6 (dual-stack included): port choice, EADDRINUSE with SO_REUSEADDR and
//    SO_REUSEPORT, TIME_WAIT, backlog, in-progress, refused, late and self-connected connects, send
//    and receive buffers with a window between them, half-close, FIN after data, RST for unread
//    input, for SO_LINGER 0 and for data sent to a closed socket, SO_ERROR, ETIMEDOUT for peers
//    that vanish (TCP_USER_TIMEOUT, keep-alive, 15 minutes of retransmission).
//  - AF_UNIX stream sockets, by path and abstract. Paths live in the simulator, not in the file
//    system, and like there outlive the socket until UnlinkPath.
//  - epoll: level, edge, one-shot; what Linux reports in each state of a socket, and which changes
//    are edges; the order of the ready list.
//  - eventfd, timerfd, sendfile from a real file. Descriptors are numbered lowest first from 3.
//
// Not simulated: everything that is not in Syscalls, datagrams, urgent data, signalfd (ENOSYS),
// epoll sets inside epoll sets (EPERM), connect to AF_UNSPEC, EPOLLEXCLUSIVE (accepted, but wakes
// all), congestion, retransmission and Nagle: TCP_NODELAY and its like are remembered, no more.
// Every IP address is this machine. Buffer sizes count payload only, so how much fits is not what
// Linux says. Acknowledgements take no time. Unix sockets have no delay and no resets.
//
// A call never waits: epoll_wait without a limit returns 0 when nothing is ready, and the driver
// then moves the time:
//
//   while (!done) {
//     loop.RunOnce();
//     if (!kernel.AnythingReady(epoll_fd) && !kernel.AdvanceToNextEvent()) break;  // Dead.
//   }
//
// One thread. Must outlive whatever uses it; descriptors may still be open when it goes.
class SimKernel final : public Syscalls {
 public:
  explicit SimKernel(const SimOptions& options = SimOptions());
  ~SimKernel() override;
  SimKernel(const SimKernel&) = delete;
  SimKernel& operator=(const SimKernel&) = delete;

  int Socket(int domain, int type, int protocol) override;
  int Bind(int fd, const sockaddr* address, socklen_t length) override;
  int Listen(int fd, int backlog) override;
  int Accept(int fd, sockaddr* address, socklen_t* length) override;
  int Connect(int fd, const sockaddr* address, socklen_t length) override;
  int Shutdown(int fd, int how) override;
  int Close(int fd) override;
  ssize_t Recv(int fd, void* data, size_t length) override;
  ssize_t Send(int fd, std::span<const iovec> iovecs) override;
  // `file` is a real descriptor, read by pread(2); `offset` must not be null.
  ssize_t SendFile(int socket, int file, off_t* offset, size_t length) override;
  // No datagrams: EOPNOTSUPP.
  int RecvMany(int fd, std::span<mmsghdr> messages, int flags) override;
  int SendMany(int fd, std::span<mmsghdr> messages) override;
  ssize_t RecvError(int fd, msghdr* message) override;
  ssize_t Read(int fd, void* data, size_t length) override;
  ssize_t Write(int fd, const void* data, size_t length) override;
  int GetSockOpt(int fd, int level, int name, void* value, socklen_t* length) override;
  int SetSockOpt(int fd, int level, int name, const void* value, socklen_t length) override;
  int GetSockName(int fd, sockaddr* address, socklen_t* length) override;
  int GetPeerName(int fd, sockaddr* address, socklen_t* length) override;
  int EpollCreate() override;
  int EpollCtl(int epoll_fd, int operation, int fd, epoll_event* event) override;
  // Never waits, whatever `timeout_ms` is.
  int EpollWait(int epoll_fd, std::span<epoll_event> events, int timeout_ms) override;
  int EventFd() override;
  int TimerFd() override;
  int TimerFdSet(int fd, TimePoint when) override;
  int SignalFd(int fd, const sigset_t* mask) override;
  TimePoint Now() override;

  // --- The driver's side: never a fault, not part of the trace.

  // The time, without the stall that Now() may make.
  TimePoint now() const;
  // The earliest timer, arrival or end of a fault to come; kNever if there is none.
  TimePoint NextEventTime() const;
  // Moves the time to NextEventTime() and lets happen what is due then. False if nothing is to
  // come.
  bool AdvanceToNextEvent();
  // Moves the time by `duration`; everything due on the way happens at its own time.
  void Advance(Duration duration);
  // Whether EpollWait on `epoll_fd` would report something.
  bool AnythingReady(int epoll_fd) const;

  // Changes the faults from here on.
  void SetFaults(const SimFaults& faults);

  // The TCP peer of `fd` vanishes: nothing arrives any more in either direction, and nobody is
  // told. No effect on other descriptors.
  void KillConnection(int fd);
  // Both ends of the TCP connection of `fd` get an RST now. No effect on other descriptors.
  void ResetConnection(int fd);
  // unlink(2) for AF_UNIX paths. False if there is no such path.
  bool UnlinkPath(std::string_view path);

  SimCounters counters() const;
  SimBytes bytes() const;
  // Changes with every call and its result, and with the time; not with payload, epoll_data or
  // pointers.
  uint64_t TraceHash() const;
  // In ascending order of descriptors.
  std::vector<SimOpenFd> OpenFds() const;
  size_t open_fds() const;

 private:
  std::unique_ptr<SimWorld> world_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_SIM_KERNEL_H_
