#ifndef SPINDLE_TESTS_TESTING_STREAM_AUDIT_H_
#define SPINDLE_TESTS_TESTING_STREAM_AUDIT_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "gtest/gtest.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"

namespace spindle {

// Looks over the shoulder of a server or client: wraps its callbacks and fails the test when one
// comes out of order, or when the ledger of a connection does not add up. Any thread.
class StreamAudit {
 public:
  StreamAudit() = default;
  StreamAudit(const StreamAudit&) = delete;
  StreamAudit& operator=(const StreamAudit&) = delete;
  ~StreamAudit() {
    EXPECT_EQ(opened(), closed()) << "connections without on_close";
    MutexLock lock(mutex_);
    EXPECT_TRUE(live_.empty());
  }

  // The connections are coupled: bytes leave without being seen by on_bytes.
  void ExpectForwarding() { forwarding_ = true; }

  uint64_t opened() const { return opened_.load(); }
  // Counted when on_close has returned.
  uint64_t closed() const { return closed_.load(); }
  uint64_t open() const { return opened() - closed(); }
  uint64_t received() const { return received_.load(); }
  uint64_t sent() const { return sent_.load(); }
  uint64_t discarded() const { return discarded_.load(); }
  uint64_t dropped() const { return dropped_.load(); }
  // Connections that ended so.
  uint64_t closed(CloseKind kind) const {
    MutexLock lock(mutex_);
    const auto found = kinds_.find(kind);
    return found == kinds_.end() ? 0 : found->second;
  }
  CloseReason last_reason() const {
    MutexLock lock(mutex_);
    return last_reason_;
  }

  // Must outlive every user of the result. on_open is always wanted.
  ConnectionCallbacks Watch(ConnectionCallbacks inner) {
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

 private:
  using Callback = absl::AnyInvocable<void(Connection&) const>;
  struct Live {
    uint64_t consumed = 0;
    uint64_t sent_when_drained = 0;
    bool in_bytes = false;
  };

  Callback Plain(Callback inner) {
    if (!inner) return nullptr;
    return [this, call = std::move(inner)](Connection& connection) {
      ExpectLive(connection.id().generation);
      EXPECT_FALSE(connection.closed());
      call(connection);
    };
  }

  void ExpectLive(uint64_t generation) {
    MutexLock lock(mutex_);
    EXPECT_TRUE(live_.contains(generation)) << "callback before on_open or after on_close";
  }
  void OnOpen(Connection& connection) {
    MutexLock lock(mutex_);
    EXPECT_TRUE(live_.emplace(connection.id().generation, Live{}).second) << "on_open twice";
    ++opened_;
  }
  void OnDrained(const Connection& connection) {
    EXPECT_EQ(connection.output_queued(), 0u);
    EXPECT_FALSE(connection.closed());
    MutexLock lock(mutex_);
    const auto found = live_.find(connection.id().generation);
    ASSERT_NE(found, live_.end()) << "on_drained before on_open or after on_close";
    EXPECT_GT(connection.ledger().sent, found->second.sent_when_drained) << "nothing was written";
    found->second.sent_when_drained = connection.ledger().sent;
  }
  void Enter(uint64_t generation) {
    MutexLock lock(mutex_);
    const auto found = live_.find(generation);
    ASSERT_NE(found, live_.end()) << "on_bytes before on_open or after on_close";
    EXPECT_FALSE(found->second.in_bytes) << "on_bytes nests";
    found->second.in_bytes = true;
  }
  void Leave(uint64_t generation, size_t consumed) {
    MutexLock lock(mutex_);
    const auto found = live_.find(generation);
    if (found == live_.end()) return;  // The owner was destroyed inside.
    found->second.in_bytes = false;
    found->second.consumed += consumed;
  }
  void OnClose(Connection& connection, const CloseReason& reason) {
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

  // Last of all: who has waited for it, on another thread, sees the sums and what the test's own
  // on_close has done.
  void CountClose(CloseKind kind) {
    MutexLock lock(mutex_);
    ++kinds_[kind];
    ++closed_;
  }

  bool forwarding_ = false;
  mutable Mutex mutex_;
  std::map<uint64_t, Live> live_ ABSL_GUARDED_BY(mutex_);
  std::map<CloseKind, uint64_t> kinds_ ABSL_GUARDED_BY(mutex_);
  CloseReason last_reason_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> opened_{0};
  std::atomic<uint64_t> closed_{0};
  std::atomic<uint64_t> received_{0};
  std::atomic<uint64_t> sent_{0};
  std::atomic<uint64_t> discarded_{0};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_STREAM_AUDIT_H_
