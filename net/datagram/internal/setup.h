#ifndef SPINDLE_NET_DATAGRAM_INTERNAL_SETUP_H_
#define SPINDLE_NET_DATAGRAM_INTERNAL_SETUP_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/owned_fd.h"
#include "base/syscalls.h"
#include "net/backend/owned_socket.h"
#include "net/backend/unix_path.h"
#include "net/datagram/udp_options.h"
#include "net/datagram/udp_socket.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

// Making and setting up datagram sockets. Any thread.

// A socket that is ready but for its loop, and what the kernel can do with it.
struct DatagramSocket {
  OwnedSocket fd;
  int family = AF_UNSPEC;
  bool send_offload = false;
  bool receive_offload = false;
  bool network_errors = false;  // The error queue is in use.
};

enum class SharePort : bool { kNo, kYes };  // SO_REUSEPORT.

// A socket of `address`'s family with all options set, not bound. `wants_errors`: there is an
// on_error. Errors: options that make no sense; all others name `address`.
absl::StatusOr<DatagramSocket> MakeDatagramSocket(Syscalls& syscalls, const SocketAddress& address,
                                                  const UdpOptions& options, SharePort share,
                                                  bool wants_errors);

// The same of a socket that was made elsewhere.
absl::StatusOr<DatagramSocket> TakeDatagramSocket(Syscalls& syscalls, OwnedFd fd,
                                                  const UdpOptions& options, bool wants_errors);

// Binds it to `address`, or to any free one of its family if that is unspecified.
absl::Status BindDatagramSocket(Syscalls& syscalls, const DatagramSocket& socket,
                                const SocketAddress& address, BoundUnixPath* path);

// Unspecified disconnects.
IoError ConnectDatagramSocket(Syscalls& syscalls, int fd, int family, const SocketAddress& peer);

// IP options for sockets of `family`, of both families for AF_INET6. EOPNOTSUPP for others.
enum class IpOption : uint8_t { kTtl, kTypeOfService, kMulticastTtl, kMulticastLoop };
IoError SetIpOption(Syscalls& syscalls, int fd, int family, IpOption option, int value);
IoError SetMulticastInterfaceOption(Syscalls& syscalls, int fd, int family, uint32_t interface);

enum class Membership : bool { kLeave, kJoin };
IoError ChangeMembership(Syscalls& syscalls, int fd, int family, Membership change,
                         const SocketAddress& group, const GroupOptions& options);

// IPv4 as an address of an IPv6 socket; all others as they are.
SocketAddress ForFamily(const SocketAddress& address, int family);

// Whether an address is INADDR_ANY or its like.
bool IsWildcard(const SocketAddress& address);

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_INTERNAL_SETUP_H_
