#include "tests/sim/pool/pool_world.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Duration Millis(Random& random, uint64_t most) {
  return milliseconds(1 + static_cast<int64_t>(random.Uniform(most)));
}

SimOptions RollMachine(uint64_t seed, Random& random) {
  SimOptions options;
  options.seed = seed;
  switch (random.Uniform(4)) {
    case 0:
      options.faults = SimFaults::Wild();
      break;
    case 1:
      options.faults = SimFaults::Mild();
      break;
    default:
      break;
  }
  if (random.OneIn(2)) options.delay_max = milliseconds(static_cast<int64_t>(random.Uniform(20)));
  return options;
}

}  // namespace

PoolSimWorld::PoolSimWorld(uint64_t seed) : random_(seed), budget_(20 + random_.Uniform(200)) {
  sim_ = std::make_unique<Simulation>(RollMachine(seed, random_));
  server_loop_ = &sim_->AddLoop("server");
  for (uint64_t left = 1 + random_.Uniform(3); left > 0; --left) {
    loops_.push_back(&sim_->AddLoop("client"));
  }
  last_served_.resize(loops_.size());
  idle_fds_ = sim_->kernel().open_fds();
  StartServer();
  MakePool();
}

PoolSimWorld::~PoolSimWorld() {
  users_.clear();
  pool_.reset();
  server_.reset();
  accepted_.clear();
}

void PoolSimWorld::Fail(std::string_view what) {
  if (result_.failure.empty()) result_.failure = std::string(what);
}

