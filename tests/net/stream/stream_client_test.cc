#include "net/stream/stream_client.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop_thread.h"
#include "net/stream/stream_server.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"
#include "tests/testing/unique_name.h"

namespace spindle {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// On every machine.
class StreamClientTest : public StreamEnvTest {
 protected:
  std::unique_ptr<StreamClient> Make(const SocketAddress& address, StreamClientOptions options = {},
                                     ConnectionCallbacks callbacks = {}) {
    return std::make_unique<StreamClient>(env_->client_loop(), address,
                                          audit_.Watch(std::move(callbacks)), std::move(options),
                                          [this](const ConnectError& error) {
                                            errors_.push_back(error);
                                            times_.push_back(env_->client_loop().Now());
                                          });
  }
  // A port on which nobody listens.
  SocketAddress DeadAddress() {
    auto server = env_->Listen({});
    return server->address();
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }

  StreamAudit audit_;
  FaultySyscalls faulty_;
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(GetParam(), faulty_);
  std::unique_ptr<StreamServer> server_;
  std::unique_ptr<StreamClient> client_;
  std::vector<ConnectError> errors_;
  std::vector<TimePoint> times_;
};

TEST_P(StreamClientTest, RefusedIsReportedOnceAndLeavesNothing_C2) {
  client_ = Make(DeadAddress());
  client_->Connect();
  EXPECT_TRUE(errors_.empty()) << "never inside Connect";
  EXPECT_TRUE(client_->connecting());
  ASSERT_TRUE(env_->RunUntil([&] { return !errors_.empty(); }));
  env_->Settle();
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_EQ(errors_[0].failure, ConnectFailure::kRefused);
  EXPECT_EQ(errors_[0].error.code(), ECONNREFUSED);
  EXPECT_EQ(errors_[0].attempt, 1u);
  EXPECT_FALSE(errors_[0].will_retry);
  EXPECT_FALSE(client_->connecting());
  EXPECT_EQ(client_->connection(), nullptr);
  EXPECT_EQ(audit_.opened(), 0u);
  EXPECT_NE(errors_[0].ToString(client_->server()).find("ECONNREFUSED"), std::string::npos);
}

TEST_P(StreamClientTest, NameThatNobodyListensOn_C2) {
  client_ = Make(*SocketAddress::UnixAbstract(UniqueName("spindle-nobody-")));
  client_->Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return !errors_.empty(); }));
  EXPECT_EQ(errors_[0].failure, ConnectFailure::kRefused);
  client_ = Make(*SocketAddress::UnixPath("/nonexistent/socket"));
  client_->Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return errors_.size() == 2; }));
  EXPECT_EQ(errors_[1].failure, ConnectFailure::kRefused);
  EXPECT_EQ(errors_[1].error.code(), ENOENT);
}

TEST_P(StreamClientTest, UnixConnectionWorks) {
  auto server =
      env_->TryListen(*SocketAddress::UnixAbstract(UniqueName("spindle-client-")),
                      {.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }});
  ASSERT_TRUE(server.ok());
  server_ = *std::move(server);
  std::string got;
  client_ = Make(server_->address(), {},
                 {.on_open = [](Connection& c) { c.Write("over unix"); },
                  .on_bytes =
                      [&](Connection& c, Buffer& in) {
                        got = in.ToString();
                        in.Clear();
                        c.Close();
                      }});
  client_->Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == 1; }));
  EXPECT_EQ(got, "over unix");
}

TEST_P(StreamClientTest, LocalAddressIsBound) {
  SocketAddress seen;
  std::atomic<bool> opened{false};
  server_ = env_->Listen({.on_open = [&](Connection& c) {
    seen = c.peer_address();
    opened = true;
  }});
  client_ = Make(server_->address(), {.local = *SocketAddress::Parse("127.0.0.9:0")});
  client_->Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return opened && audit_.opened() == 1; }));
  EXPECT_EQ(seen.ip(), "127.0.0.9");
  EXPECT_EQ(client_->connection()->local_address(), seen);
  EXPECT_EQ(client_->connection()->peer_address(), server_->address());
}

