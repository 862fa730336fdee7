#ifndef SPINDLE_NET_DATAGRAM_UDP_SERVER_H_
#define SPINDLE_NET_DATAGRAM_UDP_SERVER_H_

#include <memory>
#include <source_location>
#include <vector>

#include "absl/status/statusor.h"
#include "net/datagram/datagram_callbacks.h"
#include "net/datagram/udp_handle.h"
#include "net/datagram/udp_options.h"
#include "net/datagram/udp_socket.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/types/socket_address.h"

namespace spindle {

struct UdpServerOptions {
  UdpOptions socket = {};
  // Other processes of this user may bind to the address too (SO_REUSEPORT), such as a successor:
  // the kernel then spreads the peers over both. Otherwise they find it in use, as ours does.
  bool share_with_other_processes = false;
};

struct UdpServerStats {
  UdpStats total = {};
  std::vector<UdpStats> per_loop = {};
};

// One socket per loop of a pool, all at the same address (SO_REUSEPORT): the kernel gives all
// datagrams of one peer to the same loop, for as long as the server lives. Nothing is shared
// between the loops but the callbacks, so they need no lock.
//
// Made on the main loop's thread, or before that loop runs. Destroyed anywhere, also inside any
// callback; when the destructor has returned no callback runs or will run any more, except one that
// is running on this very thread. The rest: any thread. The pool's loops should outlive the server.
//
// Not for groups: of a datagram sent to a group each socket that has joined gets a copy. Not
// guaranteed: that the loops get the same share; the kernel goes by a hash of address and port.
class UdpServer {
 public:
  // Binds to `address`, an IP address; port 0 picks a free one, see address(). The rest is as in
  // UdpSocket::Bind. Errors: those; no socket is left after one.
  static absl::StatusOr<std::unique_ptr<UdpServer>> Bind(
      EventLoopThreadPool& pool, const SocketAddress& address, DatagramCallbacks callbacks,
      UdpServerOptions options = {}, std::source_location where = std::source_location::current());
  ~UdpServer();
  UdpServer(const UdpServer&) = delete;
  UdpServer& operator=(const UdpServer&) = delete;

  // The address bound to, its port never 0.
  const SocketAddress& address() const { return address_; }
  // One per loop, in the order of the pool's: for sending from other threads.
  const std::vector<UdpHandle>& handles() const { return handles_; }
  // Waits for each loop's thread, as EventLoop::Stats does. A loop that is gone counts nothing.
  UdpServerStats stats() const;

 private:
  UdpServer() = default;

  SocketAddress address_;
  std::vector<std::unique_ptr<UdpSocket>> sockets_;
  std::vector<UdpHandle> handles_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_UDP_SERVER_H_
