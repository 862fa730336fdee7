#include "net/datagram/datagram.h"

#include <netinet/in.h>

#include "base/strings.h"
#include "net/datagram/internal/control.h"

namespace spindle {
namespace {

SocketAddress FromV4(in_addr ip, uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr = ip;
  return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

SocketAddress FromV6(const in6_addr& ip, uint16_t port, uint32_t interface) {
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = ip;
  if (IN6_IS_ADDR_LINKLOCAL(&ip) || IN6_IS_ADDR_MC_LINKLOCAL(&ip)) {
    address.sin6_scope_id = interface;
  }
  return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace

SocketAddress Datagram::peer() const {
  if (name_length_ == 0 && bound_.is_unix()) {
    const sockaddr unnamed = {.sa_family = AF_UNIX, .sa_data = {}};
    return SocketAddress::FromSockaddr(&unnamed, sizeof unnamed.sa_family);
  }
  return SocketAddress::FromSockaddr(name_, name_length_);
}

SocketAddress Datagram::destination() const {
  const uint16_t port = bound_.port();
  if (control_.has_v6) return FromV6(control_.v6_destination, port, control_.interface);
  if (!control_.has_v4) return bound_;
  return bound_.family() == AF_INET6 ? FromV6(MappedV4(control_.v4_destination), port, 0)
                                     : FromV4(control_.v4_destination, port);
}

uint32_t Datagram::interface() const { return control_.interface; }

LocalEnd Datagram::local() const {
  const uint16_t port = bound_.port();
  // First: of an IPv4 datagram on an IPv6 socket, it has the address of the machine even where the
  // destination is a group.
  if (control_.has_v4) {
    return {.address = bound_.family() == AF_INET6 ? FromV6(MappedV4(control_.v4_local), port, 0)
                                                   : FromV4(control_.v4_local, port)};
  }
  if (!control_.has_v6) return {};
  if (IN6_IS_ADDR_MULTICAST(&control_.v6_destination)) return {.interface = control_.interface};
  return {.address = FromV6(control_.v6_destination, port, control_.interface)};
}

std::string DatagramError::ToString() const {
  std::string text = failure == DatagramFailure::kReceive ? "receive" : "send to ";
  if (failure != DatagramFailure::kReceive) {
    Append(text, peer.is_unspecified() ? std::string("an unknown peer") : peer.ToString());
  }
  // Its operation is in the text already.
  const std::string what = IoError(error.code()).ToString();
  Append(text, ": ", what);
  if (!reporter.is_unspecified()) Append(text, ", says ", reporter.ip());
  if (path_mtu != 0) Append(text, ", packets of up to ", path_mtu, " bytes pass");
  return text;
}

}  // namespace spindle
