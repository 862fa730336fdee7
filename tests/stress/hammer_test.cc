// Random operations from inside every callback, and from threads that have no loop, on real sockets
// and real threads; for ThreadSanitizer above all. Catalogue D1. The single-threaded sister, whose
// seeds replay exactly, is //tests/sim:stream_simulation_test; here a seed only sets the mix.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;

constexpr size_t kClients = 16;
constexpr size_t kHandles = 64;

// Each thread's own, from one seed.
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

class HammerTest : public LeakCheckTest {
 protected:
  HammerTest() {
    main_ = *EventLoop::Create({.name = "main"});
    pool_ = *EventLoopThreadPool::Start(*main_, {.workers = 2});
  }
  void TearDown() override {
    {
      MutexLock lock(mutex_);
      handles_.clear();
    }
    pool_.reset();
    main_.reset();
    LeakCheckTest::TearDown();
  }

  ConnectionOptions RollConnection();
  void StartServer();
  void StartClient(size_t slot);
  // `say` is what this side sends, `hear` what it must receive.
  ConnectionCallbacks MakeCallbacks(char say, char hear);

  // From a callback, or from a task of a loop: `self` and `loop` may be null.
  void Act(Connection* self, EventLoop* loop);
  void ActOn(Connection& connection);
  void ActOnHandle();
  void ActOnServer(EventLoop* loop);
  void ActOnClient(EventLoop* loop);

  std::shared_ptr<StreamServer> server() {
    MutexLock lock(mutex_);
    return server_;
  }
  // Whoever holds the last reference destroys the server.
  std::shared_ptr<StreamServer> TakeServer() {
    MutexLock lock(mutex_);
    return std::move(server_);
  }
  std::unique_ptr<StreamClient> TakeClient(size_t slot) {
    MutexLock lock(mutex_);
    return std::move(clients_[slot]);
  }
  // False if the slot is taken; then `client` stays as it is.
  bool PutClient(size_t slot, std::unique_ptr<StreamClient>& client) {
    MutexLock lock(mutex_);
    if (clients_[slot] != nullptr) return false;
    clients_[slot] = std::move(client);
    return true;
  }
  SocketAddress address() {
    MutexLock lock(mutex_);
    return address_;
  }

  // In the turns of the main loop, from the first to the last: between two Runs it would belong to
  // whoever comes.
  void Begin();
  void EndSoon();

  const Watchdog watchdog_{std::chrono::minutes(4)};
  StreamAudit server_audit_;
  StreamAudit client_audit_;
  std::unique_ptr<EventLoop> main_;
  std::unique_ptr<EventLoopThreadPool> pool_;
  std::atomic<bool> ending_{false};
  std::atomic<uint64_t> operations_{0};
  std::atomic<uint64_t> servers_{0};
  std::thread strangers_[2];  // Threads without a loop.
  std::atomic<int> strangers_left_{2};

  Mutex mutex_;
  std::shared_ptr<StreamServer> server_ ABSL_GUARDED_BY(mutex_);
  SocketAddress address_ ABSL_GUARDED_BY(mutex_) = SocketAddress::LoopbackV4(1);
  std::unique_ptr<StreamClient> clients_[kClients] ABSL_GUARDED_BY(mutex_);
  std::vector<ConnectionHandle> handles_ ABSL_GUARDED_BY(mutex_);
};

ConnectionOptions HammerTest::RollConnection() {
  Random& random = ThreadRandom();
  ConnectionOptions options;
  if (random.OneIn(2)) {
    options.low_water_mark = random.Uniform(4096);
    options.high_water_mark = options.low_water_mark + random.Uniform(16384);
    options.output_limit = options.high_water_mark + random.Uniform(100000);
  }
  if (random.OneIn(2)) options.output_limit_policy = OutputLimitPolicy::kRefuse;
  if (random.OneIn(4)) options.input_limit = random.Uniform(20000);
  if (random.OneIn(2)) options.peer_fin = PeerFinPolicy::kKeepWriting;
  if (random.OneIn(4)) options.idle_timeout = Millis(200);
  if (random.OneIn(4)) options.write_timeout = Millis(200);
  options.close_timeout = Millis(200);
  options.linger_timeout = Millis(100);
  return options;
}

