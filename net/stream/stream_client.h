#ifndef SPINDLE_NET_STREAM_STREAM_CLIENT_H_
#define SPINDLE_NET_STREAM_STREAM_CLIENT_H_

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_options.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

// When to try again after a failed attempt. The k-th delay is initial_backoff * multiplier^(k-1),
// at most max_backoff, less a random part of up to `jitter` of it, so that clients of a restarted
// server do not come back all at once.
struct RetryPolicy {
  uint32_t max_attempts = 1;  // In a row; 0: no limit.
  Duration initial_backoff = std::chrono::milliseconds(100);
  Duration max_backoff = std::chrono::seconds(30);
  double multiplier = 2.0;
  double jitter = 0.5;                 // 0 to 1.
  bool reconnect_after_close = false;  // Also when an established connection ends by the peer, by a
                                       // deadline or by an error.
};

struct StreamClientOptions {
  ConnectionOptions connection = {};
  Duration connect_timeout = std::chrono::seconds(10);  // Per attempt; zero: the kernel's.
  SocketAddress local = {};  // Bound first, if specified; port 0 lets the kernel pick.
  RetryPolicy retry = {};
  uint64_t random_seed = 0;  // For the jitter; 0: from the system.
};

// Why an attempt to connect failed.
enum class ConnectFailure : uint8_t {
  kRefused,      // Nobody listens there (ECONNREFUSED; Unix: also ENOENT).
  kUnreachable,  // No way there (ENETUNREACH, EHOSTUNREACH).
  kTimeout,      // No answer in time.
  kSelfConnect,  // The kernel connected the socket to itself: nobody listens there.
  kLocal,        // Our side: bad local address, no descriptors, no permission.
  kOther,
};

struct ConnectError {
  ConnectFailure failure = ConnectFailure::kOther;
  IoError error = {};
  uint32_t attempt = 0;  // 1 for the first in a row.
  bool will_retry = false;
  Duration retry_in{0};

  // "connect 10.0.0.1:80: Connection refused (ECONNREFUSED), attempt 2, again in 180 ms"
  std::string ToString(const SocketAddress& server) const;
};

std::string_view ConnectFailureName(ConnectFailure failure);

// Connects to one server, again if told to, and owns the connection.
//
// Loop thread only (see EventLoop), but for the destructor: any thread, at any stage, also inside
// any callback. Then the attempt is abandoned, an open connection ends with kServerStopped, and no
// callback runs any more.
class StreamClient {
 public:
  // `on_connect_error` is called for every failed attempt, from the loop, never inside Connect.
  // `where` names slow callbacks of the connection (EventLoopOptions::slow_callback).
  StreamClient(EventLoop& loop, const SocketAddress& server, ConnectionCallbacks callbacks,
               StreamClientOptions options = {},
               absl::AnyInvocable<void(const ConnectError&)> on_connect_error = nullptr,
               std::source_location where = std::source_location::current());
  ~StreamClient();
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  // Starts to connect. on_open or on_connect_error follow. Nothing happens while an attempt, a wait
  // for one, or a connection is there already.
  void Connect();
  // Gives up the attempt or the wait for one, and closes the connection (Connection::Close). No
  // retry until the next Connect.
  void Stop();

  // Null while there is none.
  Connection* connection();
  // An attempt, or a wait for the next one, is under way.
  bool connecting() const;
  const SocketAddress& server() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_STREAM_CLIENT_H_
