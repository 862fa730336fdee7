// Timeouts.

#include <event2/event.h>
#include <sys/time.h>
#include <time.h>

#include "tests/compat/event_helpers.h"

namespace spindle::compat_test {
namespace {

// Blocks the thread, as a slow callback does.
void Stall(long milliseconds) {
  const timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
  nanosleep(&time, nullptr);
}

long MillisecondsBetween(const timeval& a, const timeval& b) {
  return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_usec - a.tv_usec) / 1000;
}

TEST(EventTimerTest, RunInTheOrderOfTheirTimes) {
  Base base;
  std::string order;
  Event c(base, -1, 0, [&](short) { order += 'c'; });
  Event a(base, -1, 0, [&](short) { order += 'a'; });
  Event b(base, -1, 0, [&](short) { order += 'b'; });
  AddTimeout(c, 30);
  AddTimeout(a, 1);
  AddTimeout(b, 15);
  Stall(50);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(order, "abc");
}

TEST(EventTimerTest, ManyInTheOrderOfTheirTimes) {
  Base base;
  std::vector<int> order;
  std::vector<std::unique_ptr<Event>> events;
  unsigned random = 12345;
  for (int i = 0; i < 500; ++i) {
    random = random * 1103515245 + 12345;
    const int delay = static_cast<int>(random >> 16) % 40;
    events.push_back(
        std::make_unique<Event>(base, -1, 0, [&, delay](short) { order.push_back(delay); }));
    AddTimeout(*events.back(), delay);
    if (i % 5 == 0) event_del(*events.back());
  }
  Stall(60);
  event_base_dispatch(base);
  EXPECT_EQ(order.size(), 400u);
  // They were added within milliseconds of each other.
  for (size_t i = 1; i < order.size(); ++i) EXPECT_LE(order[i - 1], order[i] + 15);
}

TEST(EventTimerTest, NeverEarly) {
  Base base;
  timeval begin;
  event_gettime_monotonic(base, &begin);
  Event timer(base, -1, 0, [](short) {});
  AddTimeout(timer, 20);
  event_base_dispatch(base);
  timeval end;
  event_gettime_monotonic(base, &end);
  EXPECT_GE(MillisecondsBetween(begin, end), 19);
}

TEST(EventTimerTest, APersistentOneDoesNotBurstAfterAStall) {
  Base base;
  int calls = 0;
  Event tick(base, -1, EV_PERSIST, [&](short) { ++calls; });
  AddTimeout(tick, 10);
  Stall(100);
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(calls, 1);
}

TEST(EventTimerTest, APersistentOneIsPendingInItsCallback) {
  Base base;
  int pending = 0;
  Event tick(base, -1, EV_PERSIST, [&](short) {
    pending = event_pending(tick, EV_TIMEOUT, nullptr);
    event_del(tick);
  });
  AddTimeout(tick, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(pending, EV_TIMEOUT);
}

TEST(EventTimerTest, AnOrdinaryOneIsNotPendingInItsCallback) {
  Base base;
  int pending = -1;
  Event timer(base, -1, 0, [&](short) { pending = event_pending(timer, EV_TIMEOUT, nullptr); });
  AddTimeout(timer, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(pending, 0);
}

TEST(EventTimerTest, APersistentOneCountsFromTheTimeItWasDue) {
  Base base;
  timeval due_before = {};
  timeval due_after = {};
  Event tick(base, -1, EV_PERSIST, [&](short) {
    // Added again already, from the time at which this call was due.
    event_pending(tick, EV_TIMEOUT, &due_after);
    event_base_loopbreak(base);
  });
  AddTimeout(tick, 200);
  event_pending(tick, EV_TIMEOUT, &due_before);
  Stall(230);
  event_base_dispatch(base);
  const long distance = MillisecondsBetween(due_before, due_after);
  EXPECT_GE(distance, 195);
  EXPECT_LE(distance, 205);
}

TEST(EventTimerTest, ActivityRestartsTheTimeoutOfAPersistentEvent) {
  Base base;
  Pair pair;
  timeval first = {};
  timeval second = {};
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [&](short what) {
    EXPECT_EQ(what, EV_READ);
    pair.Drain(0);
    event_pending(reader, EV_TIMEOUT, &second);
    event_base_loopbreak(base);
  });
  AddTimeout(reader, 60000);
  event_pending(reader, EV_TIMEOUT, &first);
  Stall(30);
  pair.Send(1);
  event_base_dispatch(base);
  EXPECT_GE(MillisecondsBetween(first, second), 20);
}

TEST(EventTimerTest, AReaderWithATimeoutStaysAReader) {
  Base base;
  Pair pair;
  std::vector<short> reports;
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [&](short what) {
    reports.push_back(what);
    if (what == EV_TIMEOUT) pair.Send(1);
    if (what == EV_READ) event_del(reader);
  });
  AddTimeout(reader, 5);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(reports, (std::vector<short>{EV_TIMEOUT, EV_READ}));
}

TEST(EventTimerTest, AddingAgainReplacesTheTimeout) {
  Base base;
  std::string order;
  Event a(base, -1, 0, [&](short) { order += 'a'; });
  Event b(base, -1, 0, [&](short) { order += 'b'; });
  AddTimeout(a, 1);
  AddTimeout(b, 20);
  AddTimeout(a, 40);
  event_base_dispatch(base);
  EXPECT_EQ(order, "ba");
}

TEST(EventTimerTest, AddingWithoutATimeoutKeepsTheOldOne) {
  Base base;
  int calls = 0;
  Event timer(base, -1, 0, [&](short) { ++calls; });
  AddTimeout(timer, 1);
  EXPECT_EQ(event_add(timer, nullptr), 0);
  EXPECT_EQ(event_pending(timer, EV_TIMEOUT, nullptr), EV_TIMEOUT);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 1);
}

