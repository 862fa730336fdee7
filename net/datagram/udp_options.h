#ifndef SPINDLE_NET_DATAGRAM_UDP_OPTIONS_H_
#define SPINDLE_NET_DATAGRAM_UDP_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

namespace spindle {

// Whether a socket learns at which address of the machine each datagram arrived.
enum class PacketInfo : uint8_t {
  kAuto,  // If it is bound to all addresses: then an answer must name the one that it leaves from.
  kOn,    // Always: a socket bound to one address hears of groups and interfaces, too.
  kOff,
};

// How one socket behaves. Sizes are bytes.
struct UdpOptions {
  // ---- Receiving.
  // Longer datagrams are cut to this, and say so (Datagram::truncated). At least 1.
  size_t max_datagram_size = 65535;
  // Datagrams that one system call receives or sends, at most 1024. The loop's thread has so many
  // buffers of max_datagram_size (of 64 KiB with receive_offload) for all its sockets, made when
  // first used; only what was touched of them costs memory.
  size_t batch_size = 32;
  // Datagrams handed out in one turn of the loop, and errors likewise; then others have theirs.
  size_t datagrams_per_turn = 256;
  PacketInfo packet_info = PacketInfo::kAuto;

  // ---- Sending.
  // What may wait in the socket's own queue, beside the kernel's; a send that would exceed it is
  // refused (ENOBUFS). A datagram always fits into an empty queue.
  size_t send_limit = 1024 * 1024;

  // ---- What the kernel can do in one step for many datagrams. Where it cannot, they go one by
  // one, and UdpStats tell. Datagrams that follow each other in the queue to the same peer and have
  // the same size (the last may be shorter) leave as one (UDP_SEGMENT, Linux 4.18). They arrive as
  // single datagrams.
  bool send_offload = true;
  // Datagrams of one peer that came in as one are handed over as one (UDP_GRO, Linux 5.0);
  // on_datagram still sees each.
  bool receive_offload = true;

  // ---- Errors.
  // ICMP errors reach on_error, with the peer that they are about, also on unconnected sockets
  // (IP_RECVERR). Has no effect without an on_error.
  bool network_errors = true;

  // ---- The socket.
  bool dual_stack = true;      // An IPv6 socket bound to all addresses takes IPv4 datagrams too.
  bool reuse_address = false;  // SO_REUSEADDR: several sockets at one address, as for multicast.
  bool broadcast = false;      // May send to broadcast addresses.
  int send_buffer = 0;         // SO_SNDBUF; 0 leaves it to the kernel, as below.
  int receive_buffer = 0;      // SO_RCVBUF, capped by the kernel at net.core.rmem_max.
  std::optional<uint8_t> ttl = std::nullopt;              // Of unicast; IPv6: hop limit.
  std::optional<uint8_t> type_of_service = std::nullopt;  // DSCP and ECN; IPv6: traffic class.
  std::optional<uint8_t> multicast_ttl = std::nullopt;    // The kernel's default is 1.
  bool multicast_loop = true;        // What it sends to a group reaches members on this machine.
  uint32_t multicast_interface = 0;  // What it sends to a group leaves by this one; 0: any.
};

// What one socket has done. Plain data; counters only grow.
//
// Each datagram that a send accepted is in exactly one of: sent, send_errors, discarded, queued.
struct UdpStats {
  uint64_t datagrams_received = 0;  // Handed out.
  uint64_t bytes_received = 0;      // Of those, what was handed out.
  uint64_t truncated = 0;           // Of those, how many were cut.
  uint64_t coalesced = 0;           // Of those, how many came as parts of one (UDP_GRO).
  uint64_t receive_calls = 0;       // recvmmsg(2), those that found nothing included.
  uint64_t datagrams_sent = 0;      // Given to the kernel.
  uint64_t bytes_sent = 0;
  uint64_t segmented = 0;       // Of datagrams_sent, how many left as parts of one (UDP_SEGMENT).
  uint64_t send_calls = 0;      // sendmmsg(2).
  uint64_t send_waits = 0;      // Times that the kernel would take no more.
  uint64_t send_refused = 0;    // Sends refused for send_limit.
  uint64_t send_errors = 0;     // Datagrams that the kernel refused.
  uint64_t discarded = 0;       // Still queued when the socket ended.
  uint64_t network_errors = 0;  // Reports of the network.
  uint64_t receive_errors = 0;
  uint64_t offload_failures = 0;  // Times that UDP_SEGMENT did not work and was done without.
  uint64_t kernel_drops = 0;      // Datagrams that found the kernel's receive buffer full.
  size_t queued = 0;              // Now, datagrams.
  size_t queued_bytes = 0;        // Now.
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_UDP_OPTIONS_H_
