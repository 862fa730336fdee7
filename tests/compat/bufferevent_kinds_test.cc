// Pairs, filters, rate limits and threads.

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/compat/bufferevent_helpers.h"

namespace {

class PairTest : public BuffereventTest {
 protected:
  PairTest() { EXPECT_EQ(bufferevent_pair_new(base_.get(), 0, pair_), 0); }
  ~PairTest() override {
    for (bufferevent* bev : pair_) {
      if (bev != nullptr) bufferevent_free(bev);
    }
    Turn();
  }
  bufferevent* pair_[2];
};

TEST_F(PairTest, DataWaitsForAReader) {
  Log log;
  log.Watch(pair_[1]);
  bufferevent_write(pair_[0], "hello", 5);
  Turn();
  EXPECT_EQ(log.order, "");
  bufferevent_enable(pair_[1], EV_READ);
  EXPECT_EQ(log.order, "");  // deferred
  Turn();
  EXPECT_EQ(log.order, "r");
  EXPECT_EQ(Take(bufferevent_get_input(pair_[1])), "hello");
}

TEST_F(PairTest, AFlushReportsTheEndToTheOtherSide) {
  Log log;
  log.Watch(pair_[1]);
  EXPECT_EQ(bufferevent_flush(pair_[0], EV_WRITE, BEV_NORMAL), 0);
  EXPECT_EQ(bufferevent_flush(pair_[0], EV_WRITE, BEV_FINISHED), 0);
  Turn();
  EXPECT_EQ(log.events, BEV_EVENT_EOF | BEV_EVENT_READING);
}

TEST_F(PairTest, ALostPartnerIsKnown) {
  EXPECT_EQ(bufferevent_pair_get_partner(pair_[0]), pair_[1]);
  bufferevent_free(pair_[1]);
  pair_[1] = nullptr;
  EXPECT_EQ(bufferevent_pair_get_partner(pair_[0]), nullptr);
  EXPECT_EQ(bufferevent_flush(pair_[0], EV_WRITE, BEV_FINISHED), -1);
  EXPECT_EQ(bufferevent_write(pair_[0], "x", 1), 0);
}

TEST_F(PairTest, ItHasNoDescriptor) {
  EXPECT_EQ(bufferevent_getfd(pair_[0]), -1);
  EXPECT_EQ(bufferevent_setfd(pair_[0], 0), -1);
  EXPECT_EQ(bufferevent_priority_set(pair_[0], 0), -1);
  EXPECT_EQ(bufferevent_base_set(base_.get(), pair_[0]), -1);
}

// Turns letters into their neighbours.
bufferevent_filter_result Shift(evbuffer* from, evbuffer* to, ev_ssize_t, bufferevent_flush_mode,
                                void* by) {
  std::string text = Take(from);
  if (text.empty()) return BEV_NEED_MORE;
  for (char& c : text) c = static_cast<char>(c + *static_cast<int*>(by));
  evbuffer_add(to, text.data(), text.size());
  return BEV_OK;
}

TEST_F(BuffereventTest, AFilterChangesBothWays) {
  static int freed;
  freed = 0;
  int by = 1;
  bufferevent* socket = Connected();
  bufferevent* filter = bufferevent_filter_new(
      socket, Shift, Shift, BEV_OPT_CLOSE_ON_FREE, [](void*) { ++freed; }, &by);
  ASSERT_NE(filter, nullptr);
  Log log;
  log.Watch(filter);
  EXPECT_EQ(bufferevent_get_underlying(filter), socket);
  EXPECT_EQ(bufferevent_getfd(filter), bufferevent_getfd(socket));
  bufferevent_enable(filter, EV_READ);
  bufferevent_write(filter, "abc", 3);
  Turn();
  EXPECT_EQ(Received(), "bcd");
  Send("xyz");
  Turn();
  EXPECT_EQ(Take(bufferevent_get_input(filter)), "yz{");
  shutdown(peer_, SHUT_WR);
  Turn();
  EXPECT_EQ(log.events, BEV_EVENT_EOF | BEV_EVENT_READING);
  const int fd = bufferevent_getfd(socket);
  bufferevent_free(filter);
  Turn();
  EXPECT_EQ(freed, 1);
  EXPECT_FALSE(IsOpen(fd));
}

TEST_F(BuffereventTest, WithoutFunctionsAFilterPassesOn) {
  bufferevent* socket = Connected();
  bufferevent* filter = bufferevent_filter_new(socket, nullptr, nullptr, 0, nullptr, nullptr);
  bufferevent_enable(filter, EV_READ);
  bufferevent_write(filter, "through", 7);
  Send("back");
  Turn();
  EXPECT_EQ(Received(), "through");
  EXPECT_EQ(Take(bufferevent_get_input(filter)), "back");
  bufferevent_free(filter);
  Turn();
  EXPECT_TRUE(IsOpen(bufferevent_getfd(socket)));
  bufferevent_free(socket);
}

TEST_F(BuffereventTest, ARateLimitHoldsReadingUntilTheNextTick) {
  const timeval tick = {0, 20000};
  ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(100, 200, 100, 200, &tick);
  ASSERT_NE(cfg, nullptr);
  EXPECT_EQ(ev_token_bucket_cfg_new(10, 5, 1, 1, nullptr), nullptr);
  EXPECT_EQ(ev_token_bucket_cfg_new(0, 5, 1, 1, nullptr), nullptr);
  bufferevent* bev = Connected();
  EXPECT_EQ(bufferevent_get_read_limit(bev), EV_SSIZE_MAX);
  EXPECT_EQ(bufferevent_set_rate_limit(bev, cfg), 0);
  EXPECT_EQ(bufferevent_get_token_bucket_cfg(bev), cfg);
  bufferevent_enable(bev, EV_READ);
  Send(std::string(1000, 'r'));
  // Never more than the burst at once, and in the end all of it.
  evbuffer* input = bufferevent_get_input(bev);
  size_t before = 0;
  size_t most = 0;
  while (evbuffer_get_length(input) < 1000) {
    event_base_loop(base_.get(), EVLOOP_ONCE);
    most = std::max(most, evbuffer_get_length(input) - before);
    before = evbuffer_get_length(input);
  }
  EXPECT_LE(most, 200u);
  EXPECT_EQ(bufferevent_set_rate_limit(bev, nullptr), 0);
  EXPECT_EQ(bufferevent_get_read_limit(bev), EV_SSIZE_MAX);
  bufferevent_free(bev);
  Turn();
  ev_token_bucket_cfg_free(cfg);
}

TEST_F(BuffereventTest, AGroupSharesItsLimit) {
  const timeval tick = {10000, 0};
  ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(100, 100, 100, 100, &tick);
  bufferevent_rate_limit_group* group = bufferevent_rate_limit_group_new(base_.get(), cfg);
  ASSERT_NE(group, nullptr);
  bufferevent* bevs[2];
  for (bufferevent*& bev : bevs) {
    bev = Connected();
    EXPECT_EQ(bufferevent_add_to_rate_limit_group(bev, group), 0);
    bufferevent_enable(bev, EV_READ);
    Send(std::string(1000, 'g'));
  }
  Turn(20);
  const size_t read = evbuffer_get_length(bufferevent_get_input(bevs[0])) +
                      evbuffer_get_length(bufferevent_get_input(bevs[1]));
  EXPECT_GE(read, 100u);
  EXPECT_LE(read, 200u);
  ev_uint64_t total_read = 0;
  ev_uint64_t total_written = 0;
  bufferevent_rate_limit_group_get_totals(group, &total_read, &total_written);
  EXPECT_EQ(total_read, read);
  EXPECT_LE(bufferevent_rate_limit_group_get_read_limit(group), 0);
  EXPECT_EQ(bufferevent_rate_limit_group_decrement_read(group, -1000), 0);
  Turn(20);
  EXPECT_GT(evbuffer_get_length(bufferevent_get_input(bevs[0])) +
                evbuffer_get_length(bufferevent_get_input(bevs[1])),
            read);
  for (bufferevent* bev : bevs) {
    EXPECT_EQ(bufferevent_remove_from_rate_limit_group(bev), 0);
    bufferevent_free(bev);
  }
  Turn();
  bufferevent_rate_limit_group_free(group);
  ev_token_bucket_cfg_free(cfg);
}

TEST(BuffereventThreadTest, AnyThreadMayWriteAndFree) {
  ASSERT_EQ(evthread_use_pthreads(), 0);
  std::unique_ptr<event_base, Free> base(event_base_new());
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  evutil_make_socket_nonblocking(fds[0]);
  bufferevent* bev =
      bufferevent_socket_new(base.get(), fds[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
  bufferevent_enable(bev, EV_READ);
  std::thread loop([&] { event_base_loop(base.get(), EVLOOP_NO_EXIT_ON_EMPTY); });
  constexpr int kWriters = 3;
  constexpr size_t kRounds = 500;
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&] {
      for (size_t round = 0; round < kRounds; ++round) bufferevent_write(bev, "0123456789", 10);
    });
  }
  size_t received = 0;
  char block[4096];
  while (received < kWriters * kRounds * 10) {
    const ssize_t n = read(fds[1], block, sizeof(block));
    ASSERT_GT(n, 0);
    received += static_cast<size_t>(n);
  }
  for (std::thread& writer : writers) writer.join();
  bufferevent_free(bev);
  EXPECT_EQ(read(fds[1], block, sizeof(block)), 0);  // closed by the loop
  event_base_loopbreak(base.get());
  loop.join();
  close(fds[1]);
}

