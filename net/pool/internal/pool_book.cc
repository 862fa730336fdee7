#include "net/pool/internal/pool_book.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace spindle {

PoolBook::PoolBook(const PoolOptions& options, size_t loops, uint64_t seed)
    : options_(options),
      loops_(loops),
      random_(seed),
      backoff_(options.backoff),
      circuit_(options.circuit) {
  SPINDLE_CHECK(loops > 0);
  SPINDLE_CHECK(options.max_connections >= 1);
  SPINDLE_CHECK(options.min_connections <= options.max_connections);
}

// ---- Who wants a connection.

PoolBook::Verdict PoolBook::Ask(size_t loop, TimePoint now, PoolWaiter& waiter, Entry entry,
                                AcquireError* error, PoolOrders& orders) {
  const auto refuse = [&](AcquireError why, uint64_t* counter) {
    if (counter != nullptr) ++*counter;
    *error = why;
    return Verdict::kRefuse;
  };
  if (stopped_) return refuse(AcquireError::kStopped, nullptr);
  if (draining_) return refuse(AcquireError::kDraining, nullptr);
  if (!waiter.picky && Take(loop)) return Verdict::kTake;
  if (waiter.deadline <= now) return refuse(AcquireError::kTimeout, &stats_.timeouts);
  if (circuit_.state(now) == CircuitState::kOpen) {
    return refuse(AcquireError::kCircuitOpen, &stats_.circuit_refusals);
  }
  if (entry == Entry::kNew) {
    size_t waiting = 0;
    for (const Loop& each : loops_) waiting += each.waiters.size();
    if (waiting >= options_.max_waiters) {
      return refuse(AcquireError::kQueueFull, &stats_.queue_full);
    }
  } else {
    ++stats_.requeued;
  }
  loops_[loop].waiters.Add(std::move(waiter));
  Pump(now, orders);
  return Verdict::kWait;
}

bool PoolBook::Take(size_t loop) {
  Loop& here = loops_[loop];
  if (draining_ || stopped_ || here.idle == 0) return false;
  --here.idle;
  ++here.leased;
  return true;
}

std::vector<PoolWaiter> PoolBook::TakeExpired(size_t loop, TimePoint now) {
  std::vector<PoolWaiter> expired = loops_[loop].waiters.TakeExpired(now);
  stats_.timeouts += expired.size();
  return expired;
}

// ---- What becomes of connections.

PoolBook::Offer PoolBook::Connected(size_t loop, TimePoint now, PoolOrders& orders) {
  --loops_[loop].connecting;
  ++unproven_;
  ++stats_.opened;
  Offer offer = Place(loop, Kind::kFresh, now);
  Pump(now, orders);
  return offer;
}

PoolBook::Offer PoolBook::Returned(size_t loop, TimePoint now, PoolOrders& orders) {
  --loops_[loop].leased;
  Offer offer = Place(loop, Kind::kUsed, now);
  Finish(orders);
  return offer;
}

PoolBook::Offer PoolBook::Yield(size_t loop, size_t to) {
  ++loops_[to].connecting;
  loops_[loop].owed.push_back(to);
  ++stats_.closed[static_cast<size_t>(PoolCloseCause::kMoved)];
  return {Offer::What::kYield};
}

PoolBook::Offer PoolBook::Place(size_t loop, Kind kind, TimePoint now) {
  Loop& here = loops_[loop];
  if (draining_ || stopped_) {
    Closing(loop, stopped_ ? PoolCloseCause::kStopped : PoolCloseCause::kDrained);
    return {Offer::What::kClose};
  }
  // The one in hand has a place, too.
  const bool full = total() + Sum(&Loop::closing) + 1 >= options_.max_connections;
  const auto to_neglected = [&]() -> std::optional<size_t> {
    if (!full) return std::nullopt;
    const std::optional<size_t> to = Neglected(loop, here.total() + 1, now);
    return to.has_value() && MayConnect(now) ? to : std::nullopt;
  };
  if (kind == Kind::kUsed) {
    if (const std::optional<size_t> to = to_neglected()) return Yield(loop, *to);
  }
  std::optional<PoolWaiter> waiter =
      kind == Kind::kFresh ? here.waiters.PopAny() : here.waiters.PopEasy();
  if (waiter.has_value()) {
    ++here.leased;
    return {Offer::What::kGrant, std::move(waiter)};
  }
  if (full && here.needs() > 0 && MayConnect(now)) return Yield(loop, loop);  // For a fresh one.
  if (kind == Kind::kFresh) {
    if (const std::optional<size_t> to = to_neglected()) return Yield(loop, *to);
  }
  ++here.idle;
  return {Offer::What::kIdle};
}

