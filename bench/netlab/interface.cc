#include "bench/netlab/interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/errno_status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

ifreq RequestFor(std::string_view name) {
  ifreq request = {};
  std::copy_n(name.data(), std::min<size_t>(name.size(), IFNAMSIZ - 1), request.ifr_name);
  return request;
}

absl::StatusOr<OwnedFd> ControlSocket(int family) {
  OwnedFd fd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket", errno);
  return fd;
}

absl::Status Control(const OwnedFd& fd, unsigned long request, void* argument,
                     std::string_view what, std::string_view name) {
  if (ioctl(fd.get(), request, argument) == 0) return absl::OkStatus();
  return ErrnoStatus(Concat(what, " of ", name), errno);
}

// One request to the kernel by rtnetlink(7), with its answer. `request` starts with an nlmsghdr.
absl::Status Ask(const void* request, size_t size, const std::string& what) {
  struct {
    nlmsghdr header;
    nlmsgerr error;
    char rest[256];  // Of the request, which the answer repeats.
  } answer = {};
  const OwnedFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid() || send(fd.get(), request, size, 0) < 0 ||
      recv(fd.get(), &answer, sizeof answer, 0) < 0) {
    return ErrnoStatus(what, errno);
  }
  return answer.error.error == 0 ? absl::OkStatus() : ErrnoStatus(what, -answer.error.error);
}

template <class Value>
struct Attribute {
  rtattr header;
  Value value;
};

template <class Value>
Attribute<Value> MakeAttribute(int type, const Value& value) {
  return {{sizeof(Attribute<Value>), static_cast<unsigned short>(type)}, value};
}

unsigned IndexOf(std::string_view name) { return if_nametoindex(std::string(name).c_str()); }

// The MTU and the length of the queue. By ioctl(2) only root of the whole machine may set the
// latter, here the namespace's.
absl::Status SetSizes(std::string_view name, const InterfaceOptions& options) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
    Attribute<uint32_t> mtu;
    Attribute<uint32_t> queue;
  } request = {};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = static_cast<int>(IndexOf(name));
  request.mtu = MakeAttribute(IFLA_MTU, static_cast<uint32_t>(options.mtu));
  request.queue = MakeAttribute(IFLA_TXQLEN, static_cast<uint32_t>(options.queue_packets));
  return Ask(&request, sizeof request, Concat("set MTU and queue length of ", name));
}

absl::Status SetIpv4(const OwnedFd& control, std::string_view name,
                     const InterfaceOptions& options) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  if (inet_pton(AF_INET, options.ipv4.c_str(), &address.sin_addr) != 1) {
    return ErrnoStatus(Concat("set address ", options.ipv4), EINVAL);
  }
  ifreq request = RequestFor(name);
  std::memcpy(&request.ifr_addr, &address, sizeof address);
  absl::Status status = Control(control, SIOCSIFADDR, &request, "set address", name);
  if (!status.ok()) return status;
  address.sin_addr.s_addr = htonl(~uint32_t{0} << (32 - options.ipv4_prefix));
  std::memcpy(&request.ifr_netmask, &address, sizeof address);
  return Control(control, SIOCSIFNETMASK, &request, "set netmask", name);
}

// Without these settings the kernel sends packets of its own on a new device, and makes addresses
// that nobody asked for. It does no harm where they cannot be set.
void SilenceIpv6(std::string_view name) {
  const std::string folder = Concat("/proc/sys/net/ipv6/conf/", name, "/");
  std::ofstream(folder + "addr_gen_mode") << 1;
  std::ofstream(folder + "router_solicitations") << 0;
  std::ofstream(folder + "accept_dad") << 0;
}

// Without IFA_F_NODAD the address could not be used before the kernel has looked for others that
// have it.
absl::StatusOr<Ipv6> SetIpv6(std::string_view name, const InterfaceOptions& options) {
  struct {
    nlmsghdr header;
    ifaddrmsg address;
    Attribute<in6_addr> local;
  } request = {};
  in6_addr ip;
  if (inet_pton(AF_INET6, options.ipv6.c_str(), &ip) != 1) {
    return ErrnoStatus(Concat("set address ", options.ipv6), EINVAL);
  }
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  request.address.ifa_family = AF_INET6;
  request.address.ifa_prefixlen = static_cast<uint8_t>(options.ipv6_prefix);
  request.address.ifa_flags = IFA_F_NODAD;
  request.address.ifa_index = IndexOf(name);
  request.local = MakeAttribute(IFA_LOCAL, ip);
  // Refused: the kernel has no IPv6, or it is switched off.
  return Ask(&request, sizeof request, "set address").ok() ? Ipv6::kOn : Ipv6::kOff;
}

}  // namespace

absl::StatusOr<OwnedFd> OpenTun(std::string_view name) {
  OwnedFd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus("open /dev/net/tun", errno);
  ifreq request = RequestFor(name);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  const absl::Status status = Control(fd, TUNSETIFF, &request, "make the TUN device", name);
  if (!status.ok()) return status;
  return fd;
}

absl::Status BringUp(std::string_view name) {
  const absl::StatusOr<OwnedFd> control = ControlSocket(AF_INET);
  if (!control.ok()) return control.status();
  ifreq request = RequestFor(name);
  const absl::Status status = Control(*control, SIOCGIFFLAGS, &request, "read the flags", name);
  if (!status.ok()) return status;
  request.ifr_flags |= IFF_UP;
  return Control(*control, SIOCSIFFLAGS, &request, "bring up", name);
}

absl::StatusOr<Ipv6> ConfigureInterface(std::string_view name, const InterfaceOptions& options) {
  const absl::StatusOr<OwnedFd> control = ControlSocket(AF_INET);
  if (!control.ok()) return control.status();
  SilenceIpv6(name);
  absl::Status status = SetSizes(name, options);
  if (!status.ok()) return status;
  status = SetIpv4(*control, name, options);
  if (!status.ok()) return status;
  status = BringUp(name);
  if (!status.ok()) return status;
  if (options.ipv6.empty()) return Ipv6::kOff;
  return SetIpv6(name, options);
}

absl::StatusOr<uint64_t> DroppedBefore(std::string_view name) {
  constexpr char kPath[] = "/proc/thread-self/net/dev";
  std::ifstream file(kPath);
  if (!file) return ErrnoStatus(Concat("open ", kPath), errno);
  // NAME: then eight numbers of what came in, and of what went out bytes, packets, errs, drop ...
  constexpr int kDropColumn = 8 + 3;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first != Concat(name, ":")) continue;
    uint64_t number = 0;
    for (int column = 0; column <= kDropColumn; ++column) words >> number;
    if (words) return number;
  }
  return absl::NotFoundError(Concat("no device ", name, " in ", kPath));
}

}  // namespace spindle::bench
