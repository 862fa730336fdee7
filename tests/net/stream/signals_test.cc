// Real signals in the middle of all input and output: a thread that does nothing but raise them at
// the threads of the loops, with a handler that does not ask for calls to be restarted.

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/record_stream.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::atomic<uint64_t> handled{0};

// The kernel, and how often it said EINTR.
class InterruptedCalls : public Syscalls {
 public:
  int EpollWait(int epoll_fd, std::span<epoll_event> events, int timeout_ms) override {
    const int count = Syscalls::EpollWait(epoll_fd, events, timeout_ms);
    if (count == -EINTR) ++interrupted;
    return count;
  }
  std::atomic<uint64_t> interrupted{0};
};

// Raises SIGUSR1 at each of `threads` in turn while alive, as fast as it is handled.
class Storm {
 public:
  explicit Storm(std::vector<pthread_t> threads)
      : thread_([this, threads = std::move(threads)] {
          while (!stop_) {
            const uint64_t before = handled;
            for (const pthread_t thread : threads) pthread_kill(thread, SIGUSR1);
            while (handled == before && !stop_) std::this_thread::yield();
          }
        }) {}
  ~Storm() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;  // Last: it uses the other.
};

void SetSignalMask(int how) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  pthread_sigmask(how, &mask, nullptr);
}

class SignalsTest : public LeakCheckTest {
 protected:
  void SetUp() override {
    struct sigaction action = {};
    action.sa_handler = [](int) { ++handled; };
    action.sa_flags = 0;  // No SA_RESTART.
    ASSERT_EQ(sigaction(SIGUSR1, &action, &before_), 0);
    SetSignalMask(SIG_BLOCK);  // Inherited by the thread that raises them, and by the watchdog.
    watchdog_ = std::make_unique<Watchdog>(std::chrono::minutes(4));
    env_ = std::make_unique<StreamEnv>(Machine{Machine::Kind::kKernel, 2}, kernel_);
    threads_.push_back(pthread_self());
    for (EventLoop* loop : env_->pool().loops()) {
      loop->ref().CallAndWait([&] {
        threads_.push_back(pthread_self());
        SetSignalMask(SIG_UNBLOCK);
      });
    }
  }
  void TearDown() override {
    SetSignalMask(SIG_BLOCK);
    env_.reset();
    // One that was raised and not handled is discarded.
    signal(SIGUSR1, SIG_IGN);
    SetSignalMask(SIG_UNBLOCK);
    sigaction(SIGUSR1, &before_, nullptr);
    LeakCheckTest::TearDown();
  }

  struct sigaction before_ = {};
  InterruptedCalls kernel_;
  std::unique_ptr<Watchdog> watchdog_;
  std::unique_ptr<StreamEnv> env_;
  std::vector<pthread_t> threads_;
};

// Records go back and forth, large and small, over connections that come and go; nothing is lost,
// nothing ends but by Close, and no timer rings early.
TEST_F(SignalsTest, StormLosesNothingAndRingsNoTimerEarly_R7) {
  StreamAudit server_audit;
  StreamAudit client_audit;
  auto server = env_->Listen(server_audit.Watch(
      {.on_bytes = [](Connection& c, Buffer& in) { EXPECT_TRUE(c.Write(std::move(in)).ok()); }}));
  EventLoop& loop = env_->client_loop();
  const Storm storm(threads_);
  SetSignalMask(SIG_UNBLOCK);
  uint64_t ticks = 0;
  TimePoint due = loop.Now() + microseconds(700);
  const TimerId timer = loop.RunEvery(microseconds(700), [&] {
    EXPECT_GE(loop.Now(), due);
    due += microseconds(700);  // Those that were missed are made up for by one.
    ++ticks;
  });
  constexpr uint32_t kRecords = 40;
  uint32_t rounds = 0;
  while (rounds < 10 || (kernel_.interrupted < 500 && rounds < 2000)) {
    RecordWriter writer(rounds);
    RecordReader reader(rounds);
    StreamClient client(
        loop, server->address(),
        client_audit.Watch({.on_open = [&](Connection& c) { c.Write(writer.Next(0)); },
                            .on_bytes =
                                [&](Connection& c, Buffer& in) {
                                  const uint32_t before = reader.records();
                                  in.ForEachSegment([&](std::string_view piece) {
                                    ASSERT_TRUE(reader.Feed(piece));
                                  });
                                  in.Clear();
                                  if (reader.records() == kRecords) return c.Close();
                                  if (reader.records() == before) return;
                                  c.Write(writer.Next(reader.records() % 8 == 0 ? 300'000 : 50));
                                }}));
    client.Connect();
    const uint64_t closed = client_audit.closed();
    ASSERT_TRUE(env_->RunUntil([&] { return client_audit.closed() == closed + 1; }));
    EXPECT_EQ(client_audit.last_reason().kind, CloseKind::kLocalClose);
    EXPECT_TRUE(reader.complete());
    EXPECT_EQ(reader.records(), kRecords);
    ++rounds;
    if (HasFailure()) break;
  }
  ASSERT_TRUE(env_->RunUntil([&] { return server->connections() == 0; }));
  loop.Cancel(timer);
  EXPECT_EQ(server_audit.closed(CloseKind::kPeerClosed), rounds);
  EXPECT_GT(ticks, 0u);
  EXPECT_GE(kernel_.interrupted, 500u) << "too few to prove anything";
  SetSignalMask(SIG_BLOCK);
}

}  // namespace
}  // namespace spindle
