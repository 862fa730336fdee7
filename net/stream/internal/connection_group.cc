#include "net/stream/internal/connection_group.h"

#include <errno.h>

#include <utility>

#include "base/check.h"
#include "base/probe.h"
#include "net/stream/internal/connection_rare.h"
#include "net/stream/internal/memory_governor.h"
#include "net/stream/internal/peer_counts.h"

namespace spindle {

// The deadline of a drain, and its sums so far.
class ConnectionGroup::Draining final : public TimerEntry {
 public:
  Draining(ConnectionGroup& group, absl::AnyInvocable<void(const DrainResult&)> on_done)
      : done(std::move(on_done)), group_(group) {}
  ~Draining() {
    if (scheduled()) group_.host_.timers().Remove(*this);
  }

  void Count(const Connection& connection, const CloseReason& reason) {
    const bool force = reason.kind == CloseKind::kServerStopped || reason.by_timeout();
    ++(force ? result.forced : result.finished);
    result.bytes_lost += connection.ledger().discarded;
  }

  DrainResult result;
  absl::AnyInvocable<void(const DrainResult&)> done;

 private:
  void OnTimer() override { group_.EndAll(CloseReason{CloseKind::kServerStopped}); }

  ConnectionGroup& group_;
};

ConnectionGroup::ConnectionGroup(IoHost& host, std::shared_ptr<const ConnectionConfig> config,
                                 std::shared_ptr<LoopMemory> memory,
                                 std::shared_ptr<PeerCounts> peers)
    : host_(host),
      config_(std::move(config)),
      memory_(std::move(memory)),
      peers_(std::move(peers)),
      unasked_limit_(memory_ != nullptr && memory_->has_budget() ? 0
                                                                 : config_->options.output_limit),
      deferral_(std::in_place, *this) {}

ConnectionGroup::~ConnectionGroup() { Stop(); }

void ConnectionGroup::Stop() {
  if (bool* const flag = std::exchange(stopped_, nullptr)) *flag = true;
  draining_.reset();
  deferral_.reset();
  EndAll(CloseReason{CloseKind::kServerStopped});
  while (Connection* connection = closed_.pop_front()) {
    connection->group_ = nullptr;
    if (connection->opened_ && config_->callbacks.on_close) {
      config_->callbacks.on_close(*connection, connection->reason_);
    }
    if (connection->in_callback_) {
      connection->rare().kept_alive = config_;
      connection->orphaned_ = true;
    } else {
      delete connection;
    }
  }
}

Interest ConnectionGroup::initial_interest() const {
  const ConnectionOptions& options = config_->options;
  const bool early = config_->callbacks.on_open || options.idle_timeout > Duration::zero() ||
                     options.read_timeout > Duration::zero();
  const Interest read = Interest::kRead | Interest::kPeerClosed | Interest::kPriority;
  return early ? read | Interest::kWrite : read;
}

void ConnectionGroup::Adopt(SlotToken token, const SocketAddress& peer) {
  Take(token, peer, Has(initial_interest(), Interest::kWrite), 0);
}

void ConnectionGroup::AdoptConnected(SlotToken token, const SocketAddress& peer,
                                     uint32_t event_flags) {
  Take(token, peer, /*write_armed=*/true, event_flags);
}

IoError ConnectionGroup::Attach(OwnedSocket socket, const SocketAddress& peer) {
  const Interest interest = Interest::kRead | Interest::kPeerClosed | Interest::kPriority;
  const SlotToken token = SlotToken::Next(socket.get());
  IoError error;
  if (host_.closing()) {
    error = IoError(ECANCELED, IoOp::kPoll);
  } else if (socket.get() > SlotToken::kMaxFd) {
    error = IoError(EMFILE, IoOp::kPoll);
  } else {
    error = host_.backend().Add(token, interest, Trigger::kEdge);
  }
  if (!error.ok()) {
    Unexpect();
    return error;
  }
  static_cast<void>(socket.release());
  Take(token, peer, /*write_armed=*/false, 0);
  return IoError();
}

void ConnectionGroup::Take(SlotToken token, const SocketAddress& peer, bool write_armed,
                           uint32_t event_flags) {
  Connection* connection = new Connection(*this, peer);
  connection->id_ = token;
  connection->write_armed_ = write_armed;
  open_.push_back(*connection);
  host_.AttachAdopted(*connection, token);
  ++host_.stats().connections_opened;
  SPINDLE_PROBE(conn_open, token.fd(), token.generation(), host_.stats().connections_opened);
  connection->NoteReadable(event_flags);
  if (connection->read_ready_) host_.MarkReady(*connection);
  if (draining_ != nullptr) AskToEnd(*connection);
  connection->CallOnOpen();  // May destroy the group.
}

void ConnectionGroup::EndAll(CloseReason reason) {
  while (!open_.empty()) open_.front().End(reason);
}

void ConnectionGroup::AskToEnd(Connection& connection) {
  const auto& on_drain = config_->callbacks.on_drain;
  if (on_drain) {
    // Not now: the connection may be inside another callback.
    connection.handle().Run(
        [config = config_](Connection& target) { config->callbacks.on_drain(target); });
  } else {
    connection.Close();
  }
}

void ConnectionGroup::Drain(TimePoint deadline, absl::AnyInvocable<void(const DrainResult&)> done) {
  SPINDLE_CHECK(draining_ == nullptr);
  draining_ = std::make_unique<Draining>(*this, std::move(done));
  host_.timers().Add(*draining_, deadline);
  for (Connection& connection : open_) AskToEnd(connection);
  if (open_.empty()) host_.Defer(*deferral_);
}

bool ConnectionGroup::MayFinishDrain() {
  if (draining_ == nullptr || !draining_->done || count() > 0 || !open_.empty() ||
      !closed_.empty()) {
    return true;
  }
  absl::AnyInvocable<void(const DrainResult&)> done = std::move(draining_->done);
  draining_->done = nullptr;
  host_.timers().Remove(*draining_);
  const DrainResult result = draining_->result;
  return CallOut([&] { done(result); });
}

bool* ConnectionGroup::SwapStopFlag(bool* flag) { return std::exchange(stopped_, flag); }

template <typename Function>
bool ConnectionGroup::CallOut(Function function) {
  bool stopped = false;
  bool* const outer = SwapStopFlag(&stopped);
  function();
  if (stopped) {
    if (outer != nullptr) *outer = true;
    return false;
  }
  stopped_ = outer;
  return true;
}

void ConnectionGroup::OnClosed(Connection& connection) {
  open_.remove(connection);
  closed_.push_back(connection);
  if (peers_ != nullptr) peers_->Remove(connection.peer_);
  Unexpect();
  ++host_.stats().connections_closed;
  if (deferral_.has_value()) host_.Defer(*deferral_);
}

void ConnectionGroup::ReportClosed() {
  while (Connection* connection = closed_.pop_front()) {
    if (!Report(*connection)) return;
  }
  static_cast<void>(MayFinishDrain());
}

bool ConnectionGroup::Report(Connection& connection) {
  SPINDLE_DCHECK(connection.accepted_ >= connection.sent_);
  if (draining_ != nullptr) draining_->Count(connection, connection.reason_);
  const std::shared_ptr<const ConnectionConfig> keep_alive = config_;
  SPINDLE_PROBE(conn_close, connection.id_.generation(), connection.received_, connection.sent_);
  return CallOut([&] {
    connection.in_callback_ = true;
    if (connection.opened_ && keep_alive->callbacks.on_close) {
      keep_alive->callbacks.on_close(connection, connection.reason_);
    }
    delete &connection;  // The user's data may own the server.
  });
}

}  // namespace spindle
