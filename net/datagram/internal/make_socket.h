#ifndef SPINDLE_NET_DATAGRAM_INTERNAL_MAKE_SOCKET_H_
#define SPINDLE_NET_DATAGRAM_INTERNAL_MAKE_SOCKET_H_

#include <memory>
#include <source_location>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "net/datagram/internal/setup.h"
#include "net/datagram/internal/udp_core.h"
#include "net/datagram/udp_socket.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle {

// How sockets come to be, alone or for a server. On the thread of their loop.
struct UdpSocketMaker {
  static std::shared_ptr<const UdpConfig> Config(DatagramCallbacks callbacks, UdpOptions options,
                                                 std::source_location where) {
    return std::make_shared<const UdpConfig>(
        UdpConfig{std::move(callbacks), std::move(options), where});
  }

  // `set_up` binds it, or does whatever stands for that.
  static absl::StatusOr<std::unique_ptr<UdpSocket>> Make(
      EventLoop& loop, std::shared_ptr<const UdpConfig> config,
      absl::StatusOr<DatagramSocket> socket, absl::FunctionRef<absl::Status(UdpCore&)> set_up);

  static absl::StatusOr<std::unique_ptr<UdpSocket>> Bind(EventLoop& loop,
                                                         const SocketAddress& local,
                                                         SharePort share,
                                                         std::shared_ptr<const UdpConfig> config);
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_INTERNAL_MAKE_SOCKET_H_
