#ifndef SPINDLE_NET_DATAGRAM_UDP_SOCKET_H_
#define SPINDLE_NET_DATAGRAM_UDP_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/owned_fd.h"
#include "net/datagram/datagram.h"
#include "net/datagram/datagram_callbacks.h"
#include "net/datagram/udp_handle.h"
#include "net/datagram/udp_options.h"
#include "net/loop/event_loop.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

class UdpCore;
struct UdpSocketMaker;

// Where a group is listened to, and whom in it.
struct GroupOptions {
  uint32_t interface = 0;     // Its index, if_nametoindex(3); 0: the kernel's choice.
  SocketAddress source = {};  // Only what this host sends; unspecified: everybody.
};

// A socket for datagrams on one loop: UDP over IPv4 or IPv6, or a Unix datagram socket.
//
// A datagram is sent or received whole or not at all; it may be lost on the way, come twice or out
// of order. Zero bytes are a datagram like any other, in both directions.
//
//   auto socket = *spindle::UdpSocket::Bind(
//       loop, spindle::SocketAddress::AnyV4(7777),
//       {.on_datagram = [](spindle::UdpSocket& socket, const spindle::Datagram& datagram) {
//         socket.Reply(datagram, datagram.data());
//       }});
//
// Loop thread only (see EventLoop), but for the destructor: any thread, also inside any callback of
// the socket's own. When it has returned no callback runs any more, except one that is running on
// this very thread. If the loop is destroyed first the socket is closed, and sends fail with EBADF.
//
// Sending: a send copies the bytes into the socket's queue, which leaves in batches: at the end of
// the datagrams received together, at the end of the turn, when a batch is full, or by Flush. What
// the kernel refuses then is reported to on_error. Of Unix sockets that are not connected, a
// datagram whose receiver's queue is full is refused (EAGAIN), since nothing tells when it is not;
// connected ones wait.
//
// No datagram allocates memory once queue and buffers have their size. recvmmsg(2), sendmmsg(2),
// udp(7), ip(7), ipv6(7), unix(7).
class UdpSocket {
 public:
  // A socket bound to `local`; port 0 picks a free one. `callbacks` live as long as the socket.
  // `where` names slow callbacks (EventLoopOptions::slow_callback). Errors: bad address or options,
  // address in use, no permission, no descriptors; each names the address. A Unix path that a dead
  // process left behind is taken over, and ours is removed at the end.
  static absl::StatusOr<std::unique_ptr<UdpSocket>> Bind(
      EventLoop& loop, const SocketAddress& local, DatagramCallbacks callbacks,
      UdpOptions options = {}, std::source_location where = std::source_location::current());

  // A socket at a free port, connected to `peer`: only datagrams of `peer` come, and Send reaches
  // it. Nothing is sent by that. A Unix socket gets an abstract name of its own, so that it can be
  // answered. Errors: as Bind; no way to `peer` (ENETUNREACH); Unix: nobody there (ECONNREFUSED,
  // ENOENT).
  static absl::StatusOr<std::unique_ptr<UdpSocket>> Connect(
      EventLoop& loop, const SocketAddress& peer, DatagramCallbacks callbacks,
      UdpOptions options = {}, std::source_location where = std::source_location::current());

  // A socket that was made elsewhere, by systemd for instance (inherited_sockets.h). Of `options`,
  // those that bind(2) would have needed (dual_stack, reuse_address) are left as they are. Errors:
  // not a datagram socket; those of setsockopt(2).
  static absl::StatusOr<std::unique_ptr<UdpSocket>> Take(
      EventLoop& loop, OwnedFd socket, DatagramCallbacks callbacks, UdpOptions options = {},
      std::source_location where = std::source_location::current());

  // Sends what is queued if the kernel takes it at once, and discards the rest.
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  // ---- Sending. Each copies `data`, at most 65,507 bytes to IPv4 and 65,527 to IPv6. Errors, all
  // of them with nothing queued:
  //   ENOBUFS       the queue is at send_limit; on_drained will tell
  //   EMSGSIZE      no such datagram can exist
  //   EDESTADDRREQ  no peer: not connected, or an address that nobody can have
  //   EAFNOSUPPORT  an address of another family than the socket's. An IPv6 socket that is
  //                 dual_stack takes IPv4 addresses.
  //   EINVAL        a segment size of 0
  //   EBADF         the loop is gone

  // To the peer that the socket is connected to.
  IoError Send(std::string_view data);
  // To `to`, connected or not. `from` must be an address of this machine.
  IoError SendTo(std::string_view data, const SocketAddress& to, const LocalEnd& from = {});
  // To the peer of `datagram`, from the address that it was sent to.
  IoError Reply(const Datagram& datagram, std::string_view data);
  // As many datagrams as `data` has pieces of `segment_size` bytes, the last as long as it is; all
  // of them or none. Nothing for empty data. `to` may be unspecified: the connected peer.
  IoError SendSegments(std::string_view data, size_t segment_size, const SocketAddress& to = {},
                       const LocalEnd& from = {});

  // Gives to the kernel now what is queued, as far as it takes it. Calls nothing back.
  void Flush();
  size_t queued() const;
  size_t queued_bytes() const;

  // ---- Receiving. While it pauses, datagrams wait in the kernel, as far as there is room.
  // on_datagram is not called after PauseReceiving, not even for what has been read already; that
  // comes first after ResumeReceiving. Errors are reported meanwhile.
  void PauseReceiving();
  void ResumeReceiving();
  bool receiving() const;

  // ---- Peers. Connects, also to another one than before. What is queued for the old one is sent
  // first; what the kernel does not take is reported (ECANCELED). Unix sockets cannot be
  // disconnected. Errors: as Connect above; the socket then has the peer it had.
  absl::Status ConnectTo(const SocketAddress& peer);
  absl::Status Disconnect();

  // ---- Groups. Only what is sent to a group that this socket has joined reaches it, whatever
  // others on the machine join; bind to the group's port. Errors: not an IP socket, not a group's
  // address, ENODEV, EADDRINUSE (joined already), EADDRNOTAVAIL (not joined).
  absl::Status JoinGroup(const SocketAddress& group, const GroupOptions& options = {});
  absl::Status LeaveGroup(const SocketAddress& group, const GroupOptions& options = {});

  // ---- Options, see UdpOptions. Errors: those of setsockopt(2); not an IP socket.
  absl::Status SetTtl(uint8_t ttl);
  absl::Status SetTypeOfService(uint8_t type_of_service);
  absl::Status SetBroadcast(bool allowed);
  absl::Status SetMulticastTtl(uint8_t ttl);
  absl::Status SetMulticastLoop(bool loop);
  absl::Status SetMulticastInterface(uint32_t interface);
  absl::Status SetSendBuffer(int bytes);
  absl::Status SetReceiveBuffer(int bytes);

  // ---- What there is.
  // The address bound to, its port never 0.
  const SocketAddress& local_address() const;
  // Unspecified while not connected.
  const SocketAddress& peer_address() const;
  // The kernel can do it and it has not failed so far. Whether datagrams leave as one, and whether
  // they may come as one.
  bool send_offload() const;
  bool receive_offload() const;
  UdpStats stats() const;
  EventLoop& loop() const;
  // For other threads, and for later.
  UdpHandle handle() const;

 private:
  friend struct UdpSocketMaker;
  explicit UdpSocket(std::shared_ptr<UdpCore> core);

  const std::shared_ptr<UdpCore> core_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_UDP_SOCKET_H_
