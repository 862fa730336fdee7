// Several threads use and end bufferevents of two running loops: nothing is lost, and nothing of
// them stays. Meant for the sanitizers above all.

#include <dirent.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>
#include <random>
#include <thread>
#include <vector>

namespace {

constexpr int kRounds = 40;
constexpr int kUsers = 3;
constexpr int kCalls = 60;

int CountDescriptors() {
  int count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

void TakeAll(bufferevent* bev, void*) {
  char block[256];
  while (bufferevent_read(bev, block, sizeof(block)) > 0) {
  }
}

void Ignore(bufferevent*, void*) {}
void IgnoreEvent(bufferevent*, short, void*) {}

// One random call.
void Use(bufferevent* bev, std::mt19937& random) {
  static constexpr char kBytes[500] = {};
  switch (random() % 9) {
    case 0:
    case 1:
    case 2:
      bufferevent_write(bev, kBytes, random() % sizeof(kBytes));
      break;
    case 3:
      bufferevent_enable(bev, EV_READ);
      break;
    case 4:
      bufferevent_disable(bev, EV_READ);
      break;
    case 5:
      bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
      break;
    case 6:
      bufferevent_setwatermark(bev, EV_READ, 0, random() % 2 == 0 ? 3000 : 0);
      break;
    case 7: {
      const timeval soon = {0, static_cast<suseconds_t>(random() % 3000)};
      bufferevent_set_timeouts(bev, &soon, &soon);
      bufferevent_enable(bev, EV_READ | EV_WRITE);
      break;
    }
    default:
      bufferevent_lock(bev);
      evbuffer_add(bufferevent_get_output(bev), kBytes, 10);
      bufferevent_flush(bev, EV_WRITE, BEV_FLUSH);
      bufferevent_unlock(bev);
  }
}

// Two loops, each on a thread of its own.
class BuffereventStressTest : public testing::TestWithParam<int> {
 protected:
  BuffereventStressTest() {
    std::signal(SIGPIPE, SIG_IGN);
    evthread_use_pthreads();
    for (event_base*& base : bases_) base = event_base_new();
    group_ = bufferevent_rate_limit_group_new(bases_[0], cfg_);
    for (event_base* base : bases_) {
      loops_.emplace_back([base] { event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY); });
    }
  }

  // Ends the loops after what is due in them.
  ~BuffereventStressTest() override {
    for (event_base* base : bases_) event_base_loopbreak(base);
    for (std::thread& loop : loops_) loop.join();
    for (event_base* base : bases_) event_base_loop(base, EVLOOP_NONBLOCK);
    bufferevent_rate_limit_group_free(group_);
    ev_token_bucket_cfg_free(cfg_);
    for (event_base* base : bases_) event_base_free(base);
  }

  void Open(int round, bufferevent* couple[2]) {
    const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE | GetParam();
    if (round % 4 == 3) {
      ASSERT_EQ(bufferevent_pair_new(bases_[0], options, couple), 0);
    } else {
      int fds[2];
      ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
      for (int i = 0; i < 2; ++i) couple[i] = bufferevent_socket_new(bases_[i], fds[i], options);
    }
    if (round % 5 == 4) {
      couple[0] = bufferevent_filter_new(couple[0], nullptr, nullptr, options, nullptr, nullptr);
    }
    for (int i = 0; i < 2; ++i) {
      bufferevent_setcb(couple[i], TakeAll, Ignore, IgnoreEvent, nullptr);
      bufferevent_enable(couple[i], EV_READ | EV_WRITE);
      if (round % 2 == 1) bufferevent_add_to_rate_limit_group(couple[i], group_);
    }
  }

  const timeval tick_ = {0, 2000};
  ev_token_bucket_cfg* cfg_ = ev_token_bucket_cfg_new(20000, 40000, 20000, 40000, &tick_);
  bufferevent_rate_limit_group* group_;
  event_base* bases_[2];
  std::vector<std::thread> loops_;
};

TEST_P(BuffereventStressTest, NothingStays) {
  const int descriptors = CountDescriptors();
  for (int round = 0; round < kRounds; ++round) {
    bufferevent* couple[2];
    Open(round, couple);
    std::vector<std::thread> users;
    for (int i = 0; i < kUsers; ++i) {
      users.emplace_back([&, seed = round * kUsers + i] {
        std::mt19937 random(static_cast<unsigned>(seed));
        for (int k = 0; k < kCalls; ++k) Use(couple[random() % 2], random);
      });
    }
    for (std::thread& user : users) user.join();
    for (bufferevent* bev : couple) bufferevent_free(bev);
  }
  // The loops close what is left; the test's own limit of time ends the wait.
  while (CountDescriptors() > descriptors) std::this_thread::yield();
}

INSTANTIATE_TEST_SUITE_P(Options, BuffereventStressTest,
                         testing::Values(0, BEV_OPT_DEFER_CALLBACKS,
                                         BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS));

}  // namespace