void PoolBook::ConnectFailed(size_t loop, uint64_t generation, TimePoint now, PoolOrders& orders) {
  Loop& here = loops_[loop];
  if (!here.gone) --here.connecting;
  ++stats_.connect_failures;
  Failure(generation, now, orders);
  Pump(now, orders);
}

void PoolBook::ConnectAbandoned(size_t loop, TimePoint now, PoolOrders& orders) {
  Loop& here = loops_[loop];
  if (!here.gone) --here.connecting;
  circuit_.OnAbandoned();
  Pump(now, orders);
}

void PoolBook::GreetingEnds(Greeting how, size_t loop, uint64_t generation, TimePoint now,
                            PoolOrders& orders) {
  --loops_[loop].connecting;
  ++loops_[loop].closing;
  if (how == Greeting::kFailed) {
    ++stats_.connect_failures;
    ++stats_.greet_failures;
    Failure(generation, now, orders);
  } else {
    circuit_.OnAbandoned();
  }
  Pump(now, orders);
}

void PoolBook::Proven(TimePoint now, PoolOrders& orders) {
  --unproven_;
  backoff_.Reset();
  circuit_.OnSuccess();
  Pump(now, orders);
}

void PoolBook::EndedUnproven(Unproven how, uint64_t generation, TimePoint now, PoolOrders& orders) {
  --unproven_;
  if (how == Unproven::kEarly) {
    ++stats_.early_losses;
    Failure(generation, now, orders);
  } else {
    circuit_.OnAbandoned();
  }
}

void PoolBook::Failure(uint64_t generation, TimePoint now, PoolOrders& orders) {
  if (generation != generation_) return;
  ++generation_;
  connect_from_ = std::max(connect_from_, SaturatingAdd(now, backoff_.Next(random_)));
  circuit_.OnFailure(now, random_);
  if (circuit_.state(now) == CircuitState::kOpen) AnswerAll(AcquireError::kCircuitOpen, orders);
}

bool PoolBook::IdleLeaves(size_t loop, size_t left) {
  Loop& here = loops_[loop];
  if (here.idle <= left) return false;
  --here.idle;
  return true;
}

void PoolBook::Closing(size_t loop, PoolCloseCause cause) {
  ++loops_[loop].closing;
  ++stats_.closed[static_cast<size_t>(cause)];
}

void PoolBook::LeasedLeaves(size_t loop) { --loops_[loop].leased; }

void PoolBook::Closed(size_t loop, TimePoint now, PoolOrders& orders) {
  --loops_[loop].closing;
  Pump(now, orders);
}

void PoolBook::MoveDone(size_t loop, TimePoint now, PoolOrders& orders) {
  std::deque<size_t>& owed = loops_[loop].owed;
  SPINDLE_CHECK(!owed.empty());
  const size_t to = owed.front();
  owed.pop_front();
  if (!loops_[to].gone) {
    if (draining_ || stopped_) {
      --loops_[to].connecting;
      circuit_.OnAbandoned();
    } else {
      orders.push_back({.kind = PoolOrder::Kind::kConnect, .loop = to});
    }
  }
  Pump(now, orders);
}

