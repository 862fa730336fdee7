#include "net/datagram/internal/setup.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

#include "base/errno_status.h"
#include "base/strings.h"
#include "net/backend/socket_calls.h"
#include "net/datagram/internal/control.h"

namespace spindle {
namespace {

struct OptionName {
  int level;
  int name;
};

constexpr struct {
  OptionName v4;
  OptionName v6;
} kIpOptions[] = {
    {{IPPROTO_IP, IP_TTL}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS}},
    {{IPPROTO_IP, IP_TOS}, {IPPROTO_IPV6, IPV6_TCLASS}},
    {{IPPROTO_IP, IP_MULTICAST_TTL}, {IPPROTO_IPV6, IPV6_MULTICAST_HOPS}},
    {{IPPROTO_IP, IP_MULTICAST_LOOP}, {IPPROTO_IPV6, IPV6_MULTICAST_LOOP}},
};

bool IsIp(int family) { return family == AF_INET || family == AF_INET6; }

// Sets one option after the other until one fails.
class OptionSetter {
 public:
  OptionSetter(Syscalls& syscalls, int fd) : syscalls_(syscalls), fd_(fd) {}
  void Set(int level, int name, int value) {
    if (error_.ok()) error_ = SetIntOption(syscalls_, fd_, level, name, value);
  }
  void Set(IoError error) {
    if (error_.ok()) error_ = error;
  }
  // Whether the kernel knows the option; any other failure counts as one.
  bool Try(int level, int name, int value) {
    const IoError error = SetIntOption(syscalls_, fd_, level, name, value);
    if (error.ok()) return true;
    if (error.code() != ENOPROTOOPT && error.code() != EOPNOTSUPP) Set(error);
    return false;
  }
  IoError error() const { return error_; }

