#ifndef SPINDLE_NET_DATAGRAM_DATAGRAM_CALLBACKS_H_
#define SPINDLE_NET_DATAGRAM_DATAGRAM_CALLBACKS_H_

#include "absl/functional/any_invocable.h"
#include "net/datagram/datagram.h"

namespace spindle {

class UdpSocket;

// What a program wants to hear of a socket, or of all sockets of a server. Each is optional.
//
// Every callback runs on the thread of the socket's loop; those of a server run on several threads
// at once, which is what `const` in the types stands for. Any operation is allowed inside one,
// destroying the socket or server included. Callbacks never nest, and none runs inside a call of
// the program's to the socket. One that throws ends the process.
struct DatagramCallbacks {
  // A datagram came. Those of one peer come in the order in which the kernel has them. Without it
  // datagrams are read and thrown away.
  absl::AnyInvocable<void(UdpSocket&, const Datagram&) const> on_datagram = nullptr;

  // See DatagramError. Without it errors are only counted.
  absl::AnyInvocable<void(UdpSocket&, const DatagramError&) const> on_error = nullptr;

  // The send queue is empty again, after a send was refused (ENOBUFS) or the kernel would take no
  // more. Once for each time.
  absl::AnyInvocable<void(UdpSocket&) const> on_drained = nullptr;
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_DATAGRAM_CALLBACKS_H_
