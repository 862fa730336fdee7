#ifndef SPINDLE_BENCH_SOCKETS_SOCKET_LIST_H_
#define SPINDLE_BENCH_SOCKETS_SOCKET_LIST_H_

#include <vector>

#include "absl/status/statusor.h"
#include "bench/sockets/socket_entry.h"

namespace spindle::bench {

// Which sockets. Families that are set and protocols that are set, together; Unix has no protocol.
struct SocketQuery {
  bool tcp = false;
  bool udp = false;
  bool unix_sockets = false;
  bool v4 = true;
  bool v6 = true;
  SocketStates states = kAllStates;
  SocketStates udp_states = kAllStates;  // UDP has but two: kEstablished and kUnconnected.
  bool details = false;                  // TCP_INFO and the congestion control's name.
};

struct SocketList {
  // Unix, then UDP, then TCP, IPv4 before IPv6; each in the kernel's order.
  std::vector<SocketEntry> sockets = {};
  // The kernel's table changed each time that it was asked: one may be missing or there twice.
  bool inconsistent = false;
};

// The sockets of this thread's network namespace, without their owners. Any thread; blocks for the
// time that the kernel takes. It is no snapshot: sockets come and go meanwhile. Errors: those of
// socket(2), sendto(2) and recvmsg(2), for one ENOENT where the kernel has no such table;
// kDataLoss for an answer that makes no sense. sock_diag(7).
absl::StatusOr<SocketList> ListSockets(const SocketQuery& query);

// Fills in the owners of `sockets`, as far as this user may look at processes: by process, then by
// descriptor. Any thread. proc(5).
void FindOwners(std::vector<SocketEntry>& sockets);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SOCKETS_SOCKET_LIST_H_
