#ifndef SPINDLE_BENCH_NETCAT_PROXY_CONNECT_H_
#define SPINDLE_BENCH_NETCAT_PROXY_CONNECT_H_

#include <memory>
#include <span>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/owned_fd.h"
#include "bench/netcat/net_socket.h"
#include "bench/netcat/options.h"
#include "bench/netcat/proxy_handshake.h"
#include "bench/netcat/waiter.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

struct ProxiedSocket {
  std::unique_ptr<NetSocket> socket;
  std::string early;  // What the target has sent with the proxy's answer.
};

// Connects to `target` by the proxy, which is at one of `addresses`: `connect` is tried with each
// in turn, again if a password has to be asked for. The proxy has to answer until `deadline`. Loop
// thread only. Errors: those of `connect` for the last address, of ProxyHandshake and AskPassword;
// kUnavailable for what the proxy says.
absl::StatusOr<ProxiedSocket> ConnectByProxy(
    Waiter& waiter, const ProxyOptions& proxy, std::span<const SocketAddress> addresses,
    const ProxyTarget& target, TimePoint deadline,
    absl::FunctionRef<absl::StatusOr<OwnedFd>(const SocketAddress&)> connect);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_PROXY_CONNECT_H_