TEST_P(StreamClientTest, LocalAddressThatIsTakenIsALocalFailure) {
  server_ = env_->Listen({});
  client_ = Make(server_->address(), {.local = server_->address()});
  client_->Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return !errors_.empty(); }));
  EXPECT_EQ(errors_[0].failure, ConnectFailure::kLocal);
  EXPECT_EQ(errors_[0].error, IoError(EADDRINUSE, IoOp::kBind));
}

// Binding to the very address that nobody listens on makes the kernel connect the socket to itself.
TEST_P(StreamClientTest, SelfConnectIsRefusedAndRetried_C1) {
  for (size_t i = 0; i < 3; ++i) {
    const SocketAddress address = DeadAddress();
    client_ = Make(address, {.local = address, .retry = {.max_attempts = 2}});
    client_->Connect();
    ASSERT_TRUE(env_->RunUntil([&] { return errors_.size() == i + 1; }));
    client_->Stop();
    EXPECT_EQ(errors_[i].failure, ConnectFailure::kSelfConnect);
    EXPECT_TRUE(errors_[i].will_retry);
    EXPECT_NE(errors_[i].ToString(address).find("itself"), std::string::npos);
  }
  EXPECT_EQ(audit_.opened(), 0u);
}

TEST_P(StreamClientTest, ErrorsOfEachCallAreClassified_C2) {
  if (env_->simulated()) GTEST_SKIP() << "by injection";
  struct Case {
    SysCall call;
    int error;
    ConnectFailure failure;
  };
  const Case cases[] = {
      {SysCall::kSocket, EMFILE, ConnectFailure::kLocal},
      {SysCall::kSetSockOpt, ENOBUFS, ConnectFailure::kLocal},
      {SysCall::kConnect, ENETUNREACH, ConnectFailure::kUnreachable},
      {SysCall::kConnect, EHOSTUNREACH, ConnectFailure::kUnreachable},
      {SysCall::kConnect, EADDRNOTAVAIL, ConnectFailure::kLocal},
      {SysCall::kConnect, EPERM, ConnectFailure::kLocal},
      {SysCall::kConnect, ETIMEDOUT, ConnectFailure::kTimeout},
      {SysCall::kConnect, EAGAIN, ConnectFailure::kOther},
      {SysCall::kEpollCtl, ENOSPC, ConnectFailure::kLocal},
      {SysCall::kGetSockOpt, ENOBUFS, ConnectFailure::kOther},
  };
  server_ = env_->Listen({});
  for (const Case& one : cases) {
    errors_.clear();
    client_ = Make(server_->address());
    faulty_.FailNext(one.call, one.error);
    client_->Connect();
    ASSERT_TRUE(env_->RunUntil([&] { return !errors_.empty(); }));
    EXPECT_EQ(errors_[0].failure, one.failure) << SysCallName(one.call) << one.error;
    EXPECT_EQ(errors_[0].error.code(), one.error);
    EXPECT_EQ(client_->connection(), nullptr);
  }
}

// EINPROGRESS without any packet: the deadline ends the attempt.
class SilentConnect : public Syscalls {
 public:
  int Connect(int, const sockaddr*, socklen_t) override { return -EINPROGRESS; }
  int EpollCtl(int epoll_fd, int operation, int fd, epoll_event* event) override {
    epoll_event none = {};
    if (event != nullptr) none.data = event->data;
    // A socket that is not connecting would report a hang-up at once: watch nothing by one-shot.
    if (operation == EPOLL_CTL_ADD && (event->events & EPOLLRDHUP)) {
      none.events = EPOLLONESHOT | EPOLLET;
      return Syscalls::EpollCtl(epoll_fd, operation, fd, &none);
    }
    return Syscalls::EpollCtl(epoll_fd, operation, fd, event);
  }
};

