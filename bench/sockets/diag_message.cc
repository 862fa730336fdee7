#include "bench/sockets/diag_message.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "base/errno_status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr size_t kAlignment = 4;  // Of messages and of attributes.

constexpr size_t Aligned(size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

// The object at the front of `bytes`, which need not be aligned; nothing if they are too few.
template <class T>
std::optional<T> Read(std::string_view bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string_view After(std::string_view bytes, size_t size) {
  return bytes.substr(std::min(bytes.size(), size));
}

// Each attribute of a message: its type and what it holds. What is no attribute ends the list.
void ForEachAttribute(std::string_view bytes,
                      absl::FunctionRef<void(uint16_t type, std::string_view value)> visit) {
  while (const auto header = Read<nlattr>(bytes)) {
    if (header->nla_len < sizeof(nlattr) || header->nla_len > bytes.size()) return;
    visit(header->nla_type & NLA_TYPE_MASK,
          bytes.substr(sizeof(nlattr), header->nla_len - sizeof(nlattr)));
    bytes = After(bytes, Aligned(header->nla_len));
  }
}

// Options, round trips, and what has gone either way.
void AddTransfer(const tcp_info& info, TcpDetails& tcp) {
  tcp.timestamps = (info.tcpi_options & TCPI_OPT_TIMESTAMPS) != 0;
  tcp.sack = (info.tcpi_options & TCPI_OPT_SACK) != 0;
  tcp.ecn = (info.tcpi_options & TCPI_OPT_ECN) != 0;
  tcp.ecn_seen = (info.tcpi_options & TCPI_OPT_ECN_SEEN) != 0;
  tcp.fast_open = (info.tcpi_options & TCPI_OPT_SYN_DATA) != 0;
  tcp.window_scaling = (info.tcpi_options & TCPI_OPT_WSCALE) != 0;
  tcp.send_scale = info.tcpi_snd_wscale;
  tcp.receive_scale = info.tcpi_rcv_wscale;
  tcp.rto = info.tcpi_rto;
  tcp.backoff = info.tcpi_backoff;
  tcp.rtt = info.tcpi_rtt;
  tcp.rtt_variance = info.tcpi_rttvar;
  tcp.ato = info.tcpi_ato;
  tcp.mss = info.tcpi_snd_mss;
  tcp.path_mtu = info.tcpi_pmtu;
  tcp.receive_mss = info.tcpi_rcv_mss;
  tcp.advertised_mss = info.tcpi_advmss;
  tcp.congestion_window = info.tcpi_snd_cwnd;
  tcp.slow_start_threshold = info.tcpi_snd_ssthresh;
  tcp.bytes_sent = info.tcpi_bytes_sent;
  tcp.bytes_retransmitted = info.tcpi_bytes_retrans;
  tcp.bytes_acked = info.tcpi_bytes_acked;
  tcp.bytes_received = info.tcpi_bytes_received;
  tcp.segments_out = info.tcpi_segs_out;
  tcp.segments_in = info.tcpi_segs_in;
  tcp.data_segments_out = info.tcpi_data_segs_out;
  tcp.data_segments_in = info.tcpi_data_segs_in;
  tcp.last_sent_ms = info.tcpi_last_data_sent;
  tcp.last_received_ms = info.tcpi_last_data_recv;
  tcp.last_ack_ms = info.tcpi_last_ack_recv;
  tcp.pacing_rate = info.tcpi_pacing_rate;
  tcp.max_pacing_rate = info.tcpi_max_pacing_rate;
  tcp.delivery_rate = info.tcpi_delivery_rate;
  tcp.delivered = info.tcpi_delivered;
  tcp.delivered_ce = info.tcpi_delivered_ce;
}

// What holds it up, what was lost, and its windows.
void AddLimits(const tcp_info& info, TcpDetails& tcp) {
  tcp.application_limited = info.tcpi_delivery_rate_app_limited != 0;
  tcp.busy_time = info.tcpi_busy_time;
  tcp.window_limited_time = info.tcpi_rwnd_limited;
  tcp.buffer_limited_time = info.tcpi_sndbuf_limited;
  tcp.unacknowledged = info.tcpi_unacked;
  tcp.retransmits = info.tcpi_retrans;
  tcp.total_retransmits = info.tcpi_total_retrans;
  tcp.lost = info.tcpi_lost;
  tcp.sacked = info.tcpi_sacked;
  tcp.dsack_duplicates = info.tcpi_dsack_dups;
  tcp.reordering = info.tcpi_reordering;
  tcp.reorderings_seen = info.tcpi_reord_seen;
  tcp.receive_rtt = info.tcpi_rcv_rtt;
  tcp.receive_space = info.tcpi_rcv_space;
  tcp.receive_threshold = info.tcpi_rcv_ssthresh;
  tcp.not_sent = info.tcpi_notsent_bytes;
  tcp.min_rtt = info.tcpi_min_rtt;
  tcp.out_of_order = info.tcpi_rcv_ooopack;
  tcp.send_window = info.tcpi_snd_wnd;
}

// As much of the kernel's structure as there is: older kernels tell less, newer ones more.
TcpDetails ReadTcpInfo(std::string_view bytes) {
  tcp_info info = {};
  std::memcpy(&info, bytes.data(), std::min(bytes.size(), sizeof info));
  TcpDetails tcp;
  AddTransfer(info, tcp);
  AddLimits(info, tcp);
  return tcp;
}

SocketAddress MakeAddress(uint8_t family, const __be32 (&words)[4], __be16 port) {
  if (family == AF_INET) {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = port;
    std::memcpy(&v4.sin_addr, words, sizeof v4.sin_addr);
    return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = port;
  std::memcpy(&v6.sin6_addr, words, sizeof v6.sin6_addr);
  return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
}

std::optional<SocketEntry> ReadInet(std::string_view body, SocketKind kind) {
  const auto message = Read<inet_diag_msg>(body);
  if (!message.has_value()) return std::nullopt;
  if (message->idiag_family != AF_INET && message->idiag_family != AF_INET6) return std::nullopt;
  SocketEntry entry;
  entry.kind = kind;
  entry.state = static_cast<SocketState>(message->idiag_state);
  entry.receive_queue = message->idiag_rqueue;
  entry.send_queue = message->idiag_wqueue;
  entry.local = MakeAddress(message->idiag_family, message->id.idiag_src, message->id.idiag_sport);
  entry.peer = MakeAddress(message->idiag_family, message->id.idiag_dst, message->id.idiag_dport);
  entry.interface_index = message->id.idiag_if;
  entry.inode = message->idiag_inode;
  entry.uid = message->idiag_uid;
  ForEachAttribute(After(body, Aligned(sizeof(inet_diag_msg))),
                   [&](uint16_t type, std::string_view value) {
                     if (type == INET_DIAG_SKV6ONLY && !value.empty()) {
                       entry.v6_only = value[0] != 0;
                     } else if (type == INET_DIAG_CONG) {
                       entry.congestion = std::string(value.substr(0, value.find('\0')));
                     } else if (type == INET_DIAG_INFO) {
                       entry.tcp = ReadTcpInfo(value);
                     }
                   });
  return entry;
}

SocketAddress MakeUnixAddress(std::string_view name) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const size_t size = std::min(name.size(), sizeof address.sun_path);
  if (size == 0) return SocketAddress();
  std::memcpy(address.sun_path, name.data(), size);
  return SocketAddress::FromSockaddr(
      reinterpret_cast<const sockaddr*>(&address),
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size));
}

std::optional<SocketEntry> ReadUnix(std::string_view body) {
  const auto message = Read<unix_diag_msg>(body);
  if (!message.has_value() || message->udiag_family != AF_UNIX) return std::nullopt;
  SocketEntry entry;
  entry.kind = message->udiag_type == SOCK_STREAM  ? SocketKind::kUnixStream
               : message->udiag_type == SOCK_DGRAM ? SocketKind::kUnixDatagram
                                                   : SocketKind::kUnixSeqpacket;
  entry.state = static_cast<SocketState>(message->udiag_state);
  entry.inode = message->udiag_ino;
  ForEachAttribute(After(body, Aligned(sizeof(unix_diag_msg))),
                   [&](uint16_t type, std::string_view value) {
                     if (type == UNIX_DIAG_NAME) {
                       entry.local = MakeUnixAddress(value);
                     } else if (type == UNIX_DIAG_PEER) {
                       entry.peer_inode = Read<uint32_t>(value).value_or(0);
                     } else if (const auto queues = Read<unix_diag_rqlen>(value);
                                type == UNIX_DIAG_RQLEN && queues.has_value()) {
                       entry.receive_queue = queues->udiag_rqueue;
                       entry.send_queue = queues->udiag_wqueue;
                     }
                   });
  return entry;
}

template <class Body>
std::string Message(const Body& body, uint32_t sequence) {
  nlmsghdr header = {};
  header.nlmsg_len = sizeof header + sizeof body;
  header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header.nlmsg_seq = sequence;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(&body), sizeof body);
  return bytes;
}

