#ifndef SPINDLE_BENCH_NETCAT_MOVE_BYTES_H_
#define SPINDLE_BENCH_NETCAT_MOVE_BYTES_H_

#include "bench/netcat/flow.h"
#include "bench/netcat/net_socket.h"
#include "bench/netcat/options.h"
#include "bench/netcat/standard_streams.h"

namespace spindle::bench {

// The ways in which the kernel moves bytes by itself, where it can and nothing has to be done to
// them: sendfile(2) from files, splice(2) from and to pipes. Null: none. The arguments outlive the
// result.
Flow::Move MoveFromInput(NetSocket& socket, StandardStreams& streams, const NetcatOptions& options);
Flow::Move MoveToOutput(NetSocket& socket, StandardStreams& streams, const NetcatOptions& options);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_MOVE_BYTES_H_
