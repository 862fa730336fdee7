#ifndef SPINDLE_NET_POOL_CONNECTION_POOL_H_
#define SPINDLE_NET_POOL_CONNECTION_POOL_H_

#include <memory>
#include <span>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/pool/connection_lease.h"
#include "net/pool/pool_options.h"
#include "net/pool/pool_stats.h"
#include "net/types/socket_address.h"

namespace spindle {

class PoolCore;

// Connections to one server, kept open and lent out, on one or several loops.
//
//   ConnectionPool pool(threads->loops(), server, {.min_connections = 2, .max_connections = 8});
//   pool.Acquire(loop, {}, [](AcquireResult result) {        // On a thread of `loop`.
//     if (!result.ok()) return Fail(AcquireErrorName(result.error));
//     result.lease.connection()->Write("PING\r\n");
//     ...                                                    // Keep the lease until the answer.
//   });
//
// A connection lives on one loop all its life, and is lent on that loop only. An Acquire is served
// from what is idle on its loop, else by the next that comes back or is opened there. When
// max_connections are open already, another loop's idle connection is closed and one is opened here
// in its place (PoolOptions::move_after says what happens when none is idle). So connections do not
// change threads, places do.
//
// Loop thread only (that of the loop named in the call), but for what says otherwise. Destroyed on
// any thread, at any time, also inside any callback: what waits is answered kStopped, connections
// end with kServerStopped, and when the destructor has returned no callback runs any more. Leases
// may outlive the pool; their connections are gone then. The loops should outlive the pool; what
// waits on one that ends first is never answered.
class ConnectionPool {
 public:
  // `loops` must not be empty (CHECK); they are not owned, and need not run yet. Begins to open
  // min_connections. Any thread, while all of them live.
  ConnectionPool(std::span<EventLoop* const> loops, const SocketAddress& server,
                 PoolOptions options = {});
  ConnectionPool(EventLoop& loop, const SocketAddress& server, PoolOptions options = {});
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // Calls `done` exactly once, on `loop`, never inside this call: with a lease, or with the reason
  // why there is none. Who waits on one loop is served in the order of his calls. `loop` must be
  // one of the pool's (CHECK). The deadline is never early; it holds from this call on, also if a
  // connection that was meant for this call ends before it could be handed over.
  // While the destructor runs: at once, kStopped. What is returned names this call, for Cancel.
  AcquireId Acquire(EventLoop& loop, const AcquireOptions& options, AcquireCallback done);
  // Has an Acquire that has not been answered yet answered by kCancelled, on its loop, never inside
  // this call; a connection that was on its way to it goes to somebody else. Without effect if
  // `done` has run, or another refusal (a timeout, an open circuit) is on its way: `done` says what
  // it came to, once in any case. Any thread; on the loop's own it takes effect at once, elsewhere
  // a moment later, when a lease may have been handed out.
  void Cancel(const AcquireId& id);
  // A lease of what is idle on `loop` right now; else an empty one.
  ConnectionLease TryAcquire(EventLoop& loop);

  // Calls `done` once on `loop`, never inside this call: true as soon as min_connections are open,
  // false after `timeout`, or when the pool drains.
  void WarmUp(EventLoop& loop, Duration timeout, absl::AnyInvocable<void(bool warm)> done);

  // Lends nothing from now on and closes what is idle or comes back; what is still lent after
  // `deadline` is aborted (its on_close is called). `done` runs once on `loop`, when no connection
  // is left; it may destroy the pool. False, and nothing done, the second time. If the pool is
  // destroyed first `done` is destroyed unrun.
  bool Drain(EventLoop& loop, Duration deadline,
             absl::AnyInvocable<void(const PoolDrainResult&)> done);

  // Any thread.
  PoolStats Stats() const;
  const SocketAddress& server() const;

 private:
  std::shared_ptr<PoolCore> core_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_CONNECTION_POOL_H_
