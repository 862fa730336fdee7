#ifndef SPINDLE_NET_POOL_INTERNAL_POOLED_CONNECTION_H_
#define SPINDLE_NET_POOL_INTERNAL_POOLED_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/live_counter.h"
#include "net/loop/event_loop.h"
#include "net/loop/loop_ref.h"
#include "net/pool/connection_lease.h"
#include "net/stream/connection.h"
#include "net/stream/stream_client.h"
#include "net/types/close_reason.h"

namespace spindle {

class PoolShard;

// One connection of a pool: from the order to open it until its end, and as long as a lease names
// it. Its shard decides what becomes of it; it forwards to the lease what it hears.
//
// Loop thread only, but for loop_ref(), and for what a lease may ask on any thread.
class PooledConnection final : public std::enable_shared_from_this<PooledConnection>,
                               private LiveCounted<PooledConnection> {
 public:
  enum class State : uint8_t {
    kConnecting,
    kGreeting,  // Lent to PoolOptions::greet; for the book it is connecting still.
    kIdle,
    kGranted,  // Promised to somebody who has not been told yet.
    kLeased,
    kClosing,  // Ours to close.
    kClosed,
  };
  using Fate = ConnectionLease::Fate;

  // `number`: the shard's own; `generation`: PoolBook::generation().
  PooledConnection(PoolShard& shard, EventLoop& loop, uint64_t number, uint64_t generation);
  ~PooledConnection();
  PooledConnection(const PooledConnection&) = delete;
  PooledConnection& operator=(const PooledConnection&) = delete;

  // ---- For the shard.

  void Connect();
  // Gives up the attempt, or ends the connection (kServerStopped) and tells its lease. The shard is
  // not told.
  void Stop();
  // From kGranted: a lease begins.
  ConnectionLease Lend();
  // From kConnecting, to make it ready.
  ConnectionLease LendToGreet();
  // Closes in an orderly way, within `deadline`.
  void Close(Duration deadline);
  void Abort();

  State state = State::kConnecting;
  bool moving = false;   // kClosing: its place goes elsewhere.
  bool proven = false;   // The server has answered on it, or has kept it for a while.
  bool probing = false;  // kLeased: by the pool itself.
  const uint64_t number;
  const uint64_t generation;
  TimePoint greet_by = kNever;    // kGreeting: it must be ready then.
  TimePoint opened_at = kNever;   // From when on it might be lent.
  TimePoint expires_at = kNever;  // No lease begins after.
  TimePoint reap_at = kNever;     // kIdle: it may be closed then.
  TimePoint probe_at = kNever;    // kIdle: it is to be probed; `probing`: it must have answered.

  bool was_ready() const { return opened_at != kNever; }

  // ---- For the lease.

  // Null once it has ended.
  Connection* connection() const { return client_ == nullptr ? nullptr : client_->connection(); }
  ConnectionId id() const { return id_; }
  uint64_t uses_before() const { return uses_ == 0 ? 0 : uses_ - 1; }
  uint64_t uses() const { return uses_; }
  LeaseTraffic Traffic() const;
  bool SetCallbacks(LeaseCallbacks callbacks);
  // Any thread.
  static void GiveBack(std::shared_ptr<PooledConnection> held, Fate fate);

 private:
  ConnectionLease Begin(State lease_state);
  void OnOpen(Connection& connection);
  void OnBytes(Connection& connection, Buffer& input);
  void OnDrained(Connection& connection);
  void OnClose(Connection& connection, const CloseReason& reason);
  void OnConnectError();
  ConnectionCallbacks MakeCallbacks();
  void TakeBack(Fate fate);
  // `input_left`: on_bytes has not consumed all.
  void Settle(Fate fate, bool input_left);
  void AfterCallback(bool input_left);
  LeaseTraffic TrafficOf(const Connection& connection) const;

  PoolShard* shard_;  // Null after Stop and after the end.
  EventLoop& loop_;
  const LoopRef loop_ref_;
  std::unique_ptr<StreamClient> client_;
  ConnectionId id_;
  uint64_t uses_ = 0;
  bool lent_ = false;  // Somebody holds a lease and has not given it back.
  LeaseTraffic base_;  // When the lease began. `sent`: what had been written by then.
  LeaseTraffic last_;  // Of a lease whose connection has ended.
  // Shared: one that replaces itself while it runs lives on until it returns.
  std::shared_ptr<LeaseCallbacks> callbacks_;
  bool in_callback_ = false;
  std::optional<Fate> given_back_;  // Inside a callback; takes effect when that returns.
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_INTERNAL_POOLED_CONNECTION_H_
