#ifndef SPINDLE_BENCH_NETLAB_TCP_COUNTERS_H_
#define SPINDLE_BENCH_NETLAB_TCP_COUNTERS_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "base/owned_fd.h"

namespace spindle::bench {

// What the kernel has counted of TCP in one network namespace. Movable; one thread at a time.
class TcpCounters {
 public:
  // Of the namespace that the calling thread is in now; it may leave it afterwards. Errors: those
  // of opening /proc/thread-self/net/snmp.
  static absl::StatusOr<TcpCounters> Open();

  // Segments sent again so far; nullopt if the kernel does not say. proc_net_snmp, RFC 4022.
  std::optional<uint64_t> Retransmits() const;

 private:
  explicit TcpCounters(OwnedFd file) : file_(std::move(file)) {}

  OwnedFd file_;  // Belongs to the namespace in which it was opened.
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_TCP_COUNTERS_H_
