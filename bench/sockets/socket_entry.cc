#include "bench/sockets/socket_entry.h"

#include <iterator>

namespace spindle::bench {

std::string_view SocketKindName(SocketKind kind) {
  switch (kind) {
    case SocketKind::kTcp:
      return "tcp";
    case SocketKind::kUdp:
      return "udp";
    case SocketKind::kUnixStream:
      return "u_str";
    case SocketKind::kUnixDatagram:
      return "u_dgr";
    case SocketKind::kUnixSeqpacket:
      return "u_seq";
  }
  return "?";
}

std::string_view SocketStateName(SocketState state) {
  constexpr std::string_view kNames[] = {"UNKNOWN",    "ESTAB",      "SYN-SENT",  "SYN-RECV",
                                         "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN",
                                         "CLOSE-WAIT", "LAST-ACK",   "LISTEN",    "CLOSING"};
  const auto number = static_cast<size_t>(state);
  return number < std::size(kNames) ? kNames[number] : kNames[0];
}

}  // namespace spindle::bench
