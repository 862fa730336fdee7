#include "net/pool/connection_pool.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "net/pool/internal/pool_core.h"
#include "net/pool/internal/pool_shard.h"

namespace spindle {

ConnectionPool::ConnectionPool(std::span<EventLoop* const> loops, const SocketAddress& server,
                               PoolOptions options) {
  SPINDLE_CHECK(!loops.empty());
  core_ = std::make_shared<PoolCore>(loops, server, std::move(options));
  core_->Init(loops);
}

ConnectionPool::ConnectionPool(EventLoop& loop, const SocketAddress& server, PoolOptions options)
    : ConnectionPool(std::array<EventLoop*, 1>{&loop}, server, std::move(options)) {}

ConnectionPool::~ConnectionPool() { core_->Stop(); }

AcquireId ConnectionPool::Acquire(EventLoop& loop, const AcquireOptions& options,
                                  AcquireCallback done) {
  return core_->ShardOf(loop).Acquire(options, std::move(done));
}

void ConnectionPool::Cancel(const AcquireId& id) { core_->Cancel(id); }

ConnectionLease ConnectionPool::TryAcquire(EventLoop& loop) {
  return core_->ShardOf(loop).TryAcquire();
}

void ConnectionPool::WarmUp(EventLoop& loop, Duration timeout,
                            absl::AnyInvocable<void(bool)> done) {
  PoolShard& shard = core_->ShardOf(loop);
  shard.AssertInLoop();
  core_->WarmUp(shard.index(), loop, timeout, std::move(done));
}

bool ConnectionPool::Drain(EventLoop& loop, Duration deadline,
                           absl::AnyInvocable<void(const PoolDrainResult&)> done) {
  PoolShard& shard = core_->ShardOf(loop);
  shard.AssertInLoop();
  return core_->Drain(shard.index(), deadline, std::move(done));
}

PoolStats ConnectionPool::Stats() const { return core_->Stats(); }

const SocketAddress& ConnectionPool::server() const { return core_->server(); }

}  // namespace spindle
