#include "net/pool/internal/pooled_connection.h"

#include <utility>

#include "net/pool/internal/pool_shard.h"
#include "net/stream/connection_callbacks.h"

namespace spindle {

PooledConnection::PooledConnection(PoolShard& shard, EventLoop& loop, uint64_t own_number,
                                   uint64_t attempt_generation)
    : number(own_number),
      generation(attempt_generation),
      shard_(&shard),
      loop_(loop),
      loop_ref_(loop.ref()) {}

PooledConnection::~PooledConnection() = default;

// The client belongs to this object, so `this` lives whenever one of its callbacks begins; each
// holds it until it returns.
ConnectionCallbacks PooledConnection::MakeCallbacks() {
  return {
      .on_open = [this](Connection& connection) { OnOpen(connection); },
      .on_bytes = [this](Connection& connection, Buffer& input) { OnBytes(connection, input); },
      .on_drained = [this](Connection& connection) { OnDrained(connection); },
      .on_close = [this](Connection& connection,
                         const CloseReason& reason) { OnClose(connection, reason); },
  };
}

void PooledConnection::Connect() {
  const PoolOptions& options = shard_->options();
  ConnectionOptions connection = options.connection;
  connection.peer_fin = PeerFinPolicy::kClose;  // Half a connection is of no use to the next user.
  client_ = std::make_unique<StreamClient>(
      loop_, shard_->server(), MakeCallbacks(),
      StreamClientOptions{.connection = connection,
                          .connect_timeout = options.connect_timeout,
                          .local = options.local,
                          .random_seed = 1},  // No retries here, so no jitter.
      [this](const ConnectError&) { OnConnectError(); });
  client_->Connect();
}

void PooledConnection::Stop() {
  const std::shared_ptr<PooledConnection> self = shared_from_this();
  shard_ = nullptr;
  state = State::kClosed;
  client_.reset();  // Calls OnClose, if there is a connection.
}

ConnectionLease PooledConnection::Lend() {
  ++uses_;
  return Begin(State::kLeased);
}

ConnectionLease PooledConnection::LendToGreet() { return Begin(State::kGreeting); }

ConnectionLease PooledConnection::Begin(State lease_state) {
  state = lease_state;
  lent_ = true;
  const ConnectionLedger ledger = connection()->ledger();
  base_ = {.written = ledger.accepted, .sent = ledger.accepted, .received = ledger.received};
  last_ = {};
  return ConnectionLease(shared_from_this());
}

void PooledConnection::Close(Duration deadline) {
  state = State::kClosing;
  if (Connection* const open = connection()) open->CloseAfterFlush(deadline);
}

void PooledConnection::Abort() {
  state = State::kClosing;
  if (Connection* const open = connection()) open->Abort();
}

// ---- What the connection reports.

void PooledConnection::OnOpen(Connection& connection) {
  const std::shared_ptr<PooledConnection> self = shared_from_this();
  id_ = connection.id();
  if (shard_ != nullptr) shard_->OnOpened(self);
}

void PooledConnection::OnConnectError() {
  const std::shared_ptr<PooledConnection> self = shared_from_this();
  PoolShard* const shard = std::exchange(shard_, nullptr);
  state = State::kClosed;
  if (shard != nullptr) shard->OnConnectFailed(self);
  client_.reset();
}

void PooledConnection::OnBytes(Connection& connection, Buffer& input) {
  const std::shared_ptr<PooledConnection> self = shared_from_this();
  if (state == State::kIdle || state == State::kGranted) {
    input.Clear();
    shard_->OnStale(self);
    return;
  }
  if (!lent_ || given_back_.has_value()) return;
  if (!proven && was_ready() && shard_ != nullptr) shard_->OnProven(*this);
  const std::shared_ptr<LeaseCallbacks> callbacks = callbacks_;
  if (callbacks == nullptr || !callbacks->on_bytes) return;  // Kept, for SetCallbacks.
  in_callback_ = true;
  callbacks->on_bytes(connection, input);
  in_callback_ = false;
  AfterCallback(!input.empty());
}

void PooledConnection::OnDrained(Connection& connection) {
  const std::shared_ptr<PooledConnection> self = shared_from_this();
  const std::shared_ptr<LeaseCallbacks> callbacks = callbacks_;
  if (!lent_ || given_back_.has_value() || callbacks == nullptr || !callbacks->on_drained) return;
  in_callback_ = true;
  callbacks->on_drained(connection);
  in_callback_ = false;
  AfterCallback(false);
}

void PooledConnection::AfterCallback(bool input_left) {
  if (!given_back_.has_value()) return;
  const Fate fate = *std::exchange(given_back_, std::nullopt);
  Settle(fate, input_left);
}

void PooledConnection::OnClose(Connection& connection, const CloseReason& reason) {
  const std::shared_ptr<PooledConnection> self = shared_from_this();
  last_ = TrafficOf(connection);
  const bool tell = lent_ && !given_back_.has_value();  // Not if that was given back just now.
  if (PoolShard* const shard = std::exchange(shard_, nullptr)) shard->OnClosed(self, reason);
  state = State::kClosed;
  const std::shared_ptr<LeaseCallbacks> callbacks = std::exchange(callbacks_, nullptr);
  // First: the lease must not find a connection any more.
  const std::unique_ptr<StreamClient> client = std::move(client_);
  if (tell && callbacks != nullptr && callbacks->on_close) {
    callbacks->on_close({.reason = reason, .traffic = last_, .reused = uses_ > 1});
  }
}

// ---- The lease.

LeaseTraffic PooledConnection::TrafficOf(const Connection& connection) const {
  const ConnectionLedger ledger = connection.ledger();
  // What the lease before has left in the queue is sent first.
  return {.written = ledger.accepted - base_.written,
          .sent = ledger.sent > base_.sent ? ledger.sent - base_.sent : 0,
          .received = ledger.received - base_.received};
}

LeaseTraffic PooledConnection::Traffic() const {
  const Connection* const open = connection();
  return open == nullptr ? last_ : TrafficOf(*open);
}

bool PooledConnection::SetCallbacks(LeaseCallbacks callbacks) {
  Connection* const open = connection();
  if (open == nullptr || open->closed()) return false;
  callbacks_ = std::make_shared<LeaseCallbacks>(std::move(callbacks));
  if (callbacks_->on_bytes && !open->unread_input().empty() && !open->reading_paused()) {
    open->PauseReading();
    open->ResumeReading();  // What was left comes again.
  }
  return true;
}

void PooledConnection::GiveBack(std::shared_ptr<PooledConnection> held, Fate fate) {
  const LoopRef& loop = held->loop_ref_;
  if (loop.IsInLoop()) return held->TakeBack(fate);
  loop.Post([held, fate] { held->TakeBack(fate); });
}

void PooledConnection::TakeBack(Fate fate) {
  if (!lent_ || given_back_.has_value()) return;
  if (in_callback_) {
    given_back_ = fate;
    return;
  }
  Settle(fate, false);
}

void PooledConnection::Settle(Fate fate, bool input_left) {
  const std::shared_ptr<PooledConnection> self = shared_from_this();
  lent_ = false;
  std::shared_ptr<LeaseCallbacks> callbacks = std::exchange(callbacks_, nullptr);
  // It ended meanwhile, or is about to: that has been accounted for.
  if (shard_ != nullptr && (state == State::kLeased || state == State::kGreeting)) {
    shard_->TakeBack(self, fate, input_left);
  }
  callbacks.reset();  // May destroy anything of the user's, the pool included.
}

}  // namespace spindle
