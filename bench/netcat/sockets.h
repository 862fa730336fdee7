#ifndef SPINDLE_BENCH_NETCAT_SOCKETS_H_
#define SPINDLE_BENCH_NETCAT_SOCKETS_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/owned_fd.h"
#include "bench/netcat/options.h"
#include "bench/netcat/waiter.h"
#include "net/backend/unix_path.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// Sockets of `type` (SOCK_STREAM or SOCK_DGRAM), non-blocking, with the options of SocketTuning.
// Loop thread only, as Waiter. Errors have the errno of the call that failed.

struct ConnectOptions {
  int type = 0;
  SocketTuning tuning = {};
  SocketAddress local = {};  // Unspecified: the kernel's choice.
  TimePoint deadline = kNever;
};

// connect(2), which says at once what becomes of a datagram socket: it hears only `address` then.
// Returns 0 or the negated errno.
int ConnectTo(int fd, const SocketAddress& address);

// Waits until it is connected. Errors: kDeadlineExceeded, kCancelled, those of the calls.
absl::StatusOr<OwnedFd> ConnectSocket(Waiter& waiter, const SocketAddress& remote,
                                      const ConnectOptions& options);

// A socket that is bound, and listens if it is a stream. Removes the Unix path with its end, if it
// is still its own. Movable; one thread at a time.
class BoundSocket {
 public:
  // A Unix path where a socket lies that nobody listens at any more is replaced. Errors:
  // EADDRINUSE also for a live socket and for any other file at the path.
  static absl::StatusOr<BoundSocket> Bind(const SocketAddress& address, int type,
                                          const SocketTuning& tuning);
  int fd() const { return fd_.get(); }
  // The path stays until the destructor.
  OwnedFd TakeFd() { return std::move(fd_); }
  void Close() { fd_.reset(); }
  // With the port that the kernel chose.
  const SocketAddress& address() const { return address_; }

 private:
  BoundSocket() = default;

  OwnedFd fd_;
  SocketAddress address_;
  std::unique_ptr<BoundUnixPath> path_ = std::make_unique<BoundUnixPath>();
};

// Waits for a connection. Errors: kCancelled, EMFILE and its like; not those of connections that
// have ended before they were taken.
absl::StatusOr<OwnedFd> AcceptSocket(Waiter& waiter, int listener, SocketAddress* peer);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_SOCKETS_H_