absl::Status Cut(std::string_view what) {
  return absl::DataLossError(ToAbsl(Concat("the kernel's answer about its sockets: ", what)));
}

// What ends an answer, or stands in its place, begins with 0 or a negative errno.
absl::Status ReadError(std::string_view body, std::string_view what) {
  const auto error = Read<int32_t>(body);
  if (!error.has_value()) return Cut(what);
  if (*error == 0) return absl::OkStatus();
  // The smallest number has no positive one.
  const int32_t code = std::abs(std::max(*error, -INT32_MAX));
  return ErrnoStatus("ask the kernel for its sockets", code);
}

absl::Status AddMessage(uint16_t type, std::string_view body, const DiagQuestion& question,
                        DiagAnswer& answer) {
  if (type == NLMSG_ERROR) {
    answer.done = true;
    return ReadError(body, "an error is cut off");
  }
  if (type == NLMSG_DONE) {
    answer.done = true;
    // A failure in the middle is told here. Without a body all is well.
    return body.size() < sizeof(int32_t) ? absl::OkStatus() : ReadError(body, "");
  }
  if (type != SOCK_DIAG_BY_FAMILY) return absl::OkStatus();
  std::optional<SocketEntry> entry =
      question.family == DiagFamily::kUnix ? ReadUnix(body) : ReadInet(body, question.kind);
  if (!entry.has_value()) return Cut("a socket is cut off");
  answer.sockets.push_back(*std::move(entry));
  return absl::OkStatus();
}

}  // namespace