// On the main loop.
void HammerTest::StartServer() {
  if (ending_ || server() != nullptr) return;
  StreamServerOptions options;
  options.connection = RollConnection();
  options.placement = ThreadRandom().OneIn(2) ? Placement::kReusePort : Placement::kRoundRobin;
  if (ThreadRandom().OneIn(4)) options.max_connections = 4;
  if (ThreadRandom().OneIn(4)) options.max_connections_per_peer = 4;
  if (ThreadRandom().OneIn(4)) options.accepts_per_second = 500;
  if (ThreadRandom().OneIn(2)) {
    options.memory.server_bytes = 1 + ThreadRandom().Uniform(100'000);
    if (ThreadRandom().OneIn(2)) options.memory.policy = MemoryPolicy::kRefuseWrites;
  }
  auto made =
      StreamServer::Listen(*pool_, SocketAddress::LoopbackV4(0),
                           server_audit_.Watch(MakeCallbacks('s', 'c')), std::move(options));
  ASSERT_TRUE(made.ok()) << made.status();
  ++servers_;
  // While Listen waited for the workers, their calls may have started another: one of the two goes
  // when the lock is released.
  std::shared_ptr<StreamServer> server = *std::move(made);
  MutexLock lock(mutex_);
  address_ = server->address();
  server_.swap(server);
}

// On the main loop.
void HammerTest::StartClient(size_t slot) {
  if (ending_) return;
  StreamClientOptions options;
  options.connection = RollConnection();
  options.connect_timeout = Millis(500);
  options.retry.max_attempts = 3;
  options.retry.initial_backoff = Millis(20);
  options.retry.reconnect_after_close = ThreadRandom().OneIn(2);
  auto client = std::make_unique<StreamClient>(
      *main_, address(), client_audit_.Watch(MakeCallbacks('c', 's')), std::move(options),
      [this](const ConnectError&) { Act(nullptr, main_.get()); });
  client->Connect();
  PutClient(slot, client);
}

ConnectionCallbacks HammerTest::MakeCallbacks(char say, char hear) {
  const auto act = [this](Connection& connection) { Act(&connection, &connection.loop()); };
  ConnectionCallbacks callbacks;
  callbacks.on_open = [this, say](Connection& connection) {
    connection.EmplaceData<char>(say);
    {
      MutexLock lock(mutex_);
      if (handles_.size() < kHandles) {
        handles_.push_back(connection.handle());
      } else {
        handles_[ThreadRandom().Uniform(kHandles)] = connection.handle();
      }
    }
    connection.Write(std::string(100, say));
    Act(&connection, &connection.loop());
  };
  callbacks.on_bytes = [this, hear](Connection& connection, Buffer& input) {
    input.ForEachSegment([&](std::string_view piece) {
      EXPECT_EQ(piece.find_first_not_of(hear), std::string_view::npos);
    });
    if (ThreadRandom().OneIn(2)) Act(&connection, &connection.loop());
    input.Clear();
    Act(&connection, &connection.loop());
  };
  callbacks.on_read_closed = act;
  callbacks.on_pause = act;
  callbacks.on_resume = act;
  callbacks.on_drained = act;
  callbacks.on_drain = [act](Connection& connection) {
    if (ThreadRandom().OneIn(2)) connection.Close();
    act(connection);
  };
  callbacks.on_close = [act](Connection& connection, const CloseReason&) { act(connection); };
  return callbacks;
}

void HammerTest::Act(Connection* self, EventLoop* loop) {
  if (ending_) return;
  ++operations_;
  Random& random = ThreadRandom();
  switch (random.Uniform(16)) {
    default:
      if (self != nullptr) ActOn(*self);
      return;
    case 9:
    case 10:
    case 11:
      return ActOnHandle();
    case 12:
      return ActOnServer(loop);
    case 13:
      return ActOnClient(loop);
    case 14:
      if (loop != nullptr) loop->RunAfter(Millis(5), [this, loop] { Act(nullptr, loop); });
      return;
    case 15:
      EventLoop* const other = random.OneIn(2) ? main_.get() : &pool_->NextLoop();
      other->ref().Post([this, other] { Act(nullptr, other); });
      return;
  }
}

void HammerTest::ActOn(Connection& connection) {
  Random& random = ThreadRandom();
  switch (random.Uniform(12)) {
    default:
      // on_open, which sets it, may be what is to come.
      if (const char* const say = connection.data<char>()) {
        connection.Write(std::string(random.Uniform(20000), *say));
      }
      return;
    case 5:
      return connection.PauseReading();
    case 6:
      return connection.ResumeReading();
    case 7:
      return random.OneIn(2) ? connection.ShutdownWrite() : connection.Close();
    case 8:
      return random.OneIn(2) ? connection.Abort() : connection.CloseAfterFlush(Millis(50));
    case 9:
      return connection.SetIdleTimeout(Millis(100));
    case 10:
      return connection.SetWaterMarks(random.Uniform(100), 100 + random.Uniform(9000));
  }
}

// Any thread.
void HammerTest::ActOnHandle() {
  Random& random = ThreadRandom();
  ConnectionHandle handle;
  {
    MutexLock lock(mutex_);
    if (handles_.empty()) return;
    handle = handles_[random.Uniform(handles_.size())];
  }
  switch (random.Uniform(8)) {
    case 0:
      handle.ShutdownWrite();
      return;
    case 1:
      handle.Close();
      return;
    case 2:
      handle.CloseAfterFlush(Millis(50));
      return;
    case 3:
      handle.Abort();
      return;
    case 4:
      handle.PauseReading();
      return;
    case 5:
      handle.ResumeReading();
      return;
    case 6:
      handle.Write(std::string(), [this](IoError) { Act(nullptr, nullptr); });
      return;
    default:
      handle.Run([this](Connection& connection) {
        EXPECT_FALSE(connection.closed());
        ActOn(connection);
        Act(&connection, &connection.loop());
      });
      return;
  }
}

void HammerTest::ActOnServer(EventLoop* loop) {
  const std::shared_ptr<StreamServer> server = this->server();
  if (server == nullptr) {
    if (loop == main_.get()) return StartServer();
    main_->ref().Post([this] { StartServer(); });
    return;
  }
  switch (ThreadRandom().Uniform(12)) {
    case 0:
      TakeServer();
      return;
    case 1:
      server->StopAccepting();
      return;
    case 2:
      server->Drain(Millis(50), [this](const DrainResult&) {
        TakeServer();
        Act(nullptr, main_.get());
      });
      return;
    default:
      EXPECT_LE(server->stats().failed, server->stats().accepted);
      return;
  }
}

void HammerTest::ActOnClient(EventLoop* loop) {
  const size_t slot = ThreadRandom().Uniform(kClients);
  if (ThreadRandom().OneIn(4)) {
    TakeClient(slot);  // Destroys it here.
    return;
  }
  if (loop != main_.get()) {
    main_->ref().Post([this, slot] { StartClient(slot); });
    return;
  }
  std::unique_ptr<StreamClient> client = TakeClient(slot);
  if (client == nullptr) return StartClient(slot);
  if (ThreadRandom().OneIn(4)) client->Stop();
  if (Connection* const connection = client->connection()) ActOn(*connection);
  client->Connect();
  PutClient(slot, client);
}

// On the main loop.
void HammerTest::Begin() {
  StartServer();
  for (size_t slot = 0; slot < kClients; ++slot) StartClient(slot);
  for (std::thread& stranger : strangers_) {
    stranger = std::thread([this] {
      const TimePoint end = Clock::now() + std::chrono::seconds(3);
      while (Clock::now() < end) {
        for (int i = 0; i < 20; ++i) Act(nullptr, nullptr);
        std::this_thread::yield();
      }
      if (--strangers_left_ == 0) main_->ref().Post([this] { EndSoon(); });
    });
  }
}

// On the main loop, when no stranger acts any more.
void HammerTest::EndSoon() {
  ending_ = true;
  TakeServer();
  for (size_t slot = 0; slot < kClients; ++slot) TakeClient(slot);
  // Workers may still hold a server, for as long as one callback takes; or be about to post the
  // start of a client, which finds that it is too late.
  main_->RunEvery(milliseconds(1), [this] {
    if (server_audit_.open() == 0 && client_audit_.open() == 0) main_->Quit();
  });
}

TEST_F(HammerTest, AnyOperationInAnyCallbackAndOnAnyThread_D1) {
  main_->Post([this] { Begin(); });
  ASSERT_TRUE(main_->Run().ok());
  for (std::thread& stranger : strangers_) stranger.join();
  EXPECT_GT(server_audit_.closed(), 50u);
  EXPECT_GT(client_audit_.closed(), 50u);
  EXPECT_GT(servers_.load(), 3u);
  EXPECT_GT(operations_.load(), 1000u);
  std::printf("%lu operations, %lu servers, %lu connections\n",
              static_cast<unsigned long>(operations_), static_cast<unsigned long>(servers_),
              static_cast<unsigned long>(server_audit_.closed()));
}

}  // namespace
}  // namespace spindle
