#include "tests/testing/stream_audit.h"

#include <utility>

#include "gtest/gtest.h"

namespace spindle {

StreamAudit::StreamAudit() = default;

StreamAudit::~StreamAudit() {
  EXPECT_EQ(opened(), closed()) << "connections without on_close";
  MutexLock lock(mutex_);
  EXPECT_TRUE(live_.empty());
}

uint64_t StreamAudit::closed(CloseKind kind) const {
  MutexLock lock(mutex_);
  const auto found = kinds_.find(kind);
  return found == kinds_.end() ? 0 : found->second;
}

CloseReason StreamAudit::last_reason() const {
  MutexLock lock(mutex_);
  return last_reason_;
}

ConnectionCallbacks StreamAudit::Watch(ConnectionCallbacks inner) {
  ConnectionCallbacks outer;
  outer.on_open = [this, call = std::move(inner.on_open)](Connection& connection) {
    OnOpen(connection);
    if (call) call(connection);
  };
  if (inner.on_bytes) {
    outer.on_bytes = [this, call = std::move(inner.on_bytes)](Connection& connection,
                                                              Buffer& input) {
      const uint64_t generation = connection.id().generation;
      const size_t before = input.size();
      EXPECT_GT(before, 0u);
      Enter(generation);
      call(connection, input);
      Leave(generation, before - input.size());
    };
  }
  outer.on_read_closed = Plain(std::move(inner.on_read_closed));
  outer.on_pause = Plain(std::move(inner.on_pause));
  outer.on_resume = Plain(std::move(inner.on_resume));
  if (inner.on_drained) {
    outer.on_drained = [this, call = std::move(inner.on_drained)](Connection& connection) {
      OnDrained(connection);
      call(connection);
    };
  }
  outer.on_drain = Plain(std::move(inner.on_drain));
  outer.on_close = [this, call = std::move(inner.on_close)](Connection& connection,
                                                            const CloseReason& reason) {
    const CloseKind kind = reason.kind;
    OnClose(connection, reason);
    if (call) call(connection, reason);
    CountClose(kind);
  };
  return outer;
}

StreamAudit::Callback StreamAudit::Plain(Callback inner) {
  if (!inner) return nullptr;
  return [this, call = std::move(inner)](Connection& connection) {
    ExpectLive(connection.id().generation);
    EXPECT_FALSE(connection.closed());
    call(connection);
  };
}

void StreamAudit::ExpectLive(uint64_t generation) {
  MutexLock lock(mutex_);
  EXPECT_TRUE(live_.contains(generation)) << "callback before on_open or after on_close";
}

void StreamAudit::OnOpen(Connection& connection) {
  MutexLock lock(mutex_);
  EXPECT_TRUE(live_.emplace(connection.id().generation, Live{}).second) << "on_open twice";
  ++opened_;
}

void StreamAudit::OnDrained(const Connection& connection) {
  EXPECT_EQ(connection.output_queued(), 0u);
  EXPECT_FALSE(connection.closed());
  MutexLock lock(mutex_);
  const auto found = live_.find(connection.id().generation);
  ASSERT_NE(found, live_.end()) << "on_drained before on_open or after on_close";
  EXPECT_GT(connection.ledger().sent, found->second.sent_when_drained) << "nothing was written";
  found->second.sent_when_drained = connection.ledger().sent;
}

void StreamAudit::Enter(uint64_t generation) {
  MutexLock lock(mutex_);
  const auto found = live_.find(generation);
  ASSERT_NE(found, live_.end()) << "on_bytes before on_open or after on_close";
  EXPECT_FALSE(found->second.in_bytes) << "on_bytes nests";
  found->second.in_bytes = true;
}

void StreamAudit::Leave(uint64_t generation, size_t consumed) {
  MutexLock lock(mutex_);
  const auto found = live_.find(generation);
  if (found == live_.end()) return;  // The owner was destroyed inside.
  found->second.in_bytes = false;
  found->second.consumed += consumed;
}

void StreamAudit::OnClose(Connection& connection, const CloseReason& reason) {
  EXPECT_TRUE(connection.closed());
  EXPECT_NE(reason.kind, CloseKind::kNone);
  EXPECT_EQ(connection.Write("x").code(), EPIPE);
  const ConnectionLedger ledger = connection.ledger();
  EXPECT_EQ(ledger.accepted, ledger.sent + ledger.discarded);
  MutexLock lock(mutex_);
  const auto found = live_.find(connection.id().generation);
  ASSERT_NE(found, live_.end()) << "on_close before on_open or twice";
  if (!found->second.in_bytes && !forwarding_) {
    // Without on_bytes all is dropped.
    EXPECT_EQ(ledger.received, found->second.consumed + ledger.dropped);
  }
  live_.erase(found);
  last_reason_ = reason;
  received_ += ledger.received;
  sent_ += ledger.sent;
  discarded_ += ledger.discarded;
  dropped_ += ledger.dropped;
}

void StreamAudit::CountClose(CloseKind kind) {
  MutexLock lock(mutex_);
  ++kinds_[kind];
  ++closed_;
}

}  // namespace spindle