std::string DiagRequest(const DiagQuestion& question, uint32_t sequence) {
  if (question.family == DiagFamily::kUnix) {
    unix_diag_req request = {};
    request.sdiag_family = AF_UNIX;
    request.udiag_states = question.states;
    request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN;
    return Message(request, sequence);
  }
  inet_diag_req_v2 request = {};
  request.sdiag_family = question.family == DiagFamily::kV4 ? AF_INET : AF_INET6;
  request.sdiag_protocol = question.kind == SocketKind::kUdp ? IPPROTO_UDP : IPPROTO_TCP;
  request.idiag_states = question.states;
  if (question.details) {
    request.idiag_ext = (1 << (INET_DIAG_INFO - 1)) | (1 << (INET_DIAG_CONG - 1));
  }
  return Message(request, sequence);
}

absl::Status AddDiagDatagram(std::string_view datagram, const DiagQuestion& question,
                             uint32_t sequence, DiagAnswer& answer) {
  while (!datagram.empty() && !answer.done) {
    const auto header = Read<nlmsghdr>(datagram);
    if (!header.has_value()) return Cut("a header is cut off");
    if (header->nlmsg_len < sizeof(nlmsghdr)) return Cut("a message is shorter than its header");
    if (header->nlmsg_len > datagram.size()) return Cut("a message is cut off");
    const std::string_view body =
        datagram.substr(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr));
    datagram = After(datagram, Aligned(header->nlmsg_len));
    if (header->nlmsg_seq != sequence) continue;
    if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) answer.interrupted = true;
    absl::Status status = AddMessage(header->nlmsg_type, body, question, answer);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace spindle::bench
