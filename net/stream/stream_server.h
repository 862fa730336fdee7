#ifndef SPINDLE_NET_STREAM_STREAM_SERVER_H_
#define SPINDLE_NET_STREAM_STREAM_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/owned_fd.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_options.h"
#include "net/types/socket_address.h"

namespace spindle {

// Which loop gets a new connection.
enum class Placement : uint8_t {
  kRoundRobin,
  kLeastConnections,  // The one with the fewest open connections of this server.
  kPeerHash,          // The same one for the same peer host; Unix peers all hash alike.
  kReusePort,         // Each loop listens by itself (SO_REUSEPORT), the kernel spreads. TCP only.
};

// What a server at max_connections does with the next one.
enum class OverLimit : uint8_t {
  kQueue,  // Leaves it in the kernel's queue until a connection ends; it is looked for every 20 ms.
  kRefuse,  // Accepts it, sends refusal_message if there is one, and closes it.
};

struct StreamServerOptions {
  ConnectionOptions connection = {};

  Placement placement = Placement::kRoundRobin;
  // Overrides `placement`: returns an index below `loops`; anything else counts modulo `loops`.
  // Runs on the main loop.
  absl::AnyInvocable<size_t(const SocketAddress& peer, size_t loops)> place = nullptr;

  // Open connections of this server in all; 0: as many as there are descriptors. Counted exactly
  // with one acceptor; each kReusePort acceptor may overshoot by one.
  size_t max_connections = 0;
  OverLimit over_limit = OverLimit::kQueue;
  std::string refusal_message = {};

  // Open connections from one peer: an IPv4 address (also mapped into IPv6) or an IPv6 /64, which
  // is what one customer gets. Those above are refused as by OverLimit::kRefuse. Unix peers are not
  // limited. 0: no limit.
  size_t max_connections_per_peer = 0;
  // Connections accepted per second, on average, and in a burst (0: a tenth of a second's worth);
  // others wait in the kernel's queue, which is looked at every 20 ms. 0: no limit.
  uint64_t accepts_per_second = 0;
  uint64_t accept_burst = 0;

  // What all connections together may keep in memory.
  MemoryBudget memory = {};

  int backlog = 4096;  // Capped by the kernel at net.core.somaxconn.
  size_t accepts_per_turn = 64;
  bool dual_stack = true;  // An IPv6 address takes IPv4 connections too.

  // accept(2) or the registration of an accepted connection failed. The server goes on by itself:
  // it retries after a shortage of descriptors or memory. Runs on the accepting loop.
  absl::AnyInvocable<void(const absl::Status&) const> on_accept_error = nullptr;
};

struct StreamServerStats {
  uint64_t accepted = 0;          // Handed to a loop.
  uint64_t refused = 0;           // Over max_connections.
  uint64_t failed = 0;            // Accepted, but could not be registered.
  uint64_t refused_per_peer = 0;  // Over max_connections_per_peer.
  uint64_t accept_waits = 0;      // Times that accepts_per_second made the kernel's queue wait.
  // Of the memory budget; the first two are counted without one, too.
  size_t buffered_bytes = 0;     // Kept now: queued output and unread input.
  size_t buffered_peak = 0;      // The most so far.
  size_t paused_now = 0;         // Connections that are not read from for it.
  uint64_t budget_pauses = 0;    // Times that one was.
  uint64_t budget_closed = 0;    // Connections ended for it (kMemoryLimit).
  uint64_t budget_refusals = 0;  // Writes refused for it.
  std::vector<uint64_t> accepted_per_loop = {};
  std::vector<size_t> open_per_loop = {};
};

// A server as its watchers see it: any thread, copyable, and harmless when the server is gone (no
// connections then). A default-made one is of no server and must not be asked.
class StreamServerProbe {
 public:
  StreamServerProbe() = default;

  const SocketAddress& address() const;
  StreamServerStats stats() const;
  // Those that connections live on, in the order of accepted_per_loop.
  std::vector<LoopRef> loops() const;
  // Calls `function` with each open connection of loops()[index], on that loop's thread only.
  // `function` only looks: it may not end, start or destroy anything.
  void ForEachConnection(size_t index, absl::FunctionRef<void(const Connection&)> function) const;

