#include "net/pool/internal/pool_core.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/check.h"
#include "net/loop/io_host.h"
#include "net/pool/internal/pool_shard.h"

namespace spindle {

PoolCore::PoolCore(std::span<EventLoop* const> loops, const SocketAddress& server,
                   PoolOptions options)
    : options_(std::move(options)),
      server_(server),
      clock_(IoHost::Of(*loops.front()).syscalls()),
      book_(options_, loops.size(),
            options_.random_seed != 0 ? options_.random_seed : std::random_device{}()),
      inboxes_(loops.size()) {}

void PoolCore::Init(std::span<EventLoop* const> loops) {
  for (EventLoop* const loop : loops) {
    shards_.push_back(std::make_shared<PoolShard>(shared_from_this(), *loop, shards_.size()));
  }
  Use([&](PoolBook& book, PoolOrders& orders) { book.Wake(Now(), orders); });
}

void PoolCore::Stop() {
  Use([](PoolBook& book, PoolOrders&) { book.Stop(); });
  for (const std::shared_ptr<PoolShard>& shard : shards_) {
    if (!shard->loop_ref().CallAndWait([&] { shard->Stop(); })) shard->Stop();
  }
  // Shards and core hold each other. Nobody else looks at the list any more.
  shards_.clear();
  TakeDrainDone();
}

PoolShard& PoolCore::ShardOf(const EventLoop& loop) const {
  for (const std::shared_ptr<PoolShard>& shard : shards_) {
    if (shard->IsOn(loop)) return *shard;
  }
  SPINDLE_CHECK(false) << "not a loop of this pool: " << loop.name();
  return *shards_.front();
}

void PoolCore::Use(absl::FunctionRef<void(PoolBook&, PoolOrders&)> function) {
  PoolOrders orders;
  std::vector<size_t> wake;
  {
    MutexLock lock(mutex_);
    function(book_, orders);
    AnswerWarm(orders);
    wake = Deliver(orders);
  }
  WakeShards(wake);
}

void PoolCore::Cancel(const AcquireId& id) {
  if (!id.valid() || id.loop >= shards_.size()) return;
  if (shards_[id.loop]->loop_ref().IsInLoop()) return shards_[id.loop]->Cancel(id.number);
  Use([&](PoolBook&, PoolOrders& orders) {
    orders.push_back({.kind = PoolOrder::Kind::kCancel, .loop = id.loop, .number = id.number});
  });
}

std::vector<size_t> PoolCore::Deliver(PoolOrders& orders) {
  std::vector<size_t> wake;
  for (PoolOrder& order : orders) {
    Inbox& inbox = inboxes_[order.loop];
    if (!std::exchange(inbox.posted, true)) wake.push_back(order.loop);
    inbox.orders.push_back(std::move(order));
  }
  return wake;
}

void PoolCore::WakeShards(const std::vector<size_t>& shards) {
  for (const size_t index : shards) {
    const std::weak_ptr<PoolShard> weak = shards_[index];
    const bool there = shards_[index]->loop_ref().Post([weak] {
      if (const std::shared_ptr<PoolShard> shard = weak.lock()) shard->ObeyOrders();
    });
    if (!there) LoopGone(index);
  }
}

PoolOrders PoolCore::TakeOrders(size_t shard) {
  MutexLock lock(mutex_);
  inboxes_[shard].posted = false;
  return std::exchange(inboxes_[shard].orders, {});
}

void PoolCore::LoopGone(size_t shard) {
  std::vector<PoolWaiter> dropped;
  Use([&](PoolBook& book, PoolOrders& orders) { dropped = book.LoopGone(shard, Now(), orders); });
}

bool PoolCore::Drain(size_t shard, Duration deadline,
                     absl::AnyInvocable<void(const PoolDrainResult&)> done) {
  bool first = false;
  Use([&](PoolBook& book, PoolOrders& orders) {
    mutex_.AssertHeld();
    if (book.draining() || book.stopped()) return;
    first = true;
    drain_done_ = std::move(done);
    const TimePoint now = Now();
    book.Drain(shard, now, orders);
    for (PoolOrder& order : orders) {
      if (order.kind == PoolOrder::Kind::kDrain) order.when = SaturatingAdd(now, deadline);
    }
  });
  return first;
}

absl::AnyInvocable<void(const PoolDrainResult&)> PoolCore::TakeDrainDone() {
  MutexLock lock(mutex_);
  return std::exchange(drain_done_, nullptr);
}

void PoolCore::WarmUp(size_t shard, EventLoop& loop, Duration timeout,
                      absl::AnyInvocable<void(bool)> done) {
  uint64_t number = 0;
  Use([&](PoolBook&, PoolOrders&) {
    mutex_.AssertHeld();
    number = ++warm_numbers_;
    warm_waits_.push_back({number, shard, std::move(done)});
  });
  loop.RunAfter(timeout, [weak = weak_from_this(), number] {
    if (const std::shared_ptr<PoolCore> core = weak.lock()) core->EndWarmWait(number);
  });
}

void PoolCore::EndWarmWait(uint64_t number) {
  Use([&](PoolBook&, PoolOrders& orders) {
    mutex_.AssertHeld();
    const auto at = std::find_if(warm_waits_.begin(), warm_waits_.end(),
                                 [&](const WarmWait& wait) { return wait.number == number; });
    if (at == warm_waits_.end()) return;
    orders.push_back(
        {.kind = PoolOrder::Kind::kWarm, .loop = at->shard, .warm_done = std::move(at->done)});
    warm_waits_.erase(at);
  });
}

void PoolCore::AnswerWarm(PoolOrders& orders) {
  if (warm_waits_.empty()) return;
  const bool over = book_.draining() || book_.stopped();
  if (!over && !book_.warm()) return;
  for (WarmWait& wait : warm_waits_) {
    orders.push_back({.kind = PoolOrder::Kind::kWarm,
                      .loop = wait.shard,
                      .warm_done = std::move(wait.done),
                      .warm = !over});
  }
  warm_waits_.clear();
}

PoolStats PoolCore::Stats() const {
  MutexLock lock(mutex_);
  return book_.Snapshot(Now());
}

}  // namespace spindle
