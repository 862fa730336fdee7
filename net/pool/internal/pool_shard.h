#ifndef SPINDLE_NET_POOL_INTERNAL_POOL_SHARD_H_
#define SPINDLE_NET_POOL_INTERNAL_POOL_SHARD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>

#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/loop/loop_ref.h"
#include "net/loop/timer.h"
#include "net/pool/internal/pool_book.h"
#include "net/pool/internal/pool_core.h"
#include "net/pool/internal/pooled_connection.h"

namespace spindle {

// A pool's part on one loop: its connections there, and those who are to hear something.
//
// Loop thread only, but for loop_ref() and IsOn. User code is called from tasks and timers, never
// inside a call of the user's; whoever calls it looks at `stopped_` afterwards.
class PoolShard final : public std::enable_shared_from_this<PoolShard> {
 public:
  PoolShard(std::shared_ptr<PoolCore> core, EventLoop& loop, size_t index)
      : core_(std::move(core)), loop_(loop), loop_ref_(loop.ref()), index_(index) {}

  const LoopRef& loop_ref() const { return loop_ref_; }
  bool IsOn(const EventLoop& loop) const { return &loop == &loop_; }
  size_t index() const { return index_; }
  const PoolOptions& options() const { return core_->options(); }
  const SocketAddress& server() const { return core_->server(); }

  void AssertInLoop() const;
  AcquireId Acquire(const AcquireOptions& options, AcquireCallback done);
  void Cancel(uint64_t number);
  ConnectionLease TryAcquire();
  // Carries out what is in the inbox.
  void ObeyOrders();
  // Ends everything: who waits is told, connections end. Also without the loop, once it is gone.
  void Stop();

  // ---- From its connections.

  void OnOpened(const std::shared_ptr<PooledConnection>& connection);
  void OnConnectFailed(const std::shared_ptr<PooledConnection>& connection);
  void OnClosed(const std::shared_ptr<PooledConnection>& connection, const CloseReason& reason);
  // Input that nobody asked for.
  void OnStale(const std::shared_ptr<PooledConnection>& connection);
  void OnProven(PooledConnection& connection);
  void TakeBack(const std::shared_ptr<PooledConnection>& connection, PooledConnection::Fate fate,
                bool input_left);

 private:
  using State = PooledConnection::State;
  // An answer on its way.
  struct Grant {
    PoolWaiter waiter;
    std::shared_ptr<PooledConnection> connection;  // Null: `error`.
    AcquireError error = AcquireError::kNone;
  };

  TimePoint Now() const { return core_->Now(); }
  void Obey(PoolOrder& order);
  void Open();
  void YieldOne();
  void BeginDrain(TimePoint deadline);
  void ForceDrain();

  // Returns the waiter's number.
  uint64_t Ask(PoolWaiter waiter, PoolBook::Entry entry);
  void QueueGrant(Grant grant, PoolBook::Entry entry = PoolBook::Entry::kNew);
  void DeliverGrants();
  void Deliver(Grant grant);
  bool StillGood(const PooledConnection& connection) const;
  void Follow(PoolBook::Offer offer, const std::shared_ptr<PooledConnection>& connection);
  std::shared_ptr<PooledConnection> PopIdle();
  ConnectionLease Lend(PooledConnection& connection);
  void CloseIdle(const std::shared_ptr<PooledConnection>& connection, PoolCloseCause cause);
  void CloseLeased(PooledConnection& connection, PoolCloseCause cause);
  void CutLeased(PooledConnection& connection, PoolCloseCause cause);
  void LeasedCloses(PoolCloseCause cause);
  // Has the user make it ready; then it is Ready, or the greeting fails.
  void Greet(const std::shared_ptr<PooledConnection>& connection);
  void EndGreeting(const std::shared_ptr<PooledConnection>& connection, PooledConnection::Fate fate,
                   bool input_left);
  void GreetingEnds(PooledConnection& connection, PoolBook::Greeting how);
  // May be lent from now on.
  void Ready(const std::shared_ptr<PooledConnection>& connection);

  void ArmDeadlines();
  void ExpireWaiters();
  void Wake();
  // Has Keep run at `when`, at the latest.
  void KeepAt(TimePoint when);
  void Keep();
  // Returns when it is to be looked at again.
  TimePoint KeepOne(const std::shared_ptr<PooledConnection>& connection, TimePoint now);
  TimePoint KeepIdle(const std::shared_ptr<PooledConnection>& connection, TimePoint now);
  void Probe(const std::shared_ptr<PooledConnection>& connection, TimePoint now);
  void Rearm(TimerId& timer, TimePoint when, void (PoolShard::*function)());

  const std::shared_ptr<PoolCore> core_;
  EventLoop& loop_;
  const LoopRef loop_ref_;
  const size_t index_;
  std::map<uint64_t, std::shared_ptr<PooledConnection>> all_;  // By number, in order of opening.
  uint64_t last_number_ = 0;
  // The one used last is at the back. At least as many as the book counts as idle here.
  std::deque<std::shared_ptr<PooledConnection>> idle_;
  std::deque<Grant> grants_;
  bool delivering_ = false;  // DeliverGrants is on its way.
  bool stopped_ = false;
  bool probing_ = false;  // A probe is under way.
  TimerId deadline_timer_;
  TimePoint deadline_at_ = kNever;
  TimerId keep_timer_;
  TimePoint keep_at_ = kNever;
  TimerId wake_timer_;
  TimerId drain_timer_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_INTERNAL_POOL_SHARD_H_
