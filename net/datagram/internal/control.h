#ifndef SPINDLE_NET_DATAGRAM_INTERNAL_CONTROL_H_
#define SPINDLE_NET_DATAGRAM_INTERNAL_CONTROL_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

#include "net/datagram/datagram.h"
#include "net/types/socket_address.h"

namespace spindle {

// What the kernel tells beside a datagram, and what it can be told: cmsg(3). Plain data and
// functions; any thread.

// The control messages of one received datagram.
struct DatagramControl {
  bool has_v4 = false;  // IP_PKTINFO came. Both may: of IPv4 on an IPv6 socket.
  bool has_v6 = false;  // IPV6_PKTINFO came.
  in_addr v4_destination = {};
  in_addr v4_local = {};  // The unicast address that an answer leaves from.
  in6_addr v6_destination = {};
  uint32_t interface = 0;
  uint16_t segment_size = 0;  // Of the datagrams that this one is made of; 0: it is one.
};

// Where a datagram is to leave from, as the kernel wants it. 24 bytes.
struct SourceControl {
  sa_family_t family = AF_UNSPEC;  // AF_UNSPEC: the kernel's choice; else that of the socket.
  uint32_t interface = 0;
  in6_addr address = {};  // Of AF_INET the first four bytes.

  friend bool operator==(const SourceControl& a, const SourceControl& b) {
    return a.family == b.family && a.interface == b.interface &&
           IN6_ARE_ADDR_EQUAL(&a.address, &b.address);
  }
};

// Room for all that is received, or sent, beside one datagram.
inline constexpr size_t kReceiveControl = 128;
inline constexpr size_t kSendControl = 64;

DatagramControl ParseControl(const msghdr& message);

// ::ffff:a.b.c.d.
in6_addr MappedV4(in_addr address);

// False if `from` cannot be an address of a socket of `family`; IPv4 on AF_INET6 is mapped.
bool MakeSource(const LocalEnd& from, int family, SourceControl* source);

// Writes the control messages for `source` and, unless it is 0, for `segment_size` into the
// kSendControl bytes at `out` and points `message` at them, or at none.
void WriteControl(const SourceControl& source, uint16_t segment_size, char* out, msghdr* message);

// What an entry of the error queue says (IP_RECVERR). False if it is not a report of the network:
// what the socket itself refused has been the result of a send already.
bool ParseNetworkError(const msghdr& message, DatagramError* error);

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_INTERNAL_CONTROL_H_