TEST(EventTimerTest, AddingForgetsATimeoutThatIsActive) {
  Base base;
  std::string order;
  Event later(base, -1, 0, [&](short) { order += 'l'; });
  Event first(base, -1, 0, [&](short) {
    order += 'f';
    AddTimeout(later, 1000000);
  });
  AddTimeout(first, 1);
  AddTimeout(later, 2);
  Stall(10);
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(order, "f");
}

TEST(EventTimerTest, RemovingTheTimerKeepsTheRest) {
  Base base;
  Pair pair;
  short reported = 0;
  Event reader(base, pair[0], EV_READ, [&](short what) { reported = what; });
  AddTimeout(reader, 1);
  EXPECT_EQ(event_remove_timer(reader), 0);
  EXPECT_EQ(event_pending(reader, EV_TIMEOUT | EV_READ, nullptr), EV_READ);
  Stall(5);
  pair.Send(1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(reported, EV_READ);
}

TEST(EventTimerTest, ATimeoutHidesWhatItsDescriptorHasReported) {
  Base base;
  Pair pair;
  std::vector<short> reports;
  Event reader(base, pair[0], EV_READ, [&](short what) { reports.push_back(what); });
  AddTimeout(reader, 1);
  pair.Send(1);
  Stall(5);
  event_base_dispatch(base);
  EXPECT_EQ(reports, (std::vector<short>{EV_TIMEOUT}));
}

TEST(EventTimerTest, PendingTellsTheWallClock) {
  Base base;
  timeval now;
  gettimeofday(&now, nullptr);
  Event timer(base, -1, 0, [](short) {});
  AddTimeout(timer, 100000);
  timeval due;
  EXPECT_EQ(event_pending(timer, EV_TIMEOUT, &due), EV_TIMEOUT);
  EXPECT_NEAR(static_cast<double>(due.tv_sec), static_cast<double>(now.tv_sec + 100), 3);
}

TEST(EventTimerTest, OneTimeForAPass) {
  Base base;
  timeval first = {};
  timeval second = {};
  timeval third = {};
  Event a(base, -1, 0, [&](short) {
    event_base_gettimeofday_cached(base, &first);
    Stall(5);
  });
  Event b(base, -1, 0, [&](short) {
    event_base_gettimeofday_cached(base, &second);
    EXPECT_EQ(event_base_update_cache_time(base), 0);
    event_base_gettimeofday_cached(base, &third);
  });
  event_active(a, EV_TIMEOUT, 1);
  event_active(b, EV_TIMEOUT, 1);
  event_base_dispatch(base);
  EXPECT_EQ(MillisecondsBetween(first, second), 0);
  EXPECT_GE(MillisecondsBetween(second, third), 3);
}

TEST(EventTimerTest, WithoutTheCacheTimeGoesOn) {
  event_config* config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
  Base base(config);
  event_config_free(config);
  timeval first = {};
  timeval second = {};
  Event a(base, -1, 0, [&](short) {
    event_base_gettimeofday_cached(base, &first);
    Stall(20);
    event_base_gettimeofday_cached(base, &second);
  });
  event_active(a, EV_TIMEOUT, 1);
  event_base_dispatch(base);
  EXPECT_GE(MillisecondsBetween(first, second), 15);
}

TEST(EventTimerTest, OutsideOfTheLoopTheTimeIsNow) {
  Base base;
  timeval now;
  timeval cached;
  EXPECT_EQ(event_base_gettimeofday_cached(base, &cached), 0);
  gettimeofday(&now, nullptr);
  EXPECT_LE(MillisecondsBetween(cached, now), 1000);
  EXPECT_EQ(event_base_gettimeofday_cached(nullptr, &cached), 0);
}

TEST(EventCommonTimeoutTest, TheSameDurationIsTheSameTimeout) {
  Base base;
  const timeval ten = Milliseconds(10);
  const timeval twenty = Milliseconds(20);
  const timeval* a = event_base_init_common_timeout(base, &ten);
  const timeval* b = event_base_init_common_timeout(base, &twenty);
  ASSERT_NE(a, nullptr);
  EXPECT_NE(a, b);
  EXPECT_EQ(event_base_init_common_timeout(base, &ten), a);
  EXPECT_EQ(event_base_init_common_timeout(base, a), a);
  EXPECT_EQ(a->tv_sec, 0);
  EXPECT_EQ(a->tv_usec & 0xfffff, 10000);
}

TEST(EventCommonTimeoutTest, NormalisesMicroseconds) {
  Base base;
  const timeval odd = {.tv_sec = 1, .tv_usec = 1500000};
  const timeval* common = event_base_init_common_timeout(base, &odd);
  ASSERT_NE(common, nullptr);
  EXPECT_EQ(common->tv_sec, 2);
  EXPECT_EQ(common->tv_usec & 0xfffff, 500000);
}

TEST(EventCommonTimeoutTest, ThereAre256) {
  LogCapture log;
  Base base;
  for (long i = 1; i <= 256; ++i) {
    const timeval duration = {.tv_sec = i, .tv_usec = 0};
    ASSERT_NE(event_base_init_common_timeout(base, &duration), nullptr) << i;
  }
  const timeval more = {.tv_sec = 257, .tv_usec = 0};
  EXPECT_EQ(event_base_init_common_timeout(base, &more), nullptr);
}

TEST(EventCommonTimeoutTest, RunInOrderAndAmongOrdinaryOnes) {
  Base base;
  const timeval duration = Milliseconds(20);
  const timeval* common = event_base_init_common_timeout(base, &duration);
  std::string order;
  Event a(base, -1, 0, [&](short what) {
    EXPECT_EQ(what, EV_TIMEOUT);
    order += 'a';
  });
  Event b(base, -1, 0, [&](short) { order += 'b'; });
  Event c(base, -1, 0, [&](short) { order += 'c'; });
  Event early(base, -1, 0, [&](short) { order += 'e'; });
  Event late(base, -1, 0, [&](short) { order += 'l'; });
  AddTimeout(late, 80);
  for (event* ev : {a.get(), b.get(), c.get()}) event_add(ev, common);
  event_del(b);
  AddTimeout(early, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(order, "eacl");
}

TEST(EventCommonTimeoutTest, PersistentOnesGoOn) {
  Base base;
  const timeval duration = Milliseconds(2);
  const timeval* common = event_base_init_common_timeout(base, &duration);
  int calls = 0;
  Event tick(base, -1, EV_PERSIST, [&](short) {
    if (++calls == 3) event_del(tick);
  });
  event_add(tick, common);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 3);
}

TEST(EventCommonTimeoutTest, APersistentOneTakesItsPlaceByTime) {
  Base base;
  const timeval duration = Milliseconds(400);
  const timeval* common = event_base_init_common_timeout(base, &duration);
  std::string order;
  int ticks = 0;
  Event later(base, -1, 0, [&](short) { order += 'l'; });
  Event first(base, -1, 0, [&](short) { event_add(later, common); });
  Event tick(base, -1, EV_PERSIST, [&](short) {
    order += 't';
    // It is due again before the other one, although that was added first.
    if (++ticks == 1) Stall(450);
    if (ticks == 2) event_del(tick);
  });
  AddTimeout(first, 1);
  event_add(tick, common);
  Stall(450);
  event_base_dispatch(base);
  EXPECT_EQ(order, "ttl");
}

TEST(EventCommonTimeoutTest, AddingAgainMovesToTheEnd) {
  Base base;
  const timeval duration = Milliseconds(30);
  const timeval* common = event_base_init_common_timeout(base, &duration);
  std::string order;
  Event a(base, -1, 0, [&](short) { order += 'a'; });
  Event b(base, -1, 0, [&](short) { order += 'b'; });
  event_add(a, common);
  event_add(b, common);
  Stall(3);
  event_add(a, common);
  event_base_dispatch(base);
  EXPECT_EQ(order, "ba");
}

}  // namespace
}  // namespace spindle::compat_test
