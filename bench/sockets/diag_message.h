#ifndef SPINDLE_BENCH_SOCKETS_DIAG_MESSAGE_H_
#define SPINDLE_BENCH_SOCKETS_DIAG_MESSAGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "bench/sockets/socket_entry.h"

namespace spindle::bench {

// The messages by which the kernel is asked for its sockets, and by which it answers. Pure
// functions; any thread. sock_diag(7), netlink(7), linux/inet_diag.h, linux/unix_diag.h.

enum class DiagFamily : uint8_t { kV4, kV6, kUnix };

// One question: all sockets of a family (and of a protocol, but for Unix) in some states.
struct DiagQuestion {
  DiagFamily family = DiagFamily::kV4;
  SocketKind kind = SocketKind::kTcp;  // kTcp or kUdp; not asked for with kUnix.
  SocketStates states = kAllStates;
  bool details = false;  // TCP_INFO and the congestion control's name.
};

// The bytes to be sent. `sequence` comes back in each message of the answer.
std::string DiagRequest(const DiagQuestion& question, uint32_t sequence);

// What has been read of the answer to one question.
struct DiagAnswer {
  std::vector<SocketEntry> sockets = {};
  bool done = false;         // All of it is there.
  bool interrupted = false;  // The kernel's table changed meanwhile: to be asked again.
};

// Takes one datagram of the answer to `question`, whatever it holds, and adds it to `answer`.
// Messages of another sequence number or type are skipped; attributes that are unknown, or shorter
// than they should be, too. Errors: kDataLoss where messages are cut off or do not fit together;
// that of the kernel (ErrnoOf), as a message of its own or in the one that ends the answer.
absl::Status AddDiagDatagram(std::string_view datagram, const DiagQuestion& question,
                             uint32_t sequence, DiagAnswer& answer);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SOCKETS_DIAG_MESSAGE_H_
