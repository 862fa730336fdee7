// The functions and headers of libevent 1.x.

#include <event.h>
#include <evutil.h>

#include "tests/compat/event_helpers.h"

namespace spindle::compat_test {
namespace {

TEST(EventCompatTest, ActsOnTheBaseMadeLast) {
  event_base* base = event_init();
  ASSERT_NE(base, nullptr);
  EXPECT_STREQ(event_get_method(), "epoll");
  EXPECT_EQ(event_priority_init(3), 0);
  EXPECT_EQ(event_base_get_npriorities(base), 3);

  int calls = 0;
  const auto count = [](int, short, void* arg) { ++*static_cast<int*>(arg); };
  event timer;
  evtimer_set(&timer, count, &calls);
  EXPECT_EQ(event_get_base(&timer), base);
  EXPECT_TRUE(evtimer_initialized(&timer));
  timeval soon = {.tv_sec = 0, .tv_usec = 1000};
  EXPECT_EQ(timeout_add(&timer, &soon), 0);
  EXPECT_TRUE(timeout_pending(&timer, nullptr));
  EXPECT_EQ(event_dispatch(), 1);
  EXPECT_EQ(calls, 1);

  EXPECT_EQ(event_once(-1, EV_TIMEOUT, count, &calls, nullptr), 0);
  EXPECT_EQ(event_loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(calls, 2);

  Pair pair;
  event reader;
  event_set(&reader, pair[0], EV_READ, count, &calls);
  EXPECT_EQ(EVENT_FD(&reader), pair[0]);
  event_add(&reader, nullptr);
  EXPECT_EQ(event_loopexit(nullptr), 0);
  EXPECT_EQ(event_dispatch(), 0);
  pair.Send(1);
  EXPECT_EQ(event_loop(EVLOOP_NONBLOCK), 1);
  EXPECT_EQ(calls, 3);

  event signal;
  signal_set(
      &signal, SIGUSR1,
      [](int, short, void* arg) {
        ++*static_cast<int*>(arg);
        event_loopbreak();
      },
      &calls);
  EXPECT_EQ(EVENT_SIGNAL(&signal), SIGUSR1);
  signal_add(&signal, nullptr);
  raise(SIGUSR1);
  EXPECT_EQ(event_dispatch(), 0);
  EXPECT_EQ(calls, 4);
  signal_del(&signal);
  event_base_free(base);
}

TEST(EventCompatTest, AnEventOfNoBaseIsGivenOneLater) {
  Base base;
  event ev;
  int calls = 0;
  event_set(
      &ev, -1, 0, [](int, short, void* arg) { ++*static_cast<int*>(arg); }, &calls);
  EXPECT_EQ(event_base_set(base, &ev), 0);
  AddTimeout(&ev, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace spindle::compat_test
