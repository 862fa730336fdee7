#ifndef SPINDLE_NET_STREAM_INTERNAL_SOCKET_OPTIONS_H_
#define SPINDLE_NET_STREAM_INTERNAL_SOCKET_OPTIONS_H_

#include "base/clock.h"
#include "base/syscalls.h"
#include "net/backend/socket_calls.h"
#include "net/stream/stream_options.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

// Socket options of streams, by descriptor. Any thread.

IoError SetKeepAlive(Syscalls& syscalls, int fd, const KeepAlive& keep_alive);
// TCP_USER_TIMEOUT's unit, rounded up; 0 is the kernel's default.
int UserTimeoutMillis(Duration timeout);

// All of `options` that are socket options, those of TCP only if `address` is an IP address. On a
// listener, accepted sockets inherit them.
IoError ApplySocketOptions(Syscalls& syscalls, int fd, const SocketAddress& address,
                           const ConnectionOptions& options);

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_SOCKET_OPTIONS_H_
