#include "net/pool/internal/pool_shard.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/loop/io_host.h"
#include "net/stream/connection.h"

namespace spindle {

void PoolShard::AssertInLoop() const { IoHost::Of(loop_).AssertInLoop(); }

// ---- Who wants a connection.

AcquireId PoolShard::Acquire(const AcquireOptions& options, AcquireCallback done) {
  AssertInLoop();
  if (stopped_) {
    done({.error = AcquireError::kStopped});
    return AcquireId();
  }
  const TimePoint now = Now();
  PoolWaiter waiter{.deadline = SaturatingAdd(now, std::max(options.timeout, Duration::zero())),
                    .since = now,
                    .picky = options.want == AcquireOptions::Want::kFresh,
                    .payload = std::move(done)};
  return {.number = Ask(std::move(waiter), PoolBook::Entry::kNew), .loop = index_};
}

uint64_t PoolShard::Ask(PoolWaiter waiter, PoolBook::Entry entry) {
  AcquireError error = AcquireError::kNone;
  PoolBook::Verdict verdict{};
  uint64_t number = 0;
  core_->Use([&](PoolBook& book, PoolOrders& orders) {
    if (waiter.number == 0) waiter.number = book.NextNumber();
    number = waiter.number;
    verdict = book.Ask(index_, Now(), waiter, entry, &error, orders);
  });
  switch (verdict) {
    case PoolBook::Verdict::kTake: {
      std::shared_ptr<PooledConnection> connection = PopIdle();
      connection->state = State::kGranted;
      QueueGrant({std::move(waiter), std::move(connection)}, entry);
      break;
    }
    case PoolBook::Verdict::kRefuse:
      QueueGrant({std::move(waiter), nullptr, error}, entry);
      break;
    case PoolBook::Verdict::kWait:
      ArmDeadlines();
  }
  return number;
}

void PoolShard::Cancel(uint64_t number) {
  if (stopped_) return;
  const auto grant = std::find_if(grants_.begin(), grants_.end(), [&](const Grant& each) {
    return each.waiter.number == number && each.connection != nullptr;
  });
  const bool granted = grant != grants_.end();
  std::optional<PoolWaiter> waiter;
  core_->Use([&](PoolBook& book, PoolOrders&) {
    waiter = book.Cancel(index_, number);
    if (waiter.has_value() || granted) ++book.stats().cancelled;
  });
  if (!waiter.has_value() && !granted) return;
  if (waiter.has_value()) {
    return QueueGrant({*std::move(waiter), nullptr, AcquireError::kCancelled});
  }
  // Its connection goes to the next one, as if it had been returned.
  grant->error = AcquireError::kCancelled;
  const std::shared_ptr<PooledConnection> connection = std::move(grant->connection);
  if (connection->state != State::kGranted) return;
  if (!StillGood(*connection)) return CloseLeased(*connection, PoolCloseCause::kStale);
  PoolBook::Offer offer{};
  core_->Use(
      [&](PoolBook& book, PoolOrders& orders) { offer = book.Returned(index_, Now(), orders); });
  Follow(std::move(offer), connection);
}

ConnectionLease PoolShard::TryAcquire() {
  AssertInLoop();
  while (!stopped_) {
    bool there = false;
    core_->Use([&](PoolBook& book, PoolOrders&) { there = book.Take(index_); });
    if (!there) break;
    const std::shared_ptr<PooledConnection> connection = PopIdle();
    connection->state = State::kGranted;
    if (StillGood(*connection)) return Lend(*connection);
    CloseLeased(*connection, PoolCloseCause::kStale);
  }
  return ConnectionLease();
}

std::shared_ptr<PooledConnection> PoolShard::PopIdle() {
  SPINDLE_CHECK(!idle_.empty());
  std::shared_ptr<PooledConnection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void PoolShard::QueueGrant(Grant grant, PoolBook::Entry entry) {
  if (entry == PoolBook::Entry::kPutBack) {
    grants_.push_front(std::move(grant));  // His turn had come.
  } else {
    grants_.push_back(std::move(grant));
  }
  if (std::exchange(delivering_, true)) return;
  loop_ref_.Post([weak = weak_from_this()] {
    if (const std::shared_ptr<PoolShard> self = weak.lock()) self->DeliverGrants();
  });
}

// Called with a reference held.
void PoolShard::DeliverGrants() {
  // What comes meanwhile waits for the next turn.
  for (size_t left = grants_.size(); left > 0 && !stopped_ && !grants_.empty(); --left) {
    Grant grant = std::move(grants_.front());
    grants_.pop_front();
    Deliver(std::move(grant));
  }
  if (stopped_) return;
  delivering_ = false;
  if (grants_.empty()) return;
  Grant first = std::move(grants_.front());
  grants_.pop_front();
  QueueGrant(std::move(first), PoolBook::Entry::kPutBack);
}

void PoolShard::Deliver(Grant grant) {
  if (grant.connection == nullptr) return grant.waiter.payload({.error = grant.error});
  if (StillGood(*grant.connection)) {
    return grant.waiter.payload({.lease = Lend(*grant.connection)});
  }
  if (grant.connection->state == State::kGranted) {
    CloseLeased(*grant.connection, PoolCloseCause::kStale);
  }
  Ask(std::move(grant.waiter), PoolBook::Entry::kPutBack);
}

bool PoolShard::StillGood(const PooledConnection& connection) const {
  Connection* const open = connection.connection();
  if (connection.state != State::kGranted || open == nullptr || open->closing() ||
      !open->unread_input().empty()) {
    return false;
  }
  const bool used = connection.uses() > 0 || options().greet;
  const bool ask = options().borrow_check == BorrowCheck::kKernel && used;
  if (!ask || !open->peer_address().is_ip()) return true;
  const absl::StatusOr<tcp_info> info = open->TcpInfo();
  return info.ok() && info->tcpi_state == TCP_ESTABLISHED;
}

ConnectionLease PoolShard::Lend(PooledConnection& connection) {
  ConnectionLease lease = connection.Lend();
  core_->Use([&](PoolBook& book, PoolOrders&) {
    ++book.stats().leases;
    if (connection.uses() > 1) ++book.stats().reused;
  });
  return lease;
}

void PoolShard::ArmDeadlines() {
  TimePoint next = kNever;
  core_->Use([&](PoolBook& book, PoolOrders&) { next = book.NextDeadline(index_); });
  if (next >= deadline_at_) return;
  deadline_at_ = next;
  Rearm(deadline_timer_, next, &PoolShard::ExpireWaiters);
}

void PoolShard::ExpireWaiters() {
  deadline_at_ = kNever;
  std::vector<PoolWaiter> expired;
  core_->Use([&](PoolBook& book, PoolOrders&) { expired = book.TakeExpired(index_, loop_.now()); });
  for (PoolWaiter& waiter : expired) {
    // Also if one of them has destroyed the pool.
    waiter.payload({.error = stopped_ ? AcquireError::kStopped : AcquireError::kTimeout});
  }
  if (!stopped_) ArmDeadlines();
}

// ---- What becomes of connections.

void PoolShard::Open() {
  uint64_t generation = 0;
  bool give_up = false;
  core_->Use([&](PoolBook& book, PoolOrders& orders) {
    generation = book.generation();
    give_up = book.draining() || book.stopped();
    if (give_up) book.ConnectAbandoned(index_, Now(), orders);
  });
  if (give_up) return;
  const auto connection =
      std::make_shared<PooledConnection>(*this, loop_, ++last_number_, generation);
  all_.emplace(connection->number, connection);
  connection->Connect();
}

void PoolShard::OnConnectFailed(const std::shared_ptr<PooledConnection>& connection) {
  all_.erase(connection->number);
  core_->Use([&](PoolBook& book, PoolOrders& orders) {
    book.ConnectFailed(index_, connection->generation, Now(), orders);
  });
}

void PoolShard::OnOpened(const std::shared_ptr<PooledConnection>& connection) {
  if (options().greet) return Greet(connection);
  Ready(connection);
}

void PoolShard::Greet(const std::shared_ptr<PooledConnection>& connection) {
  const std::shared_ptr<PoolShard> self = shared_from_this();
  connection->greet_by = SaturatingAdd(Now(), options().greet_timeout);
  KeepAt(connection->greet_by);
  options().greet(connection->LendToGreet());
}

void PoolShard::EndGreeting(const std::shared_ptr<PooledConnection>& connection,
                            PooledConnection::Fate fate, bool input_left) {
  Connection* const open = connection->connection();
  if (fate == PooledConnection::Fate::kDiscard || open == nullptr || open->closing() ||
      input_left || !open->unread_input().empty()) {
    GreetingEnds(*connection, PoolBook::Greeting::kFailed);
    return connection->Close(options().close_deadline);
  }
  open->ResumeReading();
  const bool answered = open->ledger().received > 0;
  Ready(connection);
  if (answered) OnProven(*connection);
}

void PoolShard::GreetingEnds(PooledConnection& connection, PoolBook::Greeting how) {
  core_->Use([&](PoolBook& book, PoolOrders& orders) {
    book.GreetingEnds(how, index_, connection.generation, Now(), orders);
  });
}

void PoolShard::Ready(const std::shared_ptr<PooledConnection>& connection) {
  const TimePoint now = Now();
  connection->opened_at = now;
  PoolBook::Offer offer{};
  core_->Use([&](PoolBook& book, PoolOrders& orders) {
    if (options().max_age > Duration::zero()) {
      const double part =
          1.0 - std::clamp(options().max_age_jitter, 0.0, 1.0) * book.random().NextDouble();
      const auto age = static_cast<double>(options().max_age.count()) * part;
      connection->expires_at = SaturatingAdd(now, Duration(static_cast<int64_t>(age)));
    }
    offer = book.Connected(index_, now, orders);
  });
  KeepAt(SaturatingAdd(now, options().stable_after));
  Follow(std::move(offer), connection);
}

void PoolShard::Follow(PoolBook::Offer offer, const std::shared_ptr<PooledConnection>& connection) {
  switch (offer.what) {
    case PoolBook::Offer::What::kGrant:
      connection->state = State::kGranted;
      return QueueGrant({*std::move(offer.waiter), connection});
    case PoolBook::Offer::What::kIdle: {
      const TimePoint now = Now();
      const auto after = [now](Duration wait) {
        return wait > Duration::zero() ? SaturatingAdd(now, wait) : kNever;
      };
      connection->state = State::kIdle;
      connection->reap_at = after(options().idle_timeout);
      connection->probe_at = options().probe ? after(options().probe_interval) : kNever;
      idle_.push_back(connection);
      return KeepAt(std::min({connection->reap_at, connection->probe_at, connection->expires_at}));
    }
    case PoolBook::Offer::What::kYield:
      connection->moving = true;
      return connection->Close(options().close_deadline);
    case PoolBook::Offer::What::kClose:
      return connection->Close(options().close_deadline);
  }
}

void PoolShard::TakeBack(const std::shared_ptr<PooledConnection>& connection,
                         PooledConnection::Fate fate, bool input_left) {
  if (connection->state == State::kGreeting) return EndGreeting(connection, fate, input_left);
  const bool probe = std::exchange(connection->probing, false);
  if (probe) probing_ = false;
  Connection* const open = connection->connection();
  if (fate == PooledConnection::Fate::kDiscard) {
    CloseLeased(*connection, probe ? PoolCloseCause::kProbeFailed : PoolCloseCause::kDiscarded);
  } else if (open == nullptr || open->closing() || input_left || !open->unread_input().empty()) {
    CloseLeased(*connection, PoolCloseCause::kDirty);
  } else if (Now() >= connection->expires_at) {
    CloseLeased(*connection, PoolCloseCause::kMaxAge);
  } else {
    open->ResumeReading();
    PoolBook::Offer offer{};
    core_->Use(
        [&](PoolBook& book, PoolOrders& orders) { offer = book.Returned(index_, Now(), orders); });
    Follow(std::move(offer), connection);
  }
  if (probe) KeepAt(Now());  // Another one may be due.
}

// The book's part of the end of a connection that is lent or promised.
void PoolShard::LeasedCloses(PoolCloseCause cause) {
  core_->Use([&](PoolBook& book, PoolOrders&) {
    book.LeasedLeaves(index_);
    book.Closing(index_, cause);
  });
}

void PoolShard::CloseLeased(PooledConnection& connection, PoolCloseCause cause) {
  LeasedCloses(cause);
  connection.Close(options().close_deadline);
}

void PoolShard::CutLeased(PooledConnection& connection, PoolCloseCause cause) {
  LeasedCloses(cause);
  connection.Abort();
}

void PoolShard::CloseIdle(const std::shared_ptr<PooledConnection>& connection,
                          PoolCloseCause cause) {
  idle_.erase(std::find(idle_.begin(), idle_.end(), connection));
  core_->Use([&](PoolBook& book, PoolOrders&) {
    connection->moving = !book.IdleLeaves(index_, idle_.size());
    if (!connection->moving) book.Closing(index_, cause);
  });
  connection->Close(options().close_deadline);
}

void PoolShard::OnStale(const std::shared_ptr<PooledConnection>& connection) {
  if (connection->state == State::kIdle) {
    CloseIdle(connection, PoolCloseCause::kStale);
  } else {
    CloseLeased(*connection, PoolCloseCause::kStale);  // Deliver puts the waiter back.
  }
}

void PoolShard::OnProven(PooledConnection& connection) {
  connection.proven = true;
  core_->Use([&](PoolBook& book, PoolOrders& orders) { book.Proven(Now(), orders); });
}

void PoolShard::OnClosed(const std::shared_ptr<PooledConnection>& connection,
                         const CloseReason& reason) {
  all_.erase(connection->number);
  const State state = connection->state;
  if (state == State::kIdle) idle_.erase(std::find(idle_.begin(), idle_.end(), connection));
  if (std::exchange(connection->probing, false)) probing_ = false;
  const bool loop_gone = reason.kind == CloseKind::kLoopStopped;
  const bool by_user =
      reason.kind == CloseKind::kLocalClose || reason.kind == CloseKind::kLocalAbort;
  const bool by_peer = reason.by_peer() || reason.kind == CloseKind::kIoError;
  core_->Use([&](PoolBook& book, PoolOrders& orders) {
    const TimePoint now = Now();
    if (state == State::kGreeting) {
      if (loop_gone) return book.ConnectAbandoned(index_, now, orders);
      ++book.stats().greet_failures;
      return book.ConnectFailed(index_, connection->generation, now, orders);
    }
    if (!connection->proven && connection->was_ready()) {
      const bool early = by_peer && state != State::kClosing;
      book.EndedUnproven(early ? PoolBook::Unproven::kEarly : PoolBook::Unproven::kOurs,
                         connection->generation, now, orders);
    }
    if (state == State::kClosing) {
      return connection->moving ? book.MoveDone(index_, now, orders)
                                : book.Closed(index_, now, orders);
    }
    if (state == State::kIdle) {
      if (!book.IdleLeaves(index_, idle_.size())) return book.MoveDone(index_, now, orders);
    } else {
      book.LeasedLeaves(index_);
    }
    if (loop_gone || by_user) {
      book.Closing(index_, loop_gone ? PoolCloseCause::kStopped : PoolCloseCause::kDiscarded);
      return book.Closed(index_, now, orders);
    }
    book.Lost(state == State::kLeased ? PoolCloseCause::kLostInUse : PoolCloseCause::kPeerClosed,
              now, orders);
  });
  if (loop_gone) core_->LoopGone(index_);
}

// ---- Orders.

void PoolShard::ObeyOrders() {
  const std::shared_ptr<PoolShard> self = shared_from_this();
  PoolOrders orders = core_->TakeOrders(index_);
  for (PoolOrder& order : orders) Obey(order);
}

void PoolShard::Obey(PoolOrder& order) {
  switch (order.kind) {
    case PoolOrder::Kind::kAnswer:  // Also once stopped: it is owed.
      return order.callback({.error = order.error});
    case PoolOrder::Kind::kWarm:
      return order.warm_done(order.warm);
    case PoolOrder::Kind::kConnect:
      if (!stopped_) Open();
      return;
    case PoolOrder::Kind::kYield:
      if (!stopped_) YieldOne();
      return;
    case PoolOrder::Kind::kWake:
      if (!stopped_) Rearm(wake_timer_, order.when, &PoolShard::Wake);
      return;
    case PoolOrder::Kind::kCancel:
      return Cancel(order.number);
    case PoolOrder::Kind::kDrain:
      if (!stopped_) BeginDrain(order.when);
      return;
    case PoolOrder::Kind::kDrained: {
      if (stopped_) return;
      auto done = core_->TakeDrainDone();
      PoolDrainResult result;
      core_->Use([&](PoolBook& book, PoolOrders&) { result = book.drain_result(); });
      if (done) done(result);
      return;
    }
  }
}

void PoolShard::YieldOne() {
  bool owed = false;
  core_->Use([&](PoolBook& book, PoolOrders&) { owed = book.Owed(index_, idle_.size()) > 0; });
  if (!owed) return;  // The one that was meant has ended by itself.
  const std::shared_ptr<PooledConnection> connection = std::move(idle_.front());
  idle_.pop_front();
  connection->moving = true;
  connection->Close(options().close_deadline);
}

void PoolShard::BeginDrain(TimePoint deadline) {
  while (!idle_.empty()) CloseIdle(idle_.front(), PoolCloseCause::kDrained);
  for (auto at = all_.begin(); at != all_.end();) {
    const std::shared_ptr<PooledConnection> connection = at->second;
    ++at;
    if (connection->state == State::kGreeting) {
      GreetingEnds(*connection, PoolBook::Greeting::kOurs);
      connection->Abort();
    }
    if (connection->state != State::kConnecting) continue;
    all_.erase(connection->number);
    connection->Stop();
    core_->Use(
        [&](PoolBook& book, PoolOrders& orders) { book.ConnectAbandoned(index_, Now(), orders); });
  }
  Rearm(drain_timer_, deadline, &PoolShard::ForceDrain);
}

void PoolShard::ForceDrain() {
  for (const auto& [number, connection] : all_) {
    if (connection->state == State::kLeased || connection->state == State::kGranted) {
      CutLeased(*connection, PoolCloseCause::kForced);
    } else if (connection->state == State::kClosing) {
      connection->Abort();
    }
  }
}

void PoolShard::Stop() {
  const std::shared_ptr<PoolShard> self = shared_from_this();
  const bool in_loop = loop_ref_.IsInLoop();  // Else the loop is gone.
  stopped_ = true;
  if (in_loop) {
    for (const TimerId timer : {deadline_timer_, keep_timer_, wake_timer_, drain_timer_}) {
      if (timer.valid()) loop_.Cancel(timer);
    }
  }
  const auto all = std::exchange(all_, {});
  idle_.clear();
  for (const auto& [number, connection] : all) connection->Stop();
  std::deque<Grant> grants = std::exchange(grants_, {});
  // The waiters first: until they have left the book another loop may turn one into an order to
  // answer it.
  std::vector<PoolWaiter> waiters;
  core_->Use([&](PoolBook& book, PoolOrders&) { waiters = book.TakeAll(index_); });
  PoolOrders orders = core_->TakeOrders(index_);
  if (!in_loop) return;
  for (Grant& grant : grants) grant.waiter.payload({.error = AcquireError::kStopped});
  for (PoolOrder& order : orders) Obey(order);
  for (PoolWaiter& waiter : waiters) waiter.payload({.error = AcquireError::kStopped});
}

// ---- Time.

void PoolShard::Rearm(TimerId& timer, TimePoint when, void (PoolShard::*function)()) {
  if (timer.valid()) loop_.Cancel(timer);
  timer = loop_.RunAt(when, [weak = weak_from_this(), function] {
    const std::shared_ptr<PoolShard> self = weak.lock();
    if (self != nullptr && !self->stopped_) ((*self).*function)();
  });
}

void PoolShard::Wake() {
  core_->Use([&](PoolBook& book, PoolOrders& orders) { book.Wake(Now(), orders); });
}

void PoolShard::KeepAt(TimePoint when) {
  if (when >= keep_at_ || stopped_) return;
  keep_at_ = when;
  Rearm(keep_timer_, when, &PoolShard::Keep);
}

void PoolShard::Keep() {
  keep_at_ = kNever;
  const TimePoint now = Now();
  const auto all = all_;
  TimePoint next = kNever;
  for (const auto& [number, connection] : all) {
    next = std::min(next, KeepOne(connection, now));
    if (stopped_) return;
  }
  KeepAt(next);
}

TimePoint PoolShard::KeepOne(const std::shared_ptr<PooledConnection>& connection, TimePoint now) {
  TimePoint next = kNever;
  if (connection->state == State::kGreeting) {
    if (connection->greet_by > now) return connection->greet_by;
    GreetingEnds(*connection, PoolBook::Greeting::kFailed);
    connection->Abort();
    return next;
  }
  if (!connection->proven && connection->opened_at != kNever &&
      connection->state != State::kClosing && connection->state != State::kClosed) {
    const TimePoint stable = SaturatingAdd(connection->opened_at, options().stable_after);
    if (stable <= now) {
      OnProven(*connection);
    } else {
      next = stable;
    }
  }
  if (connection->state == State::kIdle) return std::min(next, KeepIdle(connection, now));
  if (connection->state == State::kLeased && connection->probing) {
    if (connection->probe_at > now) return std::min(next, connection->probe_at);
    CutLeased(*connection, PoolCloseCause::kProbeFailed);
  }
  return next;
}

TimePoint PoolShard::KeepIdle(const std::shared_ptr<PooledConnection>& connection, TimePoint now) {
  if (connection->expires_at <= now) {
    CloseIdle(connection, PoolCloseCause::kMaxAge);
    return kNever;
  }
  if (connection->reap_at <= now) {
    bool may = false;
    core_->Use([&](PoolBook& book, PoolOrders&) { may = book.MayReap(index_); });
    if (may) {
      CloseIdle(connection, PoolCloseCause::kIdleTimeout);
      return kNever;
    }
    connection->reap_at = SaturatingAdd(now, options().idle_timeout);
  }
  if (connection->probe_at <= now && !probing_) Probe(connection, now);
  if (connection->state != State::kIdle) return connection->probe_at;
  // One whose probe is due while another is under way is looked at when that has ended.
  const TimePoint probe = connection->probe_at > now ? connection->probe_at : kNever;
  return std::min({connection->reap_at, probe, connection->expires_at});
}

void PoolShard::Probe(const std::shared_ptr<PooledConnection>& connection, TimePoint now) {
  bool there = false;
  core_->Use([&](PoolBook& book, PoolOrders&) { there = book.Take(index_); });
  if (!there) return;
  idle_.erase(std::find(idle_.begin(), idle_.end(), connection));
  connection->state = State::kGranted;
  // It may have ended in this very turn, which is told at the turn's end.
  if (!StillGood(*connection)) return CloseLeased(*connection, PoolCloseCause::kStale);
  probing_ = true;
  connection->probing = true;
  connection->probe_at = SaturatingAdd(now, options().probe_timeout);
  core_->Use([](PoolBook& book, PoolOrders&) { ++book.stats().probes; });
  options().probe(connection->Lend());
}

}  // namespace spindle