// A writer holds a lock of the program's that the callback wants, too.
TEST(BuffereventThreadTest, UnlockedCallbacksMayTakeTheLocksOfWriters) {
  ASSERT_EQ(evthread_use_pthreads(), 0);
  struct Shared {
    std::mutex mutex;
    std::atomic<bool> in_callback = false;
    std::atomic<bool> done = false;
  } shared;
  std::unique_ptr<event_base, Free> base(event_base_new());
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  bufferevent* bev = bufferevent_socket_new(base.get(), fds[0],
                                            BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE |
                                                BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
  bufferevent_setcb(
      bev,
      [](bufferevent*, void* arg) {
        auto* own = static_cast<Shared*>(arg);
        own->in_callback = true;
        const std::lock_guard<std::mutex> lock(own->mutex);
        own->done = true;
      },
      nullptr, nullptr, &shared);
  bufferevent_enable(bev, EV_READ);
  std::thread loop([&] { event_base_loop(base.get(), EVLOOP_NO_EXIT_ON_EMPTY); });
  {
    const std::lock_guard<std::mutex> lock(shared.mutex);
    EXPECT_EQ(write(fds[1], "x", 1), 1);
    while (!shared.in_callback) std::this_thread::yield();
    EXPECT_EQ(bufferevent_write(bev, "does not wait", 13), 0);
  }
  while (!shared.done) std::this_thread::yield();
  bufferevent_free(bev);
  event_base_loopbreak(base.get());
  loop.join();
  close(fds[1]);
}

}  // namespace