void PoolBook::Lost(PoolCloseCause cause, TimePoint now, PoolOrders& orders) {
  ++stats_.closed[static_cast<size_t>(cause)];
  if (losses_ == 0 || SaturatingAdd(losses_since_, std::chrono::seconds(1)) < now) {
    losses_since_ = now;
    losses_ = 0;
  }
  ++losses_;
  if (refill_from_ <= now) {
    refill_from_ = SaturatingAdd(now, RandomDuration(random_, options_.reconnect_spread));
  }
  const bool all = Sum(&Loop::idle) + Sum(&Loop::leased) == 0;
  if (all && losses_ >= options_.herd_losses) {
    connect_from_ = std::max(connect_from_, refill_from_);
  }
  Pump(now, orders);
}

bool PoolBook::MayReap(size_t loop) const {
  return loops_[loop].idle > 0 && total() > options_.min_connections;
}

// ---- Opening more.

bool PoolBook::MayConnect(TimePoint now) {
  if (now < connect_from_) {
    WakeAt(connect_from_);
    return false;
  }
  const size_t connecting = Sum(&Loop::connecting);
  const bool failing = backoff_.failures() > 0 || circuit_.state(now) != CircuitState::kClosed;
  // One scout, until it is known what became of him.
  if (failing ? connecting + unproven_ >= 1 : connecting >= options_.max_connecting) return false;
  if (circuit_.Allow(now)) return true;
  if (circuit_.state(now) == CircuitState::kOpen) WakeAt(circuit_.half_open_at());
  return false;
}

bool PoolBook::OpenFor(size_t loop, TimePoint now, PoolOrders& orders) {
  if (loops_[loop].gone) return false;
  if (!full()) {
    if (!MayConnect(now)) return false;
    ++loops_[loop].connecting;
    orders.push_back({.kind = PoolOrder::Kind::kConnect, .loop = loop});
    return true;
  }
  const auto victim = std::max_element(
      loops_.begin(), loops_.end(), [](const Loop& a, const Loop& b) { return a.idle < b.idle; });
  const auto from = static_cast<size_t>(victim - loops_.begin());
  if (victim->idle == 0) return false;
  if (from != loop && !MayMove(victim->total(), loop, now)) return false;
  if (!MayConnect(now)) return false;
  --victim->idle;
  Yield(from, loop);
  orders.push_back({.kind = PoolOrder::Kind::kYield, .loop = from});
  return true;
}

void PoolBook::ServeNeeds(TimePoint now, PoolOrders& orders) {
  for (size_t i = 0; i < loops_.size(); ++i) {
    const size_t loop = (turn_ + i) % loops_.size();
    while (loops_[loop].needs() > 0 && OpenFor(loop, now, orders)) {
    }
  }
  turn_ = (turn_ + 1) % loops_.size();
}

void PoolBook::Refill(TimePoint now, PoolOrders& orders) {
  while (total() < options_.min_connections && !full()) {
    if (now < refill_from_) return WakeAt(refill_from_);
    Loop* poorest = nullptr;
    for (Loop& loop : loops_) {
      if (!loop.gone && (poorest == nullptr || loop.total() < poorest->total())) poorest = &loop;
    }
    if (poorest == nullptr || !MayConnect(now)) return;
    ++poorest->connecting;
    orders.push_back(
        {.kind = PoolOrder::Kind::kConnect, .loop = static_cast<size_t>(poorest - loops_.data())});
  }
}

void PoolBook::Pump(TimePoint now, PoolOrders& orders) {
  if (draining_) {
    if (!drained_ && total() + Sum(&Loop::closing) == 0) {
      drained_ = true;
      orders.push_back({.kind = PoolOrder::Kind::kDrained, .loop = drained_loop_});
    }
  } else if (!stopped_) {
    ServeNeeds(now, orders);
    Refill(now, orders);
  }
  Finish(orders);
}

void PoolBook::Finish(PoolOrders& orders) {
  if (wanted_wake_ < armed_wake_) {
    size_t loop = 0;
    while (loop + 1 < loops_.size() && loops_[loop].gone) ++loop;
    orders.push_back({.kind = PoolOrder::Kind::kWake, .loop = loop, .when = wanted_wake_});
    armed_wake_ = wanted_wake_;
  }
  wanted_wake_ = kNever;
  Check();
}