TEST(StreamClientTimeoutTest, NoAnswerEndsAtTheDeadline_C2) {
  const LeakCheck leaks;
  {
    SilentConnect silent;
    StreamEnv env(Machine{}, silent);
    std::vector<ConnectError> errors;
    StreamClient client(env.client_loop(), SocketAddress::LoopbackV4(9), {},
                        {.connect_timeout = milliseconds(5), .retry = {.max_attempts = 2}},
                        [&](const ConnectError& error) { errors.push_back(error); });
    client.Connect();
    ASSERT_TRUE(env.RunUntil([&] { return errors.size() == 2; }));
    EXPECT_EQ(errors[0].failure, ConnectFailure::kTimeout);
    EXPECT_TRUE(errors[0].will_retry);
    EXPECT_NE(errors[1].ToString(client.server()).find("no answer"), std::string::npos);
  }
  leaks.ExpectUnchanged();
}

TEST_P(StreamClientTest, BackOffDoublesUpToItsMaximum_C4) {
  if (GetParam().kind != Machine::Kind::kSim) GTEST_SKIP() << "needs exact virtual time";
  client_ = Make(DeadAddress(), {.retry = {.max_attempts = 8,
                                           .initial_backoff = milliseconds(100),
                                           .max_backoff = seconds(2),
                                           .jitter = 0}});
  client_->Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return errors_.size() == 8; }));
  int expected = 100;
  for (size_t i = 0; i + 1 < 8; ++i) {
    EXPECT_EQ(errors_[i].attempt, i + 1);
    EXPECT_EQ(errors_[i].retry_in, milliseconds(expected));
    EXPECT_EQ(times_[i + 1] - times_[i], milliseconds(expected));
    expected = std::min(2000, expected * 2);
  }
  EXPECT_FALSE(errors_[7].will_retry);
  env_->sim().RunFor(minutes(10));
  EXPECT_EQ(errors_.size(), 8u);
}

TEST_P(StreamClientTest, JitterSpreadsTheDelays_C4) {
  if (GetParam().kind != Machine::Kind::kSim) GTEST_SKIP() << "needs virtual time";
  const SocketAddress dead = DeadAddress();
  double least = 1;
  double most = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    errors_.clear();
    client_ = Make(dead, {.retry = {.max_attempts = 2, .jitter = 0.5}, .random_seed = seed});
    client_->Connect();
    ASSERT_TRUE(env_->RunUntil([&] { return errors_.size() == 1; }));
    const double part = static_cast<double>(errors_[0].retry_in.count()) / 1e8;
    least = std::min(least, part);
    most = std::max(most, part);
  }
  EXPECT_GE(least, 0.5);
  EXPECT_LT(least, 0.6);
  EXPECT_LE(most, 1.0);
  EXPECT_GT(most, 0.9);
}

TEST_P(StreamClientTest, StopAtEachStageEndsAllAttempts_C4) {
  const SocketAddress dead = DeadAddress();
  for (uint32_t stage = 1; stage <= 4; ++stage) {
    errors_.clear();
    client_ = Make(dead, {.retry = {.max_attempts = 0, .initial_backoff = milliseconds(1)}});
    client_->Connect();
    client_->Connect();
    ASSERT_TRUE(env_->RunUntil([&] { return errors_.size() == stage; }));
    EXPECT_TRUE(errors_.back().will_retry);
    client_->Stop();
    EXPECT_FALSE(client_->connecting());
    env_->Settle();
    EXPECT_EQ(errors_.size(), stage);
    client_->Stop();
  }
}

TEST_P(StreamClientTest, ConnectInsideOnConnectErrorStartsAnew) {
  const SocketAddress dead = DeadAddress();
  int errors = 0;
  client_ = std::make_unique<StreamClient>(env_->client_loop(), dead, ConnectionCallbacks(),
                                           StreamClientOptions(), [&](const ConnectError& error) {
                                             EXPECT_EQ(error.attempt, 1u);
                                             if (++errors < 5) client_->Connect();
                                           });
  client_->Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return errors == 5; }));
}

