#ifndef SPINDLE_BENCH_LOAD_LISTENER_PIDS_H_
#define SPINDLE_BENCH_LOAD_LISTENER_PIDS_H_

#include <sys/types.h>

#include <vector>

#include "net/types/socket_address.h"

namespace spindle::bench {

// The processes that hold a TCP socket which listens at the port of `server`, in this network
// namespace, as far as this user may look at them; ascending. Empty if there are none, for other
// kinds of address, and for one that is not this machine's loopback: whose port it is cannot be
// told then. Any thread. sock_diag(7), proc(5).
std::vector<pid_t> ListenerPids(const SocketAddress& server);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_LISTENER_PIDS_H_