 private:
  friend class StreamServer;
  class View;
  explicit StreamServerProbe(std::shared_ptr<const View> view) : view_(std::move(view)) {}
  std::shared_ptr<const View> view_;
};

// Listens at one address and spreads the connections over the loops of a pool. The main loop
// accepts; each connection then lives on one loop, and its callbacks run there.
//
// Made on the main loop's thread, or before that loop runs. Destroyed anywhere, also inside any
// callback: connections end with kServerStopped, and when the destructor returns no callback runs
// or will run any more, except one that is running on this very thread. The pool's loops should
// outlive the server; if they are gone already their connections are, too.
class StreamServer {
 public:
  // Listens at `address`; port 0 picks a free one, see address(). `where` names slow callbacks of
  // the connections (EventLoopOptions::slow_callback). Errors: bad address, in use, no permission,
  // no descriptors; each names the address.
  static absl::StatusOr<std::unique_ptr<StreamServer>> Listen(
      EventLoopThreadPool& pool, const SocketAddress& address, ConnectionCallbacks callbacks,
      StreamServerOptions options = {},
      std::source_location where = std::source_location::current());
  // One loop does everything.
  static absl::StatusOr<std::unique_ptr<StreamServer>> Listen(
      EventLoop& loop, const SocketAddress& address, ConnectionCallbacks callbacks,
      StreamServerOptions options = {},
      std::source_location where = std::source_location::current());
  // Accepts from sockets that listen already: systemd's, or a predecessor's (inherited_sockets.h,
  // successor.h); at least one. With kReusePort each belongs to a loop, in turn; there should be a
  // multiple of the number of loops, since a loop without a socket gets no connection. Errors: none
  // at all, or one that is not a listening stream socket.
  static absl::StatusOr<std::unique_ptr<StreamServer>> Listen(
      EventLoopThreadPool& pool, std::vector<OwnedFd> sockets, ConnectionCallbacks callbacks,
      StreamServerOptions options = {},
      std::source_location where = std::source_location::current());
  ~StreamServer();
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  // The address bound to, its port never 0; of several sockets, the first one's. Any thread.
  const SocketAddress& address() const;

  // Other descriptors of the sockets that this server listens on, for another process. Unix paths
  // are that process's from now on, and not removed by this server. Any thread. Errors: EMFILE;
  // EBADF after StopAccepting or Drain.
  absl::StatusOr<std::vector<OwnedFd>> DuplicateListeners();

  // Stops listening: connections in the kernel's queue are accepted first, later ones are refused
  // by the kernel. Open connections go on. Any thread; returns when it is done. Not guaranteed with
  // kReusePort: each loop's socket has a queue of its own, and the kernel resets a connection that
  // gets into one, or has not finished its handshake there, between our last accept and the close.
  // (net.ipv4.tcp_migrate_req = 1 moves such connections to another socket of the port, if there is
  // one left.) The same holds for one socket, in the same short moment.
  void StopAccepting();

  // StopAccepting, then asks each connection to end (on_drain, or Close) and ends those that are
  // still open after `deadline`. `done` runs once, on the main loop's thread, when none is left; it
  // may destroy the server. Any thread; once per server (later calls do nothing and return false).
  bool Drain(Duration deadline, absl::AnyInvocable<void(const DrainResult&)> done);

  // Any thread.
  size_t connections() const;
  StreamServerStats stats() const;
  StreamServerProbe probe() const;

 private:
  class Core;
  explicit StreamServer(std::shared_ptr<Core> core);
  static absl::StatusOr<std::unique_ptr<StreamServer>> Make(
      std::vector<EventLoop*> loops, EventLoop& main_loop, ConnectionCallbacks callbacks,
      StreamServerOptions options, std::source_location where,
      absl::FunctionRef<absl::Status(Core&)> listen);

  std::shared_ptr<Core> core_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_STREAM_SERVER_H_
