#ifndef SPINDLE_TESTS_TESTING_STREAM_AUDIT_H_
#define SPINDLE_TESTS_TESTING_STREAM_AUDIT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>

#include "absl/functional/any_invocable.h"
#include "base/mutex.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"

namespace spindle {

// Looks over the shoulder of a server or client: wraps its callbacks and fails the test when one
// comes out of order, or when the ledger of a connection does not add up. Any thread.
class StreamAudit {
 public:
  StreamAudit();
  StreamAudit(const StreamAudit&) = delete;
  StreamAudit& operator=(const StreamAudit&) = delete;
  ~StreamAudit();

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
  uint64_t closed(CloseKind kind) const;
  CloseReason last_reason() const;

  // Must outlive every user of the result. on_open is always wanted.
  ConnectionCallbacks Watch(ConnectionCallbacks inner);

 private:
  using Callback = absl::AnyInvocable<void(Connection&) const>;
  struct Live {
    uint64_t consumed = 0;
    uint64_t sent_when_drained = 0;
    bool in_bytes = false;
  };

  Callback Plain(Callback inner);

  void ExpectLive(uint64_t generation);
  void OnOpen(Connection& connection);
  void OnDrained(const Connection& connection);
  void Enter(uint64_t generation);
  void Leave(uint64_t generation, size_t consumed);
  void OnClose(Connection& connection, const CloseReason& reason);

  // Last of all: who has waited for it, on another thread, sees the sums and what the test's own
  // on_close has done.
  void CountClose(CloseKind kind);

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
