// A pool on real sockets and real threads; for ThreadSanitizer above all. Seeds replay in
// //tests/sim/pool instead; here a seed only sets the mix.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/pool/connection_pool.h"
#include "net/pool/pool_call.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Random& ThreadRandom() {
  static std::atomic<uint64_t> next{[] {
    const char* const seed = std::getenv("HAMMER_SEED");
    return seed == nullptr ? uint64_t{1} : std::strtoull(seed, nullptr, 10);
  }()};
  thread_local Random random(next.fetch_add(1));
  return random;
}

Duration Millis(uint64_t most) {
  return milliseconds(1 + static_cast<int64_t>(ThreadRandom().Uniform(most)));
}

// The parameter: how many worker loops the pool has.
class PoolThreadsTest : public LeakCheckTest, public testing::WithParamInterface<size_t> {
 protected:
  PoolThreadsTest() {
    main_ = *EventLoop::Create({.name = "main"});
    threads_ = *EventLoopThreadPool::Start(*main_, {.workers = GetParam()});
  }
  void TearDown() override {
    std::shared_ptr<ConnectionPool> pool;  // Loops may still look for it.
    {
      MutexLock lock(mutex_);
      pool = std::move(pool_);
    }
    pool.reset();
    server_.reset();
    threads_.reset();
    main_.reset();
    LeakCheckTest::TearDown();
  }

  // On the main loop.
  void StartServer(ConnectionCallbacks callbacks) {
    auto server = StreamServer::Listen(*main_, address_, std::move(callbacks));
    ASSERT_TRUE(server.ok()) << server.status();
    MutexLock lock(mutex_);
    server_ = *std::move(server);
    address_ = server_->address();
  }
  ConnectionCallbacks Echo() {
    return {.on_open =
                [this](Connection& connection) {
                  MutexLock lock(mutex_);
                  EXPECT_TRUE(ids_.insert(connection.id().ToString()).second);
                },
            .on_bytes = [](Connection& connection,
                           Buffer& input) { connection.Write(std::move(input)); }};
  }
  std::shared_ptr<ConnectionPool> pool() {
    MutexLock lock(mutex_);
    return pool_;
  }

  const Watchdog watchdog_{std::chrono::minutes(4)};
  std::unique_ptr<EventLoop> main_;
  std::unique_ptr<EventLoopThreadPool> threads_;
  SocketAddress address_ = SocketAddress::LoopbackV4(0);
  Mutex mutex_;
  std::unique_ptr<StreamServer> server_;
  std::shared_ptr<ConnectionPool> pool_;
  std::set<std::string> ids_;
};

INSTANTIATE_TEST_SUITE_P(Loops, PoolThreadsTest, testing::Values(1, 4));

// Each user of each loop makes its calls one after the other.
TEST_P(PoolThreadsTest, ServesManyUsersOnEveryLoopWithinTheMaximum) {
  constexpr int kUsers = 6;
  constexpr int kCalls = 40;
  StartServer(Echo());
  pool_ = std::make_shared<ConnectionPool>(threads_->loops(), address_,
                                           PoolOptions{.min_connections = 2, .max_connections = 5});
  std::atomic<int> users{0};
  std::atomic<int> wrong{0};
  std::function<void(EventLoop&, int)> call = [&](EventLoop& loop, int left) {
    if (left == 0) {
      if (--users == 0) main_->Quit();
      return;
    }
    const std::string text = std::to_string(loop.index()) + "." + std::to_string(left) + ";";
    CallOverPool(*pool_, loop,
                 {.request = text,
                  .on_reply =
                      [&wrong, text](Buffer& input) {
                        if (input.size() < text.size()) return ReplyState::kMore;
                        if (input.ToString() != text) ++wrong;
                        input.Clear();
                        return ReplyState::kDone;
                      },
                  .timeout = std::chrono::minutes(1)},
                 [&, left](const PoolCallResult& result) {
                   if (!result.ok()) ++wrong;
                   call(loop, left - 1);
                 });
  };
  for (EventLoop* const loop : threads_->loops()) {
    for (int user = 0; user < kUsers; ++user) {
      ++users;
      loop->ref().Post([&, loop] { call(*loop, kCalls); });
    }
  }
  ASSERT_TRUE(main_->Run().ok());
  EXPECT_EQ(wrong, 0);
  // The last return takes effect when the callback in which it happened is over.
  for (EventLoop* const loop : threads_->loops()) loop->ref().CallAndWait([] {});
  const PoolStats stats = pool_->Stats();
  EXPECT_EQ(stats.leases, GetParam() * kUsers * kCalls);
  EXPECT_EQ(stats.leased, 0u);
  // A few places go from loop to loop, not one with every lease.
  EXPECT_LT(stats.closed_by(PoolCloseCause::kMoved), stats.leases / 4) << stats.ToString();
  std::printf("%s\n", stats.ToString().c_str());
  // Drained from one of its loops, destroyed there.
  threads_->loops().back()->ref().Post([&] {
    pool_->Drain(*threads_->loops().back(), seconds(5), [&](const PoolDrainResult& result) {
      EXPECT_EQ(result.forced, 0u);
      pool_.reset();
      main_->Quit();
    });
  });
  ASSERT_TRUE(main_->Run().ok());
}

