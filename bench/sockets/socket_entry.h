#ifndef SPINDLE_BENCH_SOCKETS_SOCKET_ENTRY_H_
#define SPINDLE_BENCH_SOCKETS_SOCKET_ENTRY_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/types/socket_address.h"

namespace spindle::bench {

enum class SocketKind : uint8_t { kTcp, kUdp, kUnixStream, kUnixDatagram, kUnixSeqpacket };

// "tcp", "udp", "u_str", "u_dgr" or "u_seq"; a literal.
std::string_view SocketKindName(SocketKind kind);

// The kernel's numbers, also for sockets that are not TCP.
enum class SocketState : uint8_t {
  kUnknown = 0,
  kEstablished = 1,
  kSynSent = 2,
  kSynReceived = 3,
  kFinWait1 = 4,
  kFinWait2 = 5,
  kTimeWait = 6,
  kUnconnected = 7,
  kCloseWait = 8,
  kLastAck = 9,
  kListening = 10,
  kClosing = 11,
};

// "LISTEN", "ESTAB", "TIME-WAIT" ...; a literal.
std::string_view SocketStateName(SocketState state);

// A set of states: bit n for the state of number n.
using SocketStates = uint32_t;
constexpr SocketStates StateBit(SocketState state) { return 1u << static_cast<uint8_t>(state); }
inline constexpr SocketStates kAllStates = 0xfff;

// What tcp(7) TCP_INFO says of one connection. Times in microseconds unless the name says
// otherwise, sizes in bytes, rates in bytes per second. What the kernel did not tell is zero.
struct TcpDetails {
  bool timestamps = false;
  bool sack = false;
  bool ecn = false;
  bool ecn_seen = false;
  bool fast_open = false;
  bool window_scaling = false;
  uint32_t send_scale = 0;
  uint32_t receive_scale = 0;
  uint32_t rto = 0;
  uint32_t backoff = 0;
  uint32_t rtt = 0;
  uint32_t rtt_variance = 0;
  uint32_t ato = 0;
  uint32_t mss = 0;
  uint32_t path_mtu = 0;
  uint32_t receive_mss = 0;
  uint32_t advertised_mss = 0;
  uint32_t congestion_window = 0;  // Segments.
  uint32_t slow_start_threshold = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_retransmitted = 0;
  uint64_t bytes_acked = 0;
  uint64_t bytes_received = 0;
  uint32_t segments_out = 0;
  uint32_t segments_in = 0;
  uint32_t data_segments_out = 0;
  uint32_t data_segments_in = 0;
  uint32_t last_sent_ms = 0;
  uint32_t last_received_ms = 0;
  uint32_t last_ack_ms = 0;
  uint64_t pacing_rate = 0;
  uint64_t max_pacing_rate = 0;
  uint64_t delivery_rate = 0;
  uint32_t delivered = 0;  // Segments.
  uint32_t delivered_ce = 0;
  bool application_limited = false;
  uint64_t busy_time = 0;
  uint64_t window_limited_time = 0;
  uint64_t buffer_limited_time = 0;
  uint32_t unacknowledged = 0;  // Segments, as the next ones.
  uint32_t retransmits = 0;
  uint32_t total_retransmits = 0;
  uint32_t lost = 0;
  uint32_t sacked = 0;
  uint32_t dsack_duplicates = 0;
  uint32_t reordering = 0;
  uint32_t reorderings_seen = 0;
  uint32_t receive_rtt = 0;
  uint32_t receive_space = 0;
  uint32_t receive_threshold = 0;
  uint32_t not_sent = 0;
  uint32_t min_rtt = 0;
  uint32_t out_of_order = 0;
  uint32_t send_window = 0;
};

// A process that has the socket open.
struct SocketOwner {
  std::string name;
  pid_t pid = 0;
  int fd = -1;
};

// One socket at one moment. Plain data.
struct SocketEntry {
  SocketKind kind = SocketKind::kTcp;
  SocketState state = SocketState::kUnknown;
  // Of one that listens: the connections that wait to be accepted, and how many may. Else bytes.
  uint32_t receive_queue = 0;
  uint32_t send_queue = 0;
  SocketAddress local = {};  // Unspecified for a Unix socket without a name. Never has a scope.
  SocketAddress peer = {};   // Unspecified for Unix sockets.
  bool v6_only = false;
  uint32_t interface_index = 0;  // What it is bound to; 0: nothing.
  std::string interface = {};    // The name of that.
  uint64_t inode = 0;            // 0: it belongs to no process any more.
  uint64_t peer_inode = 0;       // Of Unix sockets.
  uint32_t uid = 0;              // Not known of Unix sockets.
  std::string congestion = {};   // The name of the algorithm, if it was asked for.
  std::optional<TcpDetails> tcp = std::nullopt;
  std::vector<SocketOwner> owners = {};
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SOCKETS_SOCKET_ENTRY_H_
