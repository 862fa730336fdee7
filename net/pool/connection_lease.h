#ifndef SPINDLE_NET_POOL_CONNECTION_LEASE_H_
#define SPINDLE_NET_POOL_CONNECTION_LEASE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "net/loop/loop_ref.h"
#include "net/stream/connection.h"
#include "net/stream/connection_handle.h"
#include "net/types/buffer.h"
#include "net/types/close_reason.h"

namespace spindle {

class PooledConnection;

// What went through a connection during one lease, in bytes.
struct LeaseTraffic {
  uint64_t written = 0;   // Taken by Write and its kin.
  uint64_t sent = 0;      // Of these: given to the kernel. The server may have seen them.
  uint64_t received = 0;  // Read from the kernel.
};

// How a connection ended under its lease.
struct LeaseEnd {
  CloseReason reason;
  LeaseTraffic traffic;
  bool reused = false;  // It had been lent before: the server may have closed it as idle.

  // The server cannot have seen anything of what was written: it may be written again on another
  // connection, whatever it means.
  bool nothing_sent() const { return traffic.sent == 0; }
};

// What the holder of a lease hears. Each is optional. All run on the lease's loop, while it is
// held, and follow the rules of ConnectionCallbacks: anything may be done in them, returning the
// lease and destroying the pool included.
struct LeaseCallbacks {
  // As ConnectionCallbacks::on_bytes. A lease that is returned inside takes effect when the
  // callback returns; input that is left then makes the connection unusable.
  absl::AnyInvocable<void(Connection&, Buffer& input)> on_bytes = nullptr;
  absl::AnyInvocable<void(Connection&)> on_drained = nullptr;
  // The connection ended. Once, unless the lease was returned or discarded before.
  absl::AnyInvocable<void(const LeaseEnd&)> on_close = nullptr;
};

// The sole use of one connection of a pool, until it is returned; destruction returns it. Movable.
//
// Loop thread only (that of the Acquire), but for destruction, Return, Discard and what is const
// and says so: any thread, also after the pool or the loop is gone. Elsewhere than on the loop's
// thread a return takes effect there, a moment later.
class ConnectionLease {
 public:
  // Holds nothing.
  ConnectionLease() = default;
  explicit ConnectionLease(std::shared_ptr<PooledConnection> held) : held_(std::move(held)) {}
  ConnectionLease(ConnectionLease&& other) noexcept = default;
  ConnectionLease& operator=(ConnectionLease&& other) noexcept;
  ~ConnectionLease();

  // Holds one; it may have ended. Any thread.
  explicit operator bool() const { return held_ != nullptr; }
  // Null if nothing is held or the connection has ended. Valid until the callback returns.
  Connection* connection() const;
  // The connection's, also after its end: never given twice in the life of the process. Any thread.
  ConnectionId id() const;
  // How often the connection was lent before this lease. Any thread.
  uint64_t uses_before() const;
  LeaseTraffic traffic() const;

  // Whom to tell from now on. What was received before comes again at once. False, and nothing is
  // kept, if the connection has ended.
  bool SetCallbacks(LeaseCallbacks callbacks);

  // Gives it back, for others. What is still queued for sending is sent. It is closed instead if it
  // is unusable: input unread, ended or ending.
  void Return();
  // Closes it (Connection::Close) instead: whenever it is not certain that no answer, or rest of
  // one, is still to come.
  void Discard();

 private:
  friend class PooledConnection;
  enum class Fate : uint8_t { kReturn, kDiscard };
  void LetGo(Fate fate);

  std::shared_ptr<PooledConnection> held_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_CONNECTION_LEASE_H_