TEST_P(StreamClientTest, ReconnectsAfterThePeerClosesAndNotAfterItself) {
  server_ = env_->Listen({.on_bytes = [](Connection& c, Buffer&) { c.Close(); }});
  int opened = 0;
  client_ = Make(server_->address(),
                 {.retry = {.max_attempts = 0,
                            .initial_backoff = milliseconds(1),
                            .reconnect_after_close = true}},
                 {.on_open = [&](Connection& c) {
                   if (++opened < 5) {
                     c.Write("end this");
                   } else {
                     c.Close();
                   }
                 }});
  client_->Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == 5; }));
  env_->Settle();
  EXPECT_EQ(opened, 5);
  EXPECT_FALSE(client_->connecting());
  EXPECT_EQ(audit_.closed(CloseKind::kPeerClosed), 4u);
}

TEST_P(StreamClientTest, DestroyedInsideEachCallback_C3) {
  const SocketAddress dead = DeadAddress();
  server_ = env_->Listen({.on_open = [](Connection& c) { c.Write("hello"); },
                          .on_bytes = [](Connection& c, Buffer&) { c.Close(); }});
  int destroyed = 0;
  const auto destroy = [&] {
    client_.reset();
    ++destroyed;
  };
  for (int kind = 0; kind < 4; ++kind) {
    ConnectionCallbacks callbacks;
    if (kind == 0) callbacks.on_open = [&](Connection&) { destroy(); };
    if (kind == 1) callbacks.on_bytes = [&](Connection&, Buffer&) { destroy(); };
    if (kind == 2) callbacks.on_drained = [&](Connection&) { destroy(); };
    if (kind == 3) callbacks.on_close = [&](Connection&, const CloseReason&) { destroy(); };
    if (kind >= 2) callbacks.on_open = [](Connection& c) { c.Write("x"); };
    client_ =
        Make(server_->address(), {.retry = {.reconnect_after_close = true}}, std::move(callbacks));
    client_->Connect();
    ASSERT_TRUE(env_->RunUntil([&] { return destroyed == kind + 1; }));
  }
  client_ =
      std::make_unique<StreamClient>(env_->client_loop(), dead, ConnectionCallbacks(),
                                     StreamClientOptions{.retry = {.max_attempts = 0}},
                                     [&, witness = std::make_shared<int>(7)](const ConnectError&) {
                                       destroy();
                                       EXPECT_EQ(*witness, 7);
                                     });
  client_->Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return destroyed == 5; }));
  env_->Settle();
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kRounds = 1000;  // Each takes ten times as long.
#else
constexpr int kRounds = 20'000;  // 100,000 with the other machines and the test with threads.
#endif

