#include "net/stream/internal/socket_options.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace spindle {

IoError SetKeepAlive(Syscalls& syscalls, int fd, const KeepAlive& keep_alive) {
  struct Option {
    int level;
    int name;
    int value;
  };
  const Option wanted[] = {
      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, keep_alive.idle_seconds},
      {IPPROTO_TCP, TCP_KEEPINTVL, keep_alive.interval_seconds},
      {IPPROTO_TCP, TCP_KEEPCNT, keep_alive.probes},
  };
  for (const Option& option : wanted) {
    const IoError error = SetIntOption(syscalls, fd, option.level, option.name, option.value);
    if (!error.ok()) return error;
  }
  return IoError();
}

int UserTimeoutMillis(Duration timeout) {
  const int64_t ns = std::max<int64_t>(0, timeout.count());
  const int64_t ms = ns / 1'000'000 + (ns % 1'000'000 != 0 ? 1 : 0);
  return static_cast<int>(std::min<int64_t>(ms, INT_MAX));
}

IoError ApplySocketOptions(Syscalls& syscalls, int fd, const SocketAddress& address,
                           const ConnectionOptions& options) {
  IoError error;
  const auto set = [&](int level, int name, int value) {
    if (error.ok()) error = SetIntOption(syscalls, fd, level, name, value);
  };
  if (options.send_buffer > 0) set(SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  if (options.receive_buffer > 0) set(SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  if (!address.is_ip()) return error;
  if (options.no_delay) set(IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.user_timeout > Duration::zero()) {
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, UserTimeoutMillis(options.user_timeout));
  }
  if (error.ok() && options.keep_alive.has_value()) {
    error = SetKeepAlive(syscalls, fd, *options.keep_alive);
  }
  return error;
}

}  // namespace spindle