 private:
  Syscalls& syscalls_;
  const int fd_;
  IoError error_;
};

bool Knows(Syscalls& syscalls, int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return syscalls.GetSockOpt(fd, level, name, &value, &length) == 0;
}

IoError ApplyIpOptions(Syscalls& syscalls, const UdpOptions& options, bool wants_errors,
                       DatagramSocket* socket) {
  const int fd = socket->fd.get();
  const bool v6 = socket->family == AF_INET6;
  OptionSetter setter(syscalls, fd);
  const auto set = [&](IpOption option, int value) {
    setter.Set(SetIpOption(syscalls, fd, socket->family, option, value));
  };
  if (options.ttl.has_value()) set(IpOption::kTtl, *options.ttl);
  if (options.type_of_service.has_value()) set(IpOption::kTypeOfService, *options.type_of_service);
  if (options.multicast_ttl.has_value()) set(IpOption::kMulticastTtl, *options.multicast_ttl);
  if (!options.multicast_loop) set(IpOption::kMulticastLoop, 0);
  if (options.multicast_interface != 0) {
    setter.Set(
        SetMulticastInterfaceOption(syscalls, fd, socket->family, options.multicast_interface));
  }
  // Without these, a group that anybody on the machine joins reaches every socket at its port.
  setter.Set(IPPROTO_IP, IP_MULTICAST_ALL, 0);
  if (v6) setter.Try(IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
  if (options.broadcast) setter.Set(SOL_SOCKET, SO_BROADCAST, 1);
  if (wants_errors && options.network_errors) {
    socket->network_errors = true;
    setter.Set(IPPROTO_IP, IP_RECVERR, 1);
    if (v6) setter.Set(IPPROTO_IPV6, IPV6_RECVERR, 1);
  }
  socket->send_offload = options.send_offload && Knows(syscalls, fd, SOL_UDP, UDP_SEGMENT);
  socket->receive_offload = options.receive_offload && setter.Try(SOL_UDP, UDP_GRO, 1);
  return setter.error();
}

IoError ApplyOptions(Syscalls& syscalls, const UdpOptions& options, bool wants_errors,
                     DatagramSocket* socket) {
  OptionSetter setter(syscalls, socket->fd.get());
  if (options.send_buffer > 0) setter.Set(SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  if (options.receive_buffer > 0) setter.Set(SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  if (!setter.error().ok() || !IsIp(socket->family)) return setter.error();
  return ApplyIpOptions(syscalls, options, wants_errors, socket);
}

// Asks for packet information as `options` have it, now that the address is known.
IoError ApplyPacketInfo(Syscalls& syscalls, const DatagramSocket& socket, const UdpOptions& options,
                        const SocketAddress& local) {
  const bool wanted = options.packet_info == PacketInfo::kOn ||
                      (options.packet_info == PacketInfo::kAuto && IsWildcard(local));
  OptionSetter setter(syscalls, socket.fd.get());
  if (!wanted || !IsIp(socket.family)) return IoError();
  setter.Set(IPPROTO_IP, IP_PKTINFO, 1);
  if (socket.family == AF_INET6) setter.Set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  return setter.error();
}

// Refuses what makes no sense.
absl::Status CheckOptions(const UdpOptions& options) {
  if (options.max_datagram_size == 0) {
    return absl::InvalidArgumentError("max_datagram_size is 0: nothing could be told from nothing");
  }
  if (options.max_datagram_size > (size_t{1} << 24)) {
    return absl::InvalidArgumentError("max_datagram_size is above 16 MiB");
  }
  if (options.batch_size == 0 || options.batch_size > 1024) {
    return absl::InvalidArgumentError("batch_size is not from 1 to 1024");
  }
  if (options.datagrams_per_turn == 0) {
    return absl::InvalidArgumentError("datagrams_per_turn is 0: nothing would be received");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DatagramSocket> MakeDatagramSocket(Syscalls& syscalls, const SocketAddress& address,
                                                  const UdpOptions& options, SharePort share,
                                                  bool wants_errors) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const std::string text = address.ToString();
  if (address.is_unspecified()) {
    return absl::InvalidArgumentError("the address of a datagram socket is unspecified");
  }
  DatagramSocket socket;
  socket.family = address.family();
  const int fd = syscalls.Socket(socket.family, SOCK_DGRAM, 0);
  if (fd < 0) return ErrnoStatus(Concat("socket for ", text), -fd);
  socket.fd = OwnedSocket(syscalls, fd);
  OptionSetter setter(syscalls, fd);
  if (socket.family == AF_INET6) {
    setter.Set(IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1);
  }
  if (options.reuse_address && address.is_ip()) setter.Set(SOL_SOCKET, SO_REUSEADDR, 1);
  if (share == SharePort::kYes) setter.Set(SOL_SOCKET, SO_REUSEPORT, 1);
  setter.Set(setter.error().ok() ? ApplyOptions(syscalls, options, wants_errors, &socket)
                                 : IoError());
  if (setter.error().ok()) setter.Set(ApplyPacketInfo(syscalls, socket, options, address));
  if (!setter.error().ok()) return setter.error().ToStatus(text);
  return socket;
}

absl::StatusOr<DatagramSocket> TakeDatagramSocket(Syscalls& syscalls, OwnedFd fd,
                                                  const UdpOptions& options, bool wants_errors) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const std::string name = Concat("inherited descriptor ", fd.get());
  int type = 0;
  socklen_t length = sizeof type;
  const int result = syscalls.GetSockOpt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &length);
  if (result < 0) return ErrnoStatus(name, -result);
  if (type != SOCK_DGRAM) return absl::InvalidArgumentError(Concat(name, ": no datagram socket"));
  if (absl::Status status = AdoptDescriptor(fd.get(), name); !status.ok()) return status;
  DatagramSocket socket;
  const SocketAddress local = LocalAddress(syscalls, fd.get());
  if (local.is_unspecified()) {
    return absl::InvalidArgumentError(Concat(name, ": neither IP nor Unix"));
  }
  socket.fd = OwnedSocket(syscalls, fd.release());
  socket.family = local.family();
  IoError error = ApplyOptions(syscalls, options, wants_errors, &socket);
  if (error.ok()) error = ApplyPacketInfo(syscalls, socket, options, local);
  if (!error.ok()) return error.ToStatus(name);
  return socket;
}

absl::Status BindDatagramSocket(Syscalls& syscalls, const DatagramSocket& socket,
                                const SocketAddress& address, BoundUnixPath* path) {
  int result = 0;
  if (!address.is_unspecified()) {
    result = path->Bind(syscalls, socket.fd.get(), address);
  } else {
    // Any port; of Unix sockets, an abstract name that the kernel picks (unix(7), Autobind).
    sockaddr_storage storage = {};
    storage.ss_family = static_cast<sa_family_t>(socket.family);
    const socklen_t length = socket.family == AF_INET    ? sizeof(sockaddr_in)
                             : socket.family == AF_INET6 ? sizeof(sockaddr_in6)
                                                         : sizeof(sa_family_t);
    result = syscalls.Bind(socket.fd.get(), reinterpret_cast<const sockaddr*>(&storage), length);
  }
  if (result >= 0) return absl::OkStatus();
  return ErrnoStatus(
      Concat("bind ", address.is_unspecified() ? "a free address" : address.ToString()), -result);
}

IoError ConnectDatagramSocket(Syscalls& syscalls, int fd, int family, const SocketAddress& peer) {
  sockaddr_storage storage = {};
  socklen_t length = sizeof(sockaddr);  // AF_UNSPEC.
  if (!peer.is_unspecified()) {
    const SocketAddress address = ForFamily(peer, family);
    if (address.family() != family) return IoError(EAFNOSUPPORT, IoOp::kConnect);
    length = address.ToSockaddr(&storage);
  } else if (!IsIp(family)) {
    return IoError(EOPNOTSUPP, IoOp::kConnect);
  }
  const int result = syscalls.Connect(fd, reinterpret_cast<const sockaddr*>(&storage), length);
  return result < 0 ? IoError(-result, IoOp::kConnect) : IoError();
}

IoError SetIpOption(Syscalls& syscalls, int fd, int family, IpOption option, int value) {
  if (!IsIp(family)) return IoError(EOPNOTSUPP, IoOp::kSetOption);
  const auto& names = kIpOptions[static_cast<size_t>(option)];
  OptionSetter setter(syscalls, fd);
  if (family == AF_INET6) setter.Set(names.v6.level, names.v6.name, value);
  // For the IPv4 datagrams of an IPv6 socket, too.
  setter.Set(names.v4.level, names.v4.name, value);
  return setter.error();
}

IoError SetMulticastInterfaceOption(Syscalls& syscalls, int fd, int family, uint32_t interface) {
  if (!IsIp(family)) return IoError(EOPNOTSUPP, IoOp::kSetOption);
  if (family == AF_INET6) {
    return SetIntOption(syscalls, fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface));
  }
  ip_mreqn request = {};
  request.imr_ifindex = static_cast<int>(interface);
  return SetOption(syscalls, fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
}

IoError ChangeMembership(Syscalls& syscalls, int fd, int family, Membership change,
                         const SocketAddress& group, const GroupOptions& options) {
  if (!IsIp(family)) return IoError(EOPNOTSUPP, IoOp::kSetOption);
  // The level is that of the group, not of the socket: an IPv6 socket may join IPv4 groups.
  const int level = group.family() == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  if (!group.is_ip() || (family == AF_INET && level == IPPROTO_IPV6)) {
    return IoError(EAFNOSUPPORT, IoOp::kSetOption);
  }
  const bool join = change == Membership::kJoin;
  const uint32_t interface = options.interface != 0 ? options.interface : group.scope_id();
  if (options.source.is_unspecified()) {
    group_req request = {};
    request.gr_interface = interface;
    group.ToSockaddr(&request.gr_group);
    return SetOption(syscalls, fd, level, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request,
                     sizeof request);
  }
  group_source_req request = {};
  request.gsr_interface = interface;
  group.ToSockaddr(&request.gsr_group);
  options.source.ToSockaddr(&request.gsr_source);
  return SetOption(syscalls, fd, level, join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP,
                   &request, sizeof request);
}

SocketAddress ForFamily(const SocketAddress& address, int family) {
  if (family != AF_INET6 || address.kind() != SocketAddress::Kind::kV4) return address;
  sockaddr_storage storage;
  address.ToSockaddr(&storage);
  sockaddr_in6 mapped = {};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(address.port());
  mapped.sin6_addr = MappedV4(reinterpret_cast<const sockaddr_in&>(storage).sin_addr);
  return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&mapped), sizeof mapped);
}

bool IsWildcard(const SocketAddress& address) {
  const SocketAddress bare = address.WithPort(0);
  return bare == SocketAddress::AnyV4(0) || bare == SocketAddress::AnyV6(0);
}

}  // namespace spindle
