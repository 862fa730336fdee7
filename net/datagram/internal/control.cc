#include "net/datagram/internal/control.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstring>

namespace spindle {
namespace {

template <typename T>
T Payload(const cmsghdr& header) {
  T value;
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return value;
}

template <typename T>
bool Holds(const cmsghdr& header) {
  return header.cmsg_len >= CMSG_LEN(sizeof(T));
}

// Appends one control message at `out` and returns the room it takes.
template <typename T>
size_t Append(char* out, int level, int type, const T& value) {
  std::memset(out, 0, CMSG_SPACE(sizeof value));
  auto* const header = reinterpret_cast<cmsghdr*>(out);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
  return CMSG_SPACE(sizeof value);
}

// The messages of `message`, one after the other; CMSG_NXTHDR wants it changeable, but does not
// change it.
template <typename Function>
void ForEachControl(const msghdr& message, Function function) {
  auto& list = const_cast<msghdr&>(message);
  for (cmsghdr* header = CMSG_FIRSTHDR(&list); header != nullptr;
       header = CMSG_NXTHDR(&list, header)) {
    function(*header);
  }
}

static_assert(CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(in6_pktinfo)) +
                  CMSG_SPACE(sizeof(int)) <=
              kReceiveControl);
static_assert(CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)) <= kSendControl);

}  // namespace

in6_addr MappedV4(in_addr address) {
  in6_addr mapped = {};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  std::memcpy(&mapped.s6_addr[12], &address, sizeof address);
  return mapped;
}

DatagramControl ParseControl(const msghdr& message) {
  DatagramControl control;
  if (message.msg_controllen == 0) return control;
  ForEachControl(message, [&](const cmsghdr& header) {
    if (header.cmsg_level == SOL_UDP && header.cmsg_type == UDP_GRO && Holds<int>(header)) {
      control.segment_size = static_cast<uint16_t>(Payload<int>(header));
    } else if (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO &&
               Holds<in_pktinfo>(header)) {
      const auto info = Payload<in_pktinfo>(header);
      control.has_v4 = true;
      control.v4_destination = info.ipi_addr;
      control.v4_local = info.ipi_spec_dst;
      control.interface = static_cast<uint32_t>(info.ipi_ifindex);
    } else if (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_PKTINFO &&
               Holds<in6_pktinfo>(header)) {
      const auto info = Payload<in6_pktinfo>(header);
      control.has_v6 = true;
      control.v6_destination = info.ipi6_addr;
      control.interface = info.ipi6_ifindex;
    }
  });
  return control;
}

bool MakeSource(const LocalEnd& from, int family, SourceControl* source) {
  *source = SourceControl();
  if (from.address.is_unspecified() && from.interface == 0) return true;
  if (family != AF_INET && family != AF_INET6) return false;
  source->family = static_cast<sa_family_t>(family);
  source->interface = from.interface;
  if (from.address.is_unspecified()) return true;
  sockaddr_storage storage;
  from.address.ToSockaddr(&storage);
  if (storage.ss_family == AF_INET) {
    const in_addr address = reinterpret_cast<const sockaddr_in&>(storage).sin_addr;
    if (family == AF_INET) {
      std::memcpy(&source->address, &address, sizeof address);
    } else {
      source->address = MappedV4(address);
    }
    return true;
  }
  if (storage.ss_family != AF_INET6 || family != AF_INET6) return false;
  source->address = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
  // A link-local address means nothing without its interface.
  if (source->interface == 0) source->interface = from.address.scope_id();
  return true;
}

void WriteControl(const SourceControl& source, uint16_t segment_size, char* out, msghdr* message) {
  size_t size = 0;
  if (source.family == AF_INET) {
    in_pktinfo info = {};
    info.ipi_ifindex = static_cast<int>(source.interface);
    std::memcpy(&info.ipi_spec_dst, &source.address, sizeof info.ipi_spec_dst);
    size += Append(out, IPPROTO_IP, IP_PKTINFO, info);
  } else if (source.family == AF_INET6) {
    in6_pktinfo info = {};
    info.ipi6_addr = source.address;
    info.ipi6_ifindex = source.interface;
    size += Append(out, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  if (segment_size > 0) size += Append(out + size, SOL_UDP, UDP_SEGMENT, segment_size);
  message->msg_control = size > 0 ? out : nullptr;
  message->msg_controllen = size;
}

bool ParseNetworkError(const msghdr& message, DatagramError* error) {
  bool found = false;
  ForEachControl(message, [&](const cmsghdr& header) {
    const bool v4 = header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_RECVERR;
    const bool v6 = header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_RECVERR;
    if ((!v4 && !v6) || !Holds<sock_extended_err>(header)) return;
    const auto report = Payload<sock_extended_err>(header);
    if (report.ee_origin != SO_EE_ORIGIN_ICMP && report.ee_origin != SO_EE_ORIGIN_ICMP6) return;
    found = true;
    error->failure = DatagramFailure::kNetwork;
    error->error = IoError(static_cast<int>(report.ee_errno), IoOp::kWrite);
    error->path_mtu = report.ee_errno == EMSGSIZE ? report.ee_info : 0;
    error->peer = SocketAddress::FromSockaddr(static_cast<const sockaddr*>(message.msg_name),
                                              message.msg_namelen);
    // Behind the report, in the same control message: SO_EE_OFFENDER.
    sockaddr_storage offender = {};
    const size_t size = header.cmsg_len - CMSG_LEN(sizeof report);
    std::memcpy(&offender, CMSG_DATA(&header) + sizeof report, std::min(size, sizeof offender));
    error->reporter =
        SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&offender),
                                    static_cast<socklen_t>(std::min(size, sizeof offender)));
  });
  return found;
}

}  // namespace spindle
