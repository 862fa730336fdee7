#ifndef SPINDLE_BENCH_CLI_REACH_H_
#define SPINDLE_BENCH_CLI_REACH_H_

#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// Whether `address` takes a connection, which is closed again. Runs the loop of this thread
// meanwhile. Errors: those of connect(2), naming the address.
absl::Status TryToConnect(EventLoop& loop, const SocketAddress& address, Duration timeout);

// The first of `addresses` that takes a connection, which is closed again. A single address is
// returned untried. Runs the loop of this thread meanwhile. Errors: the last attempt's, naming the
// address.
absl::StatusOr<SocketAddress> FirstReachable(EventLoop& loop,
                                             std::span<const SocketAddress> addresses,
                                             Duration timeout);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_REACH_H_
