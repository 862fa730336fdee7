#include "bench/cli/reach.h"

#include <errno.h>

#include <optional>

#include "bench/load/run_until.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_client.h"
#include "net/types/io_error.h"

namespace spindle::bench {

absl::Status TryToConnect(EventLoop& loop, const SocketAddress& address, Duration timeout) {
  std::optional<IoError> result;
  ConnectionCallbacks callbacks;
  callbacks.on_open = [&result](Connection&) { result = IoError(); };
  StreamClientOptions options;
  options.connect_timeout = timeout;
  StreamClient client(loop, address, std::move(callbacks), options,
                      [&result](const ConnectError& error) { result = error.error; });
  client.Connect();
  const absl::Status status = RunUntil(loop, [&] { return result.has_value(); });
  if (!status.ok()) return status;
  return result->ToStatus(address.ToString());
}

absl::StatusOr<SocketAddress> FirstReachable(EventLoop& loop,
                                             std::span<const SocketAddress> addresses,
                                             Duration timeout) {
  if (addresses.size() == 1) return addresses.front();
  absl::Status status = absl::NotFoundError("no address");
  for (const SocketAddress& address : addresses) {
    status = TryToConnect(loop, address, timeout);
    if (status.ok()) return address;
  }
  return status;
}

}  // namespace spindle::bench