// ---- The rest.

void PoolBook::Wake(TimePoint now, PoolOrders& orders) {
  armed_wake_ = kNever;
  Pump(now, orders);
}

void PoolBook::AnswerAll(AcquireError error, PoolOrders& orders) {
  for (size_t loop = 0; loop < loops_.size(); ++loop) {
    for (PoolWaiter& waiter : loops_[loop].waiters.TakeAll()) {
      if (error == AcquireError::kCircuitOpen) ++stats_.circuit_refusals;
      orders.push_back({.kind = PoolOrder::Kind::kAnswer,
                        .loop = loop,
                        .error = error,
                        .callback = std::move(waiter.payload)});
    }
  }
}

void PoolBook::Drain(size_t drained_loop, TimePoint now, PoolOrders& orders) {
  draining_ = true;
  drained_loop_ = drained_loop;
  closed_before_drain_ = stats_.closed_in_all();
  AnswerAll(AcquireError::kDraining, orders);
  for (size_t loop = 0; loop < loops_.size(); ++loop) {
    if (!loops_[loop].gone) orders.push_back({.kind = PoolOrder::Kind::kDrain, .loop = loop});
  }
  Pump(now, orders);
}

PoolDrainResult PoolBook::drain_result() const {
  PoolDrainResult result;
  result.forced = stats_.closed_by(PoolCloseCause::kForced);
  result.finished = stats_.closed_in_all() - closed_before_drain_ - result.forced;
  return result;
}

std::vector<PoolWaiter> PoolBook::LoopGone(size_t loop, TimePoint now, PoolOrders& orders) {
  Loop& here = loops_[loop];
  if (std::exchange(here.gone, true)) return {};
  here.connecting = 0;
  std::vector<PoolWaiter> dropped = here.waiters.TakeAll();
  circuit_.OnAbandoned();
  armed_wake_ = kNever;  // It may have been that loop's.
  Pump(now, orders);
  return dropped;
}

PoolStats PoolBook::Snapshot(TimePoint now) const {
  PoolStats stats = stats_;
  stats.idle = Sum(&Loop::idle);
  stats.leased = Sum(&Loop::leased);
  stats.connecting = Sum(&Loop::connecting);
  stats.closing = Sum(&Loop::closing);
  for (const Loop& loop : loops_) stats.waiting += loop.waiters.size();
  stats.circuit = circuit_.state(now);
  stats.circuit_opened = circuit_.times_opened();
  return stats;
}

size_t PoolBook::Sum(size_t Loop::*count) const {
  size_t sum = 0;
  for (const Loop& loop : loops_) sum += loop.*count;
  return sum;
}

size_t PoolBook::total() const {
  return Sum(&Loop::idle) + Sum(&Loop::leased) + Sum(&Loop::connecting);
}

bool PoolBook::MayMove(size_t there, size_t to, TimePoint now) {
  if (there > 1 && loops_[to].total() == 0) return true;
  const TimePoint due = SaturatingAdd(loops_[to].waiters.first()->since, options_.move_after);
  if (due > now) WakeAt(due);
  return due <= now;
}

std::optional<size_t> PoolBook::Neglected(size_t but, size_t there, TimePoint now) {
  std::optional<size_t> found;
  for (size_t i = 0; i < loops_.size(); ++i) {
    const Loop& loop = loops_[i];
    if (i == but || loop.gone || loop.needs() == 0 || !MayMove(there, i, now)) continue;
    if (!found || loop.waiters.first()->number < loops_[*found].waiters.first()->number) found = i;
  }
  return found;
}

void PoolBook::Check() const {
  SPINDLE_DCHECK(total() + Sum(&Loop::closing) <= options_.max_connections);
  for (const Loop& loop : loops_) {
    SPINDLE_DCHECK(loop.idle == 0 || !loop.waiters.has_easy());
    // Nothing ran below zero.
    SPINDLE_DCHECK(loop.total() + loop.closing <= options_.max_connections);
  }
}

}  // namespace spindle