TEST_P(PoolThreadsTest, LeasesMayBeReturnedOnAnyThread) {
  StartServer(Echo());
  pool_ = std::make_shared<ConnectionPool>(threads_->loops(), address_,
                                           PoolOptions{.max_connections = 1});
  EventLoop& loop = *threads_->loops().front();
  for (int round = 0; round < 20; ++round) {
    loop.ref().Post([&] {
      pool_->Acquire(loop, {.timeout = std::chrono::minutes(1)}, [&](AcquireResult result) {
        ASSERT_TRUE(result.ok());
        // Nobody joins it: it may still be here when the main loop goes.
        std::thread([this, lease = std::move(result.lease), main = main_->ref()]() mutable {
          lease.Return();
          main.Post([this] { main_->Quit(); });
        }).detach();
      });
    });
    ASSERT_TRUE(main_->Run().ok());
  }
  EXPECT_EQ(pool_->Stats().opened, 1u);
}

// ---- Random operations from inside every callback, with a server that refuses, closes and resets.
class PoolHammerTest : public PoolThreadsTest {
 protected:
  struct Loop {
    EventLoop* loop;
    std::vector<std::shared_ptr<ConnectionLease>> leases;  // Of its thread.
  };

  void TearDown() override {
    stash_.clear();
    loops_.clear();
    PoolThreadsTest::TearDown();
  }

  void MakePool() {
    Random& random = ThreadRandom();
    PoolOptions options;
    options.min_connections = random.Uniform(4);
    options.max_connections = options.min_connections + 1 + random.Uniform(5);
    options.max_waiters = 1 + random.Uniform(50);
    options.idle_timeout = Millis(30);
    options.max_age = Millis(200);
    options.backoff = {.initial = Millis(20), .max = Millis(50)};
    options.circuit.open_for = Millis(30);
    options.reconnect_spread = Millis(20);
    options.stable_after = Millis(20);
    options.move_after = Millis(5);
    options.probe_interval = Millis(50);
    options.probe_timeout = Millis(20);
    options.probe = [this](ConnectionLease lease) {
      if (ThreadRandom().OneIn(2)) lease.Discard();
      Count();
    };
    if (random.OneIn(3)) {
      options.greet_timeout = Millis(20);
      options.greet = [this](ConnectionLease lease) {
        Count();
        switch (ThreadRandom().Uniform(4)) {
          case 0:
            return lease.Discard();
          case 1: {  // To be returned on any thread, if ever.
            MutexLock lock(mutex_);
            stash_.push_back(std::move(lease));
            return;
          }
          default:
            return;
        }
      };
    }
    auto fresh = std::make_shared<ConnectionPool>(threads_->loops(), address(), std::move(options));
    MutexLock lock(mutex_);
    pool_.swap(fresh);  // The old one goes when the lock is released, or with its last user.
    ++pools_;
  }
  SocketAddress address() {
    MutexLock lock(mutex_);
    return address_;
  }
  void Count() { ++operations_; }

  ConnectionCallbacks RudeServer() {
    ConnectionCallbacks callbacks = Echo();
    callbacks.on_open = [open = std::move(callbacks.on_open)](Connection& connection) {
      open(connection);
      if (ThreadRandom().OneIn(8)) connection.Close();
    };
    callbacks.on_bytes = [](Connection& connection, Buffer& input) {
      if (ThreadRandom().OneIn(10)) return connection.Abort();
      if (ThreadRandom().OneIn(10)) return connection.Close();
      connection.Write(std::move(input));
    };
    return callbacks;
  }
  // On the main loop.
  void RestartServer() {
    if (ending_) return;
    std::unique_ptr<StreamServer> old;
    {
      MutexLock lock(mutex_);
      old = std::move(server_);
    }
    if (old == nullptr) return StartServer(RudeServer());
    old.reset();
    main_->RunAfter(Millis(30), [this] {
      if (!ending_ && server_ == nullptr) StartServer(RudeServer());
    });
  }

  void Act(Loop& here);
  void ReturnStashed();
  void GiveUpLease(Loop& here);
  void Hold(Loop& here, ConnectionLease lease);

  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<bool> ending_{false};
  std::atomic<uint64_t> operations_{0};
  std::atomic<uint64_t> pools_{0};
  std::atomic<int64_t> asked_{0};
  std::atomic<int64_t> answered_{0};
  std::atomic<uint64_t> granted_{0};
  std::vector<ConnectionLease> stash_;  // From anywhere, to be returned anywhere. Under mutex_.
};

