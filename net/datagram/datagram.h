#ifndef SPINDLE_NET_DATAGRAM_DATAGRAM_H_
#define SPINDLE_NET_DATAGRAM_DATAGRAM_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

struct DatagramControl;

// An end on this machine: the address and the interface that a datagram arrived at, or is to leave
// from. Both may be left to the kernel. Plain data; its port does not count.
struct LocalEnd {
  SocketAddress address = {};  // Unspecified: the kernel's choice.
  uint32_t interface = 0;      // Its index, if_nametoindex(3); 0: the kernel's choice.
};

// A datagram that was received, as on_datagram sees it: a view of the buffer it lies in.
//
// Loop thread only. Valid until the callback returns, also if it destroys the socket; whoever needs
// the bytes, the peer or the local end for longer copies them. AddressSanitizer builds report a
// late look at the bytes.
class Datagram {
 public:
  // For the library: `name` is what recvmmsg(2) filled in, `control` what it told about the
  // datagram, `bound` the socket's own address. They outlive the object.
  Datagram(std::string_view data, size_t size, const sockaddr* name, socklen_t name_length,
           const DatagramControl& control, const SocketAddress& bound)
      : data_(data),
        size_(size),
        name_(name),
        name_length_(name_length),
        control_(control),
        bound_(bound) {}
  Datagram(const Datagram&) = delete;
  Datagram& operator=(const Datagram&) = delete;

  // May be empty: a datagram of no bytes is a datagram.
  std::string_view data() const { return data_; }
  // How many bytes were sent. Those behind data() are lost if that is more
  // (UdpOptions::max_datagram_size).
  size_t size() const { return size_; }
  bool truncated() const { return size_ > data_.size(); }

  // Who sent it. A Unix peer that is bound to no address has none (kUnixUnnamed). IPv4 peers of an
  // IPv6 socket have mapped addresses ([::ffff:127.0.0.1]:53), which may be sent to as they are.
  SocketAddress peer() const;
  // The address it was sent to, which may be a group's or a broadcast address, with the socket's
  // port. Without packet information (UdpOptions::packet_info): the socket's own address.
  SocketAddress destination() const;
  // The interface it came in by; 0 without packet information.
  uint32_t interface() const;
  // Where an answer should leave from so that the peer knows it for one: to be kept for a later
  // SendTo. UdpSocket::Reply does it at once.
  LocalEnd local() const;

 private:
  friend class UdpCore;

  const std::string_view data_;
  const size_t size_;
  const sockaddr* const name_;
  const socklen_t name_length_;
  const DatagramControl& control_;
  const SocketAddress& bound_;
};

// What a DatagramError is about.
enum class DatagramFailure : uint8_t {
  kSend,     // A datagram that the socket had taken was refused by the kernel. It is gone.
  kReceive,  // Receiving failed. The socket goes on, unless the descriptor itself is bad.
  kNetwork,  // A datagram that was sent did not arrive: the network or the peer's machine says so.
};

// Something that went wrong after a send had been accepted, or while receiving. The socket lives on
// in any case. Plain data.
struct DatagramError {
  DatagramFailure failure = DatagramFailure::kSend;
  IoError error = {};
  // Whom the datagram was for. Unspecified where the kernel does not say.
  SocketAddress peer = {};
  // kNetwork: the machine that says so, a router or the peer's. Unspecified where that is unknown.
  SocketAddress reporter = {};
  // With EMSGSIZE: the largest packet that the path takes, headers included; 0 if unknown.
  uint32_t path_mtu = 0;

  // "send to 10.0.0.1:53: Network is unreachable (ENETUNREACH)"
  std::string ToString() const;
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_DATAGRAM_H_
