#ifndef SPINDLE_NET_BACKEND_SOCKET_CALLS_H_
#define SPINDLE_NET_BACKEND_SOCKET_CALLS_H_

#include <sys/socket.h>

#include <string_view>

#include "absl/status/status.h"
#include "base/syscalls.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

// Options and addresses of sockets, by descriptor. Any thread.

IoError SetOption(Syscalls& syscalls, int fd, int level, int name, const void* value,
                  socklen_t size);
IoError SetIntOption(Syscalls& syscalls, int fd, int level, int name, int value);

// Unspecified if the kernel refuses.
SocketAddress LocalAddress(Syscalls& syscalls, int fd);
SocketAddress PeerAddress(Syscalls& syscalls, int fd);

// Makes a descriptor that came from elsewhere what those made here are: non-blocking, and closed in
// programs that this one starts. Errors name `name`.
absl::Status AdoptDescriptor(int fd, std::string_view name);

// Whether an error of accept(2) is that of the connection which was to be taken: it has died, and
// the next one may be well. accept(2), "Error handling".
bool IsOfDeadConnection(int error);

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_SOCKET_CALLS_H_
