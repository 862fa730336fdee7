#ifndef SPINDLE_NET_BACKEND_SOCKET_CALLS_H_
#define SPINDLE_NET_BACKEND_SOCKET_CALLS_H_

#include "base/syscalls.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

// Options and addresses of sockets, by descriptor. Any thread.

IoError SetIntOption(Syscalls& syscalls, int fd, int level, int name, int value);

// Unspecified if the kernel refuses.
SocketAddress LocalAddress(Syscalls& syscalls, int fd);
SocketAddress PeerAddress(Syscalls& syscalls, int fd);

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_SOCKET_CALLS_H_