void PoolHammerTest::Hold(Loop& here, ConnectionLease lease) {
  ++granted_;
  EXPECT_EQ(lease.id().loop, here.loop->index());
  auto held = std::make_shared<ConnectionLease>(std::move(lease));
  const bool there = held->SetCallbacks({
      .on_bytes =
          [this, &here](Connection&, Buffer& input) {
            if (ThreadRandom().OneIn(2)) input.Clear();
            Act(here);
            input.Clear();
          },
      .on_drained = [this, &here](Connection&) { Act(here); },
      .on_close = [this, &here](const LeaseEnd&) { Act(here); },
  });
  if (there) held->connection()->Write("hello");
  here.leases.push_back(std::move(held));
}

void PoolHammerTest::ReturnStashed() {
  ConnectionLease taken;  // Returned here, wherever it came from; after the lock.
  MutexLock lock(mutex_);
  if (stash_.empty()) return;
  taken = std::move(stash_.back());
  stash_.pop_back();
}

void PoolHammerTest::GiveUpLease(Loop& here) {
  if (here.leases.empty()) return;
  const std::shared_ptr<ConnectionLease> lease = std::move(here.leases.back());
  here.leases.pop_back();
  if (ThreadRandom().OneIn(2)) return lease->Discard();
  MutexLock lock(mutex_);
  stash_.push_back(std::move(*lease));
}

void PoolHammerTest::Act(Loop& here) {
  Count();
  Random& random = ThreadRandom();
  const std::shared_ptr<ConnectionPool> pool = this->pool();
  if (ending_ || pool == nullptr) return;
  switch (random.Uniform(20)) {
    case 0:
      main_->ref().Post([this] { RestartServer(); });
      return;
    case 1:
      if (random.OneIn(4)) MakePool();
      return;
    case 2:
      if (random.OneIn(4)) {
        pool->Drain(*here.loop, Millis(20), [this](const PoolDrainResult&) { MakePool(); });
      }
      return;
    case 3:
      if (ConnectionLease lease = pool->TryAcquire(*here.loop)) Hold(here, std::move(lease));
      return;
    case 4:
      return ReturnStashed();
    case 5:
    case 6:
      return GiveUpLease(here);
    case 7:
      here.leases.clear();
      return;
    case 8: {
      Loop& other = *loops_[random.Uniform(loops_.size())];
      other.loop->ref().Post([this, &other] { Act(other); });
      return;
    }
    case 9:
      pool->WarmUp(*here.loop, Millis(20), [this, &here](bool) { Act(here); });
      return;
    case 10:
      if (!here.leases.empty()) {
        if (Connection* const connection = here.leases.back()->connection()) connection->Abort();
      }
      return;
    default: {
      ++asked_;
      const AcquireId id =
          pool->Acquire(*here.loop, {.timeout = Millis(30)}, [this, &here](AcquireResult result) {
            ++answered_;
            if (result.ok()) Hold(here, std::move(result.lease));
            Act(here);
          });
      if (random.OneIn(6)) pool->Cancel(id);
      if (random.OneIn(6)) {
        Loop& other = *loops_[random.Uniform(loops_.size())];
        other.loop->ref().Post([pool, id] { pool->Cancel(id); });
      }
      return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Loops, PoolHammerTest, testing::Values(1, 4));

TEST_P(PoolHammerTest, AnyOperationInAnyCallback) {
  main_->Post([this] {
    StartServer(RudeServer());
    for (EventLoop* const loop : threads_->loops()) {
      loops_.push_back(std::make_unique<Loop>(Loop{loop, {}}));
    }
    MakePool();
    for (const auto& each : loops_) {
      Loop& loop = *each;
      loop.loop->ref().Post([this, &loop] {
        loop.loop->RunEvery(milliseconds(1), [this, &loop] {
          const std::shared_ptr<ConnectionPool> current = pool();
          if (ending_ || current == nullptr) return;
          const PoolStats stats = current->Stats();
          EXPECT_GE(stats.opened, stats.closed_in_all());
          for (int i = 0; i < 5; ++i) Act(loop);
        });
      });
    }
    main_->RunAfter(milliseconds(1200), [this] {
      ending_ = true;
      main_->Quit();
    });
  });
  ASSERT_TRUE(main_->Run().ok());
  // Whatever is under way on the workers has come to its end after this.
  for (const auto& loop : loops_) loop->loop->ref().CallAndWait([&] { loop->leases.clear(); });
  std::shared_ptr<ConnectionPool> last = pool();
  {
    MutexLock lock(mutex_);
    pool_.reset();
  }
  last.reset();
  for (const auto& loop : loops_) loop->loop->ref().CallAndWait([&] { loop->leases.clear(); });
  // A worker that destroys an old pool serves our calls meanwhile: answers may still be under way.
  // One that is lost ends by the watchdog.
  while (asked_ != answered_) {
    for (const auto& loop : loops_) loop->loop->ref().CallAndWait([] {});
  }
  EXPECT_GT(granted_, 50u);
  EXPECT_GT(pools_, 3u);
  std::printf("%lu operations, %lu pools, %ld acquires, %lu granted\n",
              static_cast<unsigned long>(operations_), static_cast<unsigned long>(pools_),
              static_cast<long>(asked_), static_cast<unsigned long>(granted_));
}

}  // namespace
}  // namespace spindle