template <class Done>
bool PoolSimWorld::StepUntil(Done done) {
  const TimePoint limit = sim_->now() + minutes(5);
  for (uint64_t steps = 0; !done(); ++steps) {
    if (steps > 200'000 || sim_->now() > limit) return false;
    if (!sim_->Step()) return done();
  }
  return true;
}

ConnectionCallbacks PoolSimWorld::ServerCallbacks() {
  return {
      .on_open =
          [this](Connection& connection) {
            if (server_rude_) return connection.Close();
            accepted_.push_back(connection.handle());
          },
      .on_bytes = [](Connection& connection, Buffer& input) { connection.Write(std::move(input)); },
  };
}

void PoolSimWorld::StartServer() {
  // A fault of the machine may refuse it: later again.
  auto server = StreamServer::Listen(*server_loop_, address_, ServerCallbacks());
  if (!server.ok()) return;
  server_ = *std::move(server);
  address_ = server_->address();
}

void PoolSimWorld::MakePool() {
  PoolOptions options;
  options.min_connections = random_.Uniform(4);
  options.max_connections = std::max<size_t>(1, options.min_connections) + random_.Uniform(4);
  options.max_connecting = 1 + random_.Uniform(4);
  options.max_waiters = 1 + random_.Uniform(20);
  options.idle_timeout = random_.OneIn(2) ? Duration::zero() : Millis(random_, 2000);
  options.max_age = random_.OneIn(2) ? Duration::zero() : seconds(1) + Millis(random_, 3000);
  options.borrow_check = random_.OneIn(2) ? BorrowCheck::kSeen : BorrowCheck::kKernel;
  options.backoff = {.initial = Millis(random_, 500), .max = Millis(random_, 3000)};
  if (random_.OneIn(2)) options.backoff.jitter = Jitter::kDecorrelated;
  options.circuit = {.failures_to_open = static_cast<uint32_t>(random_.Uniform(5)),
                     .open_for = Millis(random_, 1000)};
  options.reconnect_spread = Millis(random_, 500);
  options.connect_timeout = Millis(random_, 3000);
  options.connection.close_timeout = milliseconds(500);
  options.move_after = Millis(random_, 100);
  options.random_seed = 1 + random_.Next() % 1'000'000;
  if (random_.OneIn(3)) {
    options.probe_interval = Millis(random_, 1000);
    options.probe = [this](ConnectionLease lease) {
      if (random_.OneIn(3)) lease.Discard();  // Or it is returned, unused.
    };
  }
  if (random_.OneIn(3)) {
    options.greet_timeout = Millis(random_, 1000);
    options.greet = [this](ConnectionLease lease) { Greet(std::move(lease)); };
  }
  rolled_.min_connections = options.min_connections;
  rolled_.max_connections = options.max_connections;
  ++result_.pools;
  ++pool_number_;
  std::fill(last_served_.begin(), last_served_.end(), 0);
  pool_ = std::make_unique<ConnectionPool>(loops_, address_, std::move(options));
}

// Ready at once, never, or when the server has answered.
void PoolSimWorld::Greet(ConnectionLease lease) {
  ++result_.greetings;
  if (lease.uses_before() != 0) Fail("a greeting of one that was lent");
  if (random_.OneIn(3)) return;
  if (random_.OneIn(8)) return lease.Discard();
  auto held = std::make_shared<ConnectionLease>(std::move(lease));
  if (!random_.OneIn(8)) held->connection()->Write("hello");
  held->SetCallbacks({.on_bytes = [held](Connection&, Buffer& input) {
    if (input.size() < 5) return;
    input.Clear();
    held->Return();
  }});
}

void PoolSimWorld::DestroyPool() {
  const PoolStats stats = pool_->Stats();
  result_.requeued += stats.requeued;
  result_.moved += stats.closed_by(PoolCloseCause::kMoved);
  result_.opened += stats.opened;
  drains_open_ = 0;
  // Answers come while the pool is being destroyed; it is not to be used any more.
  const std::unique_ptr<ConnectionPool> pool = std::move(pool_);
}

// ---- What the users do.

void PoolSimWorld::Acquire(size_t loop) {
  if (pool_ == nullptr) return;
  auto request = std::make_shared<Request>();
  const Duration timeout = random_.OneIn(4) ? Duration::zero() : Millis(random_, 3000);
  *request = {.number = ++last_request_,
              .loop = loop,
              .deadline = sim_->now() + timeout,
              .fresh = random_.OneIn(5),
              .pool = pool_number_};
  open_requests_.emplace(request->number, request);
  ++result_.acquires;
  request->id = pool_->Acquire(
      *loops_[loop],
      {.timeout = timeout,
       .want = request->fresh ? AcquireOptions::Want::kFresh : AcquireOptions::Want::kAny},
      [this, request, pool = pool_number_](AcquireResult result) {
        OnAnswer(pool, *request, std::move(result));
      });
}

// Of this loop, or of another's turn.
void PoolSimWorld::CancelOne() {
  if (open_requests_.empty()) return;
  auto at = open_requests_.begin();
  std::advance(at, static_cast<int64_t>(random_.Uniform(open_requests_.size())));
  Request& request = *at->second;
  if (request.pool != pool_number_) return;
  request.cancelled = true;
  pool_->Cancel(request.id);
}

void PoolSimWorld::OnAnswer(size_t pool, Request& request, AcquireResult result) {
  if (std::exchange(request.answered, true)) Fail("answered twice");
  open_requests_.erase(request.number);
  if (result.ok() != static_cast<bool>(result.lease)) Fail("an answer that is both or neither");
  if (result.error == AcquireError::kTimeout) {
    ++result_.timeouts;
    if (sim_->now() < request.deadline) Fail("too early");
  }
  if (result.error == AcquireError::kCancelled) {
    ++result_.cancelled;
    if (!request.cancelled) Fail("cancelled by nobody");
  }
  if (result.error == AcquireError::kCircuitOpen) ++result_.circuit_refusals;
  if (result.ok()) {
    ++result_.granted;
    Connection* const connection = result.lease.connection();
    if (connection == nullptr) return Fail("lent without a connection");
    if (&connection->loop() != loops_[request.loop]) Fail("lent on another loop");
    if (request.fresh && result.lease.uses_before() != 0) Fail("not fresh");
    if (!request.fresh && pool == pool_number_ && pool_ != nullptr) {
      // Somebody whose connection ended on the way to him may be overtaken.
      uint64_t& last = last_served_[request.loop];
      if (pool_->Stats().requeued == 0 && request.number < last) Fail("not in order");
      last = std::max(last, request.number);
    }
    Hold(request.loop, std::move(result.lease));
  }
  if (random_.OneIn(3)) Act(request.loop);
}

void PoolSimWorld::Hold(size_t loop, ConnectionLease lease) {
  const std::string id = lease.id().ToString();
  const auto known = lent_.find(id);
  if (known == lent_.end() ? lease.uses_before() > 1000 : lease.uses_before() <= known->second) {
    Fail("an id of two connections");
  }
  lent_[id] = lease.uses_before();
  if (!held_.insert(id).second) Fail("a connection with two holders");
  const uint64_t number = ++last_user_;
  auto user = std::make_unique<User>();
  user->lease = std::move(lease);
  user->loop = loop;
  user->lease.SetCallbacks({
      .on_bytes = [this, number](Connection&, Buffer& input) { OnEcho(number, input); },
      .on_drained =
          [this, loop](Connection&) {
            if (random_.OneIn(4)) Act(loop);
          },
      .on_close =
          [this, number, loop, id](const LeaseEnd&) {
            const auto at = users_.find(number);
            if (at == users_.end()) return Fail("told of what was given back");
            held_.erase(id);
            if (at->second->lease.connection() != nullptr) Fail("ended, and still there");
            users_.erase(at);
            if (random_.OneIn(2)) Act(loop);
          },
  });
  users_.emplace(number, std::move(user));
}

void PoolSimWorld::OnEcho(uint64_t number, Buffer& input) {
  const auto at = users_.find(number);
  if (at == users_.end()) return Fail("bytes for what was given back");
  User& user = *at->second;
  const std::string got = input.ToString();
  input.Clear();
  if (user.wants.compare(0, got.size(), got) != 0 || got.size() > user.wants.size()) {
    return Fail("bytes of another");
  }
  user.wants.erase(0, got.size());
  const size_t loop = user.loop;
  if (user.wants.empty() && random_.OneIn(2)) Drop(number);
  if (random_.OneIn(3)) Act(loop);
}

// Returned if nothing is to come, else discarded.
void PoolSimWorld::Drop(uint64_t number) {
  const auto at = users_.find(number);
  if (at == users_.end()) return;
  const std::unique_ptr<User> user = std::move(at->second);
  users_.erase(at);
  held_.erase(user->lease.id().ToString());
  if (!user->wants.empty() || random_.OneIn(8)) {
    user->lease.Discard();
  } else {
    user->lease.Return();
  }
}

void PoolSimWorld::ActOnUser(size_t loop) {
  std::vector<uint64_t> mine;
  for (const auto& [number, user] : users_) {
    if (user->loop == loop) mine.push_back(number);
  }
  if (mine.empty()) return Acquire(loop);
  const uint64_t number = mine[random_.Uniform(mine.size())];
  User& user = *users_[number];
  Connection* const connection = user.lease.connection();
  switch (random_.Uniform(8)) {
    case 0:
      if (connection != nullptr) random_.OneIn(2) ? connection->Close() : connection->Abort();
      return;
    case 1:
    case 2:
      return Drop(number);
    default:
      if (connection == nullptr || connection->closing()) return;
      const std::string text = absl::StrCat("<", number, ".", random_.Uniform(1000), ">",
                                            std::string(random_.Uniform(3000), 'x'));
      if (connection->Write(text).ok()) user.wants += text;
      return;
  }
}

void PoolSimWorld::ActOnServer() {
  server_loop_->Post([this] {
    if (ending_) return;
    switch (random_.Uniform(6)) {
      case 0:
        server_.reset();
        ++result_.restarts;
        return;
      case 1:
        server_rude_ = random_.OneIn(2);
        return;
      case 2:
      case 3:
        if (!accepted_.empty()) {
          const ConnectionHandle& any = accepted_[random_.Uniform(accepted_.size())];
          random_.OneIn(2) ? any.Close() : any.Abort();
        }
        return;
      default:
        if (server_ == nullptr) StartServer();
        return;
    }
  });
}

void PoolSimWorld::Act(size_t loop) {
  if (ending_ || budget_ == 0 || pool_ == nullptr) return;
  --budget_;
  ++result_.operations;
  CheckStats();
  switch (random_.Uniform(24)) {
    case 0:
    case 1:
      return ActOnServer();
    case 2:
      loops_[loop]->RunAfter(Millis(random_, 500), [this, loop] { Act(loop); });
      return;
    case 3: {
      const size_t other = random_.Uniform(loops_.size());
      loops_[other]->Post([this, other] { Act(other); });
      return;
    }
    case 4:
      if (ConnectionLease lease = pool_->TryAcquire(*loops_[loop])) Hold(loop, std::move(lease));
      return;
    case 5:
      if (random_.OneIn(4)) {
        DestroyPool();
        MakePool();
      }
      return;
    case 6:
      if (random_.OneIn(6) && pool_->Drain(*loops_[loop], Millis(random_, 1000),
                                           [this, pool = pool_number_](const PoolDrainResult&) {
                                             if (pool != pool_number_)
                                               Fail("drained after its end");
                                             --drains_open_;
                                             if (pool_->Stats().total() != 0)
                                               Fail("drained with connections");
                                           })) {
        ++drains_open_;
        ++result_.drains;
      }
      return;
    case 7:
      pool_->WarmUp(*loops_[loop], Millis(random_, 1000), [this, loop](bool) { Act(loop); });
      return;
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
    case 13:
      return Acquire(loop);
    case 14:
      return CancelOne();
    default:
      return ActOnUser(loop);
  }
}

void PoolSimWorld::CheckStats() {
  const PoolStats stats = pool_->Stats();
  if (stats.total() + stats.closing > rolled_.max_connections) Fail("more than the maximum");
  if (stats.opened < stats.closed_in_all()) Fail("more closed than opened");
  if (stats.opened > stats.closed_in_all() + stats.idle + stats.leased) Fail("one is missing");
}

// ---- The phases.

void PoolSimWorld::Hammer() {
  for (int rounds = 0; rounds < 600 && budget_ > 0 && !failed(); ++rounds) {
    for (uint64_t left = random_.Uniform(60); left > 0; --left) {
      if (!sim_->Step()) break;
    }
    const size_t loop = random_.Uniform(loops_.size());
    loops_[loop]->Post([this, loop] { Act(loop); });
  }
  ending_ = true;
}

// The machine is repaired, the server is there, everybody lets go: the pool fills up again.
void PoolSimWorld::Recover() {
  sim_->kernel().SetFaults(SimFaults::None());
  bool repaired = false;
  server_loop_->Post([&] {
    server_rude_ = false;
    if (server_ == nullptr) StartServer();
    repaired = true;
  });
  if (!StepUntil([&] { return repaired; })) return Fail("the server's loop does not run");
  for (size_t loop = 0; loop < loops_.size(); ++loop) {
    loops_[loop]->Post([this, loop] {
      std::vector<uint64_t> mine;
      for (const auto& [number, user] : users_) {
        if (user->loop == loop) mine.push_back(number);
      }
      for (const uint64_t number : mine) Drop(number);
    });
  }
  // What was on its way may bring some more.
  if (!StepUntil([&] { return open_requests_.empty(); })) return Fail("an Acquire is unanswered");
  for (size_t loop = 0; loop < loops_.size(); ++loop) {
    loops_[loop]->Post([this] {
      while (!users_.empty()) Drop(users_.begin()->first);
    });
  }
  if (!StepUntil([&] {
        const PoolStats stats = pool_->Stats();
        return drains_open_ == 0 && users_.empty() && stats.leased + stats.closing == 0;
      })) {
    return Fail(absl::StrCat("not at rest: ", drains_open_, " drains, ", users_.size(), " users, ",
                             pool_->Stats().ToString()));
  }
  if (!StepUntil([&] {
        const PoolStats stats = pool_->Stats();
        return stats.idle >= rolled_.min_connections || pool_->Stats().total() == 0;
      })) {
    return Fail(absl::StrCat("not full again: ", pool_->Stats().ToString()));
  }
}

void PoolSimWorld::DrainAll() {
  bool drained = false;
  bool already = false;
  loops_[0]->Post([&] {
    already = !pool_->Drain(*loops_[0], seconds(5), [&](const PoolDrainResult& result) {
      drained = true;
      if (result.forced != 0) Fail("forced, but nothing was lent");
    });
    if (already) drained = true;
  });
  if (!StepUntil([&] { return drained; })) {
    return Fail(absl::StrCat("does not drain: ", pool_->Stats().ToString()));
  }
  const PoolStats stats = pool_->Stats();
  if (stats.total() + stats.closing + stats.waiting != 0) Fail("drained, but not empty");
  if (stats.opened != stats.closed_in_all()) Fail("not all that was opened is closed");
}

void PoolSimWorld::Finish(PoolScenarioResult* result) {
  DestroyPool();
  server_.reset();
  sim_->RunFor(minutes(1));
  if (sim_->kernel().open_fds() != idle_fds_) {
    std::string kinds;
    for (const SimOpenFd& open : sim_->kernel().OpenFds()) {
      absl::StrAppend(&kinds, " ", open.fd, ":", static_cast<int>(open.kind));
    }
    Fail(absl::StrCat("descriptors are left, kinds", kinds));
  }
  result_.trace_hash = sim_->TraceHash();
  *result = result_;
}

}  // namespace spindle
