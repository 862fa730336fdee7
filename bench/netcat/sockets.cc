#include "bench/netcat/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/errno_status.h"
#include "base/strings.h"
#include "base/syscalls.h"
#include "net/backend/socket_calls.h"

namespace spindle::bench {
namespace {

// A Unix socket whose backlog is full refuses with EAGAIN, and nothing tells when it no longer
// does.
constexpr Duration kBacklogPause = std::chrono::milliseconds(5);

struct SocketOption {
  const char* name;
  int level;
  int option;
  std::optional<int> value;
};

absl::StatusOr<OwnedFd> MakeSocket(int family, int type, const SocketTuning& tuning) {
  Syscalls& calls = Syscalls::Real();
  const int made = calls.Socket(family, type, 0);
  if (made < 0) return ErrnoStatus("socket", -made);
  OwnedFd fd(made);
  const bool v6 = family == AF_INET6;
  const bool ip = v6 || family == AF_INET;
  const std::optional<int> none;
  const SocketOption options[] = {
      {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, tuning.receive_buffer},
      {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, tuning.send_buffer},
      {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, tuning.broadcast ? std::optional(1) : none},
      {"SO_DEBUG", SOL_SOCKET, SO_DEBUG, tuning.debug ? std::optional(1) : none},
      {"TTL", v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_UNICAST_HOPS : IP_TTL,
       ip ? tuning.ttl : none},
      {"minimum TTL", v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MINHOPCOUNT : IP_MINTTL,
       ip ? tuning.min_ttl : none},
      {"traffic class", v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS,
       ip ? tuning.traffic_class : none},
  };
  for (const SocketOption& option : options) {
    if (!option.value) continue;
    const int error = calls.SetSockOpt(fd.get(), option.level, option.option, &*option.value,
                                       sizeof *option.value);
    if (error < 0) return ErrnoStatus(Concat("set ", option.name), -error);
  }
  return fd;
}

int BindTo(int fd, const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  return Syscalls::Real().Bind(fd, reinterpret_cast<const sockaddr*>(&storage), length);
}

// A Unix socket that is to be answered needs a name: one that the kernel makes up.
int BindAnywhere(int fd) {
  const sockaddr_un unnamed = {.sun_family = AF_UNIX, .sun_path = {}};
  return Syscalls::Real().Bind(fd, reinterpret_cast<const sockaddr*>(&unnamed),
                               sizeof unnamed.sun_family);
}

}  // namespace

int ConnectTo(int fd, const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  return Syscalls::Real().Connect(fd, reinterpret_cast<const sockaddr*>(&storage), length);
}

absl::StatusOr<OwnedFd> ConnectSocket(Waiter& waiter, const SocketAddress& remote,
                                      const ConnectOptions& options) {
  absl::StatusOr<OwnedFd> fd = MakeSocket(remote.family(), options.type, options.tuning);
  if (!fd.ok()) return fd.status();
  Syscalls& calls = Syscalls::Real();
  if (!options.local.is_unspecified()) {
    const int on = 1;
    static_cast<void>(calls.SetSockOpt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    const int error = BindTo(fd->get(), options.local);
    if (error < 0) return ErrnoStatus(Concat("bind ", options.local.ToString()), -error);
  } else if (remote.is_unix() && options.type == SOCK_DGRAM) {
    if (const int error = BindAnywhere(fd->get()); error < 0) return ErrnoStatus("bind", -error);
  }
  int error = 0;
  while ((error = ConnectTo(fd->get(), remote)) == -EAGAIN && remote.is_unix()) {
    if (waiter.loop().Now() >= options.deadline) return ErrnoStatus("connect", ETIMEDOUT);
    if (absl::Status status = waiter.Pause(kBacklogPause); !status.ok()) return status;
  }
  if (error == -EINPROGRESS || error == -EINTR) {
    absl::Status status = waiter.ForFd(fd->get(), Interest::kWrite, options.deadline);
    if (ErrnoOf(status) == ETIMEDOUT) return ErrnoStatus("connect", ETIMEDOUT);
    if (!status.ok()) return status;
    int result = 0;
    socklen_t length = sizeof result;
    error = calls.GetSockOpt(fd->get(), SOL_SOCKET, SO_ERROR, &result, &length);
    if (error == 0) error = -result;
  }
  if (error < 0) return ErrnoStatus("connect", -error);
  // Of simultaneous opens there remains the one of a socket with itself: nobody listens there.
  if (remote.is_ip() && options.type == SOCK_STREAM && LocalAddress(calls, fd->get()) == remote) {
    return ErrnoStatus("connect", ECONNREFUSED);
  }
  return fd;
}

absl::StatusOr<BoundSocket> BoundSocket::Bind(const SocketAddress& address, int type,
                                              const SocketTuning& tuning) {
  absl::StatusOr<OwnedFd> fd = MakeSocket(address.family(), type, tuning);
  if (!fd.ok()) return fd.status();
  Syscalls& calls = Syscalls::Real();
  const int on = 1;
  if (type == SOCK_STREAM && address.is_ip()) {
    static_cast<void>(calls.SetSockOpt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  }
  BoundSocket socket;
  int error = socket.path_->Bind(calls, fd->get(), address);
  if (error < 0) return ErrnoStatus(Concat("bind ", address.ToString()), -error);
  socket.fd_ = *std::move(fd);
  if (type == SOCK_STREAM) error = calls.Listen(socket.fd(), SOMAXCONN);
  if (error < 0) return ErrnoStatus(Concat("listen ", address.ToString()), -error);
  socket.address_ = LocalAddress(calls, socket.fd());
  return socket;
}

absl::StatusOr<OwnedFd> AcceptSocket(Waiter& waiter, int listener, SocketAddress* peer) {
  while (true) {
    if (absl::Status status = waiter.ForFd(listener, Interest::kRead); !status.ok()) return status;
    sockaddr_storage storage;
    socklen_t length = sizeof storage;
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    const int fd = Syscalls::Real().Accept(listener, address, &length);
    if (fd >= 0) {
      *peer = SocketAddress::FromSockaddr(address, length);
      return OwnedFd(fd);
    }
    const bool again = fd == -EAGAIN || fd == -EINTR || IsOfDeadConnection(-fd);
    if (!again) return ErrnoStatus("accept", -fd);
  }
}

}  // namespace spindle::bench
