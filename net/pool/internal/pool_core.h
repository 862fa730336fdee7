#ifndef SPINDLE_NET_POOL_INTERNAL_POOL_CORE_H_
#define SPINDLE_NET_POOL_INTERNAL_POOL_CORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/syscalls.h"
#include "net/loop/event_loop.h"
#include "net/pool/internal/pool_book.h"
#include "net/pool/pool_options.h"
#include "net/pool/pool_stats.h"
#include "net/types/socket_address.h"

namespace spindle {

class PoolShard;

// What the shards of a pool share: the options, the book, and for each shard an inbox of orders.
//
// Any thread. User code never runs, and no callback of users is destroyed, under the mutex.
class PoolCore final : public std::enable_shared_from_this<PoolCore> {
 public:
  PoolCore(std::span<EventLoop* const> loops, const SocketAddress& server, PoolOptions options);

  // Second half of the construction, which needs shared_from_this.
  void Init(std::span<EventLoop* const> loops);
  // Stops all shards. When it returns no callback runs any more, but for the caller's own.
  void Stop();

  const PoolOptions& options() const { return options_; }
  const SocketAddress& server() const { return server_; }
  TimePoint Now() const { return clock_.Now(); }
  // CHECKs that `loop` is the pool's.
  PoolShard& ShardOf(const EventLoop& loop) const;

  // Calls `function` with the book, under the mutex, and delivers the orders that it gave.
  void Use(absl::FunctionRef<void(PoolBook& book, PoolOrders& orders)> function);
  // Any thread.
  void Cancel(const AcquireId& id);
  // What was ordered of a shard since the last call, in order.
  PoolOrders TakeOrders(size_t shard);

  bool Drain(size_t shard, Duration deadline,
             absl::AnyInvocable<void(const PoolDrainResult&)> done);
  // Of the last kDrained.
  absl::AnyInvocable<void(const PoolDrainResult&)> TakeDrainDone();
  void WarmUp(size_t shard, EventLoop& loop, Duration timeout, absl::AnyInvocable<void(bool)> done);
  // A shard's loop is gone.
  void LoopGone(size_t shard);
  PoolStats Stats() const;

 private:
  struct Inbox {
    PoolOrders orders;
    bool posted = false;  // A task that will take them is on its way.
  };
  struct WarmWait {
    uint64_t number;
    size_t shard;
    absl::AnyInvocable<void(bool)> done;
  };

  void AnswerWarm(PoolOrders& orders) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndWarmWait(uint64_t number);
  // Moves `orders` to the inboxes; returns the shards to be woken.
  std::vector<size_t> Deliver(PoolOrders& orders) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeShards(const std::vector<size_t>& shards);

  const PoolOptions options_;
  const SocketAddress server_;
  Syscalls& clock_;
  std::vector<std::shared_ptr<PoolShard>> shards_;  // From Init to Stop.

  mutable Mutex mutex_;
  PoolBook book_ ABSL_GUARDED_BY(mutex_);
  std::vector<Inbox> inboxes_ ABSL_GUARDED_BY(mutex_);
  std::vector<WarmWait> warm_waits_ ABSL_GUARDED_BY(mutex_);
  uint64_t warm_numbers_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::AnyInvocable<void(const PoolDrainResult&)> drain_done_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_INTERNAL_POOL_CORE_H_