// Constructed, connected and destroyed after a few turns, or none, at every stage.
TEST_P(StreamClientTest, DestroyedWhileConnecting_C3) {
  const auto echo = [](Connection& c, Buffer& in) { c.Write(std::move(in)); };
  server_ = env_->Listen({.on_bytes = echo});
  const auto unix_server =
      *env_->TryListen(*SocketAddress::UnixAbstract(UniqueName("spindle-c3-")), {.on_bytes = echo});
  const SocketAddress addresses[] = {server_->address(), unix_server->address(), DeadAddress()};
  Random random(7);
  for (int i = 0; i < kRounds; ++i) {
    auto client = Make(addresses[random.Uniform(3)],
                       {.retry = {.max_attempts = 0, .initial_backoff = microseconds(50)}},
                       {.on_open = [](Connection& c) { c.Write("x"); },
                        .on_bytes =
                            [](Connection& c, Buffer& in) {
                              in.Clear();
                              c.Abort();
                            }});
    client->Connect();
    for (uint64_t turns = random.Uniform(5); turns > 0; --turns) {
      if (env_->simulated()) {
        env_->sim().Step();
      } else {
        ASSERT_TRUE(env_->client_loop().RunOnce(WaitMode::kPoll).ok());
      }
    }
    if (random.OneIn(3)) client->Stop();
    if (audit_.open() == 1 && random.OneIn(2)) client->connection()->Abort();
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, StreamClientTest, testing::ValuesIn(FewMachines()), MachineName);

// Destroyed by another thread than its loop's, after a while; and made by four threads at once on
// loops of their own, past 1,024 descriptors.
TEST(StreamClientThreadsTest, DestroyedByAnotherThread_C3) {
  const Watchdog watchdog(minutes(4));
  const LeakCheck leaks;
  {
    StreamAudit audit;
    StreamEnv env(Machine{.workers = 1});
    auto server =
        env.Listen({.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }});
    auto thread = *EventLoopThread::Start();
    Random random(3);
    for (int i = 0; i < kRounds; ++i) {
      StreamClient client(thread->loop(), server->address(),
                          audit.Watch({.on_open = [](Connection& c) { c.Write("x"); },
                                       .on_bytes = [](Connection& c, Buffer&) { c.Abort(); }}),
                          {.retry = {.reconnect_after_close = true}});
      thread->ref().Post([&] { client.Connect(); });
      const TimePoint end = Clock::now() + microseconds(random.Uniform(200));
      while (Clock::now() < end) {
      }
      if (i % 16 == 0) env.Settle();
      // The post may not have run: it must before `client` goes.
      thread->ref().CallAndWait([] {});
      thread->ref().Post([] {});
      std::atomic<bool> ran{false};
      thread->ref().Post([&] { ran = true; });
      while (!ran) std::this_thread::yield();
    }
  }
  leaks.ExpectUnchanged();
}

// The tables of a loop are its thread's alone: who connects from another is stopped at once.
TEST(StreamClientDeathTest, ConnectFromAForeignThreadFailsACheck_C5) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto thread = *EventLoopThread::Start();
        StreamClient client(thread->loop(), SocketAddress::LoopbackV4(9), {});
        client.Connect();
      },
      "another thread");
}

TEST(StreamClientThreadsTest, ManyThreadsConnectAtOnce_C5) {
  const Watchdog watchdog(minutes(4));
  const LeakCheck leaks;
  {
    StreamAudit server_audit;
    StreamAudit audit;
    StreamEnv env(Machine{.workers = 2});
    auto server = env.Listen(server_audit.Watch(
        {.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }}));
    const SocketAddress address = server->address();
    constexpr int kThreads = 4;
    constexpr int kEach = 300;
    std::atomic<int> echoed{0};
    std::vector<std::unique_ptr<EventLoopThread>> threads;
    std::vector<std::vector<std::unique_ptr<StreamClient>>> clients(kThreads);
    for (size_t t = 0; t < kThreads; ++t) {
      threads.push_back(*EventLoopThread::Start());
      EventLoop& loop = threads[t]->loop();
      loop.Post([&, t] {
        for (int i = 0; i < kEach; ++i) {
          clients[t].push_back(std::make_unique<StreamClient>(
              loop, address,
              audit.Watch({.on_open = [](Connection& c) { c.Write("x"); },
                           .on_bytes =
                               [&](Connection&, Buffer& in) {
                                 in.Clear();
                                 ++echoed;
                               }})));
          clients[t].back()->Connect();
        }
      });
    }
    EXPECT_TRUE(env.RunUntil([&] { return echoed == kThreads * kEach; }));
    EXPECT_EQ(server->connections(), static_cast<size_t>(kThreads * kEach));
    clients.clear();
    EXPECT_TRUE(env.RunUntil([&] { return server->connections() == 0; }));
  }
  leaks.ExpectUnchanged();
}

}  // namespace
}  // namespace spindle
