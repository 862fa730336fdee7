// How loops start, go on and end.

#include <event2/event.h>

#include "tests/compat/event_helpers.h"

namespace spindle::compat_test {
namespace {

TEST(EventLoopTest, AnEmptyLoopReturnsOne) {
  Base base;
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
  EXPECT_EQ(event_base_loop(base, EVLOOP_ONCE), 1);
}

TEST(EventLoopTest, ReturnsOneWhenTheLastEventHasRun) {
  Base base;
  int calls = 0;
  Event timer(base, -1, 0, [&](short) { ++calls; });
  AddTimeout(timer, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoopTest, ReturnsZeroAfterExitBreakAndOnce) {
  Base base;
  Event keep(base, -1, EV_PERSIST, [](short) {});
  AddTimeout(keep, 1);
  Event leave(base, -1, 0, [&](short) { event_base_loopexit(base, nullptr); });
  event_active(leave, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_dispatch(base), 0);
  EXPECT_NE(event_base_got_exit(base), 0);
  EXPECT_EQ(event_base_got_break(base), 0);
  Event stop(base, -1, 0, [&](short) { event_base_loopbreak(base); });
  event_active(stop, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_dispatch(base), 0);
  EXPECT_EQ(event_base_got_exit(base), 0);
  EXPECT_NE(event_base_got_break(base), 0);
  EXPECT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  EXPECT_EQ(event_base_got_break(base), 0);
}

TEST(EventLoopTest, ReenteringIsRefused) {
  LogCapture log;
  Base base;
  int inner = 0;
  Event event(base, -1, 0, [&](short) { inner = event_base_loop(base, EVLOOP_NONBLOCK); });
  event_active(event, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(inner, -1);
  EXPECT_EQ(log.lines().size(), 1u);
}

TEST(EventLoopTest, ExitLetsTheActiveEventsRun) {
  Base base;
  std::string order;
  Event a(base, -1, 0, [&](short) {
    order += 'a';
    event_base_loopexit(base, nullptr);
  });
  Event b(base, -1, 0, [&](short) { order += 'b'; });
  Event c(base, -1, 0, [&](short) { order += 'c'; });
  for (event* ev : {a.get(), b.get(), c.get()}) event_active(ev, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_dispatch(base), 0);
  EXPECT_EQ(order, "abc");
}

TEST(EventLoopTest, BreakLeavesTheRestActive) {
  Base base;
  std::string order;
  Event a(base, -1, 0, [&](short) {
    order += 'a';
    event_base_loopbreak(base);
  });
  Event b(base, -1, 0, [&](short) { order += 'b'; });
  event_active(a, EV_TIMEOUT, 1);
  event_active(b, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_dispatch(base), 0);
  EXPECT_EQ(order, "a");
  EXPECT_EQ(event_pending(b, EV_TIMEOUT, nullptr), EV_TIMEOUT);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(order, "ab");
}

TEST(EventLoopTest, ABreakBeforeTheLoopIsForgotten) {
  Base base;
  int calls = 0;
  Event event(base, -1, 0, [&](short) { ++calls; });
  event_active(event, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_loopbreak(base), 0);
  EXPECT_NE(event_base_got_break(base), 0);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(event_base_got_break(base), 0);
}

TEST(EventLoopTest, AnExitBeforeTheLoopCounts) {
  Base base;
  Event keep(base, -1, EV_PERSIST, [](short) {});
  AddTimeout(keep, 1000000);
  EXPECT_EQ(event_base_loopexit(base, nullptr), 0);
  EXPECT_EQ(event_base_dispatch(base), 0);
  EXPECT_NE(event_base_got_exit(base), 0);
}

TEST(EventLoopTest, ExitAfterATime) {
  Base base;
  int calls = 0;
  Event tick(base, -1, EV_PERSIST, [&](short) { ++calls; });
  AddTimeout(tick, 1);
  const timeval after = Milliseconds(30);
  event_base_loopexit(base, &after);
  EXPECT_EQ(event_base_dispatch(base), 0);
  EXPECT_GE(calls, 1);
}

TEST(EventLoopTest, ContinueLooksForNewEventsFirst) {
  Base base;
  Pair pair;
  event_base_priority_init(base, 2);
  std::string order;
  Event urgent(base, pair[0], EV_READ, [&](short) { order += 'u'; });
  event_priority_set(urgent, 0);
  event_add(urgent, nullptr);
  Event a(base, -1, 0, [&](short) {
    order += 'a';
    pair.Send(1);
    event_base_loopcontinue(base);
  });
  Event b(base, -1, 0, [&](short) { order += 'b'; });
  for (event* ev : {a.get(), b.get()}) {
    event_priority_set(ev, 1);
    event_active(ev, EV_TIMEOUT, 1);
  }
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(order, "aub");
}

TEST(EventLoopTest, NonblockReturnsWhenNothingIsActive) {
  Base base;
  Pair pair;
  int calls = 0;
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [&](short) { ++calls; });
  event_add(reader, nullptr);
  EXPECT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(calls, 0);
}

TEST(EventLoopTest, NonblockGoesOnWhileSomethingIsActive) {
  Base base;
  Pair pair;
  int calls = 0;
  // Writable at all times, level-triggered.
  Event writer(base, pair[0], EV_WRITE | EV_PERSIST, [&](short) {
    if (++calls == 20) event_del(writer);
  });
  Event keep(base, pair[0], EV_READ, [](short) {});
  event_add(keep, nullptr);
  event_add(writer, nullptr);
  EXPECT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(calls, 20);
}

TEST(EventLoopTest, NonblockOnceRunsOnePass) {
  Base base;
  Pair pair;
  int calls = 0;
  Event writer(base, pair[0], EV_WRITE | EV_PERSIST, [&](short) { ++calls; });
  event_add(writer, nullptr);
  EXPECT_EQ(event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE), 0);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoopTest, OnceWaitsUntilSomethingHasRun) {
  Base base;
  int calls = 0;
  Event timer(base, -1, EV_PERSIST, [&](short) { ++calls; });
  AddTimeout(timer, 2);
  EXPECT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoopTest, OnceRunsLessUrgentOnesToo) {
  Base base;
  event_base_priority_init(base, 3);
  std::string order;
  Event a(base, -1, 0, [&](short) { order += '0'; });
  Event b(base, -1, 0, [&](short) { order += '1'; });
  Event c(base, -1, 0, [&](short) { order += '2'; });
  int priority = 0;
  for (event* ev : {a.get(), b.get(), c.get()}) event_priority_set(ev, priority++);
  for (event* ev : {c.get(), b.get(), a.get()}) event_active(ev, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  EXPECT_EQ(order, "012");
}

TEST(EventLoopTest, OnceRunsEachOfManyDescriptors) {
  Base base;
  std::vector<std::unique_ptr<Pair>> pairs;
  std::vector<std::unique_ptr<Event>> events;
  int calls = 0;
  for (int i = 0; i < 50; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    const int fd = (*pairs.back())[0];
    pairs.back()->Send(1);
    events.push_back(std::make_unique<Event>(base, fd, EV_READ, [&](short) { ++calls; }));
    event_add(*events.back(), nullptr);
  }
  while (event_base_loop(base, EVLOOP_ONCE) == 0) {
  }
  EXPECT_EQ(calls, 50);
}

TEST(EventLoopTest, ALoopOfNoExitOnEmptyEndsByExit) {
  Base base;
  Event leave(base, -1, 0, [&](short) { event_base_loopexit(base, nullptr); });
  AddTimeout(leave, 1);
  EXPECT_EQ(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY), 0);
}

TEST(EventLoopTest, OfANullBaseBreakFails) {
  EXPECT_EQ(event_base_loopbreak(nullptr), -1);
  EXPECT_EQ(event_base_loopcontinue(nullptr), -1);
}

TEST(EventLoopTest, TellsTheRunningEvent) {
  Base base;
  event* running = nullptr;
  Event event(base, -1, 0, [&](short) { running = event_base_get_running_event(base); });
  event_active(event, EV_TIMEOUT, 1);
  event_base_dispatch(base);
  EXPECT_EQ(running, event.get());
}

TEST(EventLoopTest, TwoBasesDoNotMeet) {
  Base one;
  Base two;
  std::string order;
  Event a(one, -1, 0, [&](short) { order += 'a'; });
  Event b(two, -1, 0, [&](short) {
    order += 'b';
    EXPECT_EQ(event_base_dispatch(one), 1);
  });
  event_active(a, EV_TIMEOUT, 1);
  event_active(b, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_dispatch(two), 1);
  EXPECT_EQ(order, "ba");
}

}  // namespace
}  // namespace spindle::compat_test
