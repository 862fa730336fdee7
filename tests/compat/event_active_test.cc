// Events that are due: their order, and what deleting and making them active does.

#include <event2/event.h>

#include "tests/compat/event_helpers.h"

namespace spindle::compat_test {
namespace {

TEST(EventActiveTest, DeletingCancels) {
  Base base;
  int calls = 0;
  Event event(base, -1, 0, [&](short) { ++calls; });
  event_active(event, EV_READ, 1);
  EXPECT_EQ(event_pending(event, EV_READ, nullptr), EV_READ);
  EXPECT_EQ(event_del(event), 0);
  EXPECT_EQ(event_pending(event, EV_READ, nullptr), 0);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 0);
}

TEST(EventActiveTest, OneDeletesAnotherOfTheSamePass) {
  Base base;
  Pair one;
  Pair two;
  int calls = 0;
  Event* other[2] = {};
  const auto run = [&](int mine) {
    ++calls;
    event_del(*other[1 - mine]);
  };
  Event a(base, one[0], EV_READ | EV_PERSIST, [&](short) { run(0); });
  Event b(base, two[0], EV_READ | EV_PERSIST, [&](short) { run(1); });
  other[0] = &a;
  other[1] = &b;
  event_add(a, nullptr);
  event_add(b, nullptr);
  one.Send(1);
  two.Send(1);
  event_base_loop(base, EVLOOP_ONCE);
  EXPECT_EQ(calls, 1);
}

TEST(EventActiveTest, ResultsAreMergedAndItRunsOnce) {
  Base base;
  std::vector<short> reports;
  Event event(base, -1, 0, [&](short what) { reports.push_back(what); });
  event_active(event, EV_READ, 1);
  event_active(event, EV_WRITE, 5);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(reports, (std::vector<short>{EV_READ | EV_WRITE}));
}

TEST(EventActiveTest, WorksForAnEventThatIsNotPending) {
  Base base;
  int calls = 0;
  Event event(base, -1, EV_PERSIST, [&](short) { ++calls; });
  event_active(event, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 1);
}

TEST(EventActiveTest, FromItsOwnCallbackItRunsAgain) {
  Base base;
  int calls = 0;
  Event event(base, -1, 0, [&](short) {
    if (++calls < 3) event_active(event, EV_TIMEOUT, 1);
  });
  event_active(event, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 3);
}

TEST(EventActiveTest, CountsAreForSignalsOnly) {
  Base base;
  int plain = 0;
  int signals = 0;
  Event event(base, -1, 0, [&](short) { ++plain; });
  Event signal(base, SIGUSR2, EV_SIGNAL | EV_PERSIST, [&](short what) {
    EXPECT_EQ(what, EV_SIGNAL);
    ++signals;
  });
  event_active(event, EV_TIMEOUT, 4);
  event_active(signal, EV_SIGNAL, 4);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(plain, 1);
  EXPECT_EQ(signals, 4);
}

TEST(EventActiveTest, DeletingASignalStopsTheRestOfItsCalls) {
  Base base;
  int calls = 0;
  Event signal(base, SIGUSR2, EV_SIGNAL | EV_PERSIST, [&](short) {
    if (++calls == 2) event_del(signal);
  });
  event_active(signal, EV_SIGNAL, 5);
  event_base_dispatch(base);
  EXPECT_EQ(calls, 2);
}

TEST(EventActiveTest, BreakStopsTheRestOfASignalsCalls) {
  Base base;
  int calls = 0;
  Event signal(base, SIGUSR2, EV_SIGNAL | EV_PERSIST, [&](short) {
    if (++calls == 2) event_base_loopbreak(base);
  });
  event_active(signal, EV_SIGNAL, 5);
  event_base_dispatch(base);
  EXPECT_EQ(calls, 2);
}

TEST(EventActiveTest, OnceEventsRunInTheOrderOfTheOthers) {
  Base base;
  std::string order;
  Event a(base, -1, 0, [&](short) { order += 'a'; });
  Event b(base, -1, 0, [&](short) { order += 'b'; });
  event_active(a, EV_TIMEOUT, 1);
  ASSERT_EQ(event_base_once(
                base, -1, EV_TIMEOUT,
                [](evutil_socket_t fd, short what, void* text) {
                  EXPECT_EQ(fd, -1);
                  EXPECT_EQ(what, EV_TIMEOUT);
                  *static_cast<std::string*>(text) += 'o';
                },
                &order, nullptr),
            0);
  event_active(b, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(order, "aob");
}

TEST(EventActiveTest, OnceOnADescriptor) {
  Base base;
  Pair pair;
  short reported = 0;
  const auto store = [](evutil_socket_t, short what, void* out) {
    *static_cast<short*>(out) = what;
  };
  ASSERT_EQ(event_base_once(base, pair[0], EV_READ, store, &reported, nullptr), 0);
  pair.Send(1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(reported, EV_READ);
  const timeval timeout = Milliseconds(1);
  pair.Drain(0);
  ASSERT_EQ(event_base_once(base, pair[0], EV_READ, store, &reported, &timeout), 0);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(reported, EV_TIMEOUT);
}

TEST(EventActiveTest, OnceRefusesSignalsAndPersistence) {
  Base base;
  const auto nothing = [](evutil_socket_t, short, void*) {};
  EXPECT_EQ(event_base_once(base, SIGUSR1, EV_SIGNAL, nothing, nullptr, nullptr), -1);
  EXPECT_EQ(event_base_once(base, 0, EV_READ | EV_PERSIST, nothing, nullptr, nullptr), -1);
  EXPECT_EQ(event_base_once(base, 0, 0, nothing, nullptr, nullptr), -1);
  EXPECT_EQ(event_base_once(nullptr, -1, EV_TIMEOUT, nothing, nullptr, nullptr), -1);
}

TEST(EventActiveTest, OnceEventsThatNeverRanGoWithTheBase) {
  Base base;
  const timeval timeout = Milliseconds(1000000);
  const auto nothing = [](evutil_socket_t, short, void*) {};
  EXPECT_EQ(event_base_once(base, -1, EV_TIMEOUT, nothing, nullptr, &timeout), 0);
}

TEST(EventPriorityTest, TheDefaultIsTheMiddle) {
  Base base;
  EXPECT_EQ(event_base_get_npriorities(base), 1);
  EXPECT_EQ(event_base_priority_init(base, 7), 0);
  EXPECT_EQ(event_base_get_npriorities(base), 7);
  Event event(base, -1, 0, [](short) {});
  EXPECT_EQ(event_get_priority(event), 3);
  EXPECT_EQ(event_priority_set(event, 6), 0);
  EXPECT_EQ(event_get_priority(event), 6);
  EXPECT_EQ(event_priority_set(event, 7), -1);
  EXPECT_EQ(event_priority_set(event, -1), -1);
}

TEST(EventPriorityTest, InitRefusesBadNumbers) {
  Base base;
  EXPECT_EQ(event_base_priority_init(base, 0), -1);
  EXPECT_EQ(event_base_priority_init(base, EVENT_MAX_PRIORITIES), -1);
  EXPECT_EQ(event_base_priority_init(base, EVENT_MAX_PRIORITIES - 1), 0);
  Event event(base, -1, 0, [](short) {});
  event_active(event, EV_TIMEOUT, 1);
  EXPECT_EQ(event_base_priority_init(base, 2), -1);
  EXPECT_EQ(event_priority_set(event, 1), -1);
}

TEST(EventPriorityTest, UrgentOnesComeFirst) {
  Base base;
  event_base_priority_init(base, 3);
  std::string order;
  Event low(base, -1, 0, [&](short) { order += 'l'; });
  Event middle(base, -1, 0, [&](short) { order += 'm'; });
  Event high(base, -1, 0, [&](short) { order += 'h'; });
  event_priority_set(low, 2);
  event_priority_set(high, 0);
  for (event* ev : {low.get(), middle.get(), high.get()}) event_active(ev, EV_TIMEOUT, 1);
  event_base_dispatch(base);
  EXPECT_EQ(order, "hml");
}

TEST(EventPriorityTest, AnUrgentOneInterruptsTheQueue) {
  Base base;
  event_base_priority_init(base, 2);
  std::string order;
  Event urgent(base, -1, 0, [&](short) { order += 'u'; });
  event_priority_set(urgent, 0);
  Event a(base, -1, 0, [&](short) {
    order += 'a';
    event_active(urgent, EV_TIMEOUT, 1);
  });
  Event b(base, -1, 0, [&](short) { order += 'b'; });
  event_active(a, EV_TIMEOUT, 1);
  event_active(b, EV_TIMEOUT, 1);
  event_base_dispatch(base);
  EXPECT_EQ(order, "aub");
}

TEST(EventPriorityTest, UrgentOnesStarveTheRest) {
  Base base;
  event_base_priority_init(base, 2);
  std::string order;
  int left = 5;
  Event urgent(base, -1, 0, [&](short) {
    order += 'u';
    if (--left > 0) event_active(urgent, EV_TIMEOUT, 1);
  });
  event_priority_set(urgent, 0);
  Event other(base, -1, 0, [&](short) { order += 'o'; });
  event_active(other, EV_TIMEOUT, 1);
  event_active(urgent, EV_TIMEOUT, 1);
  event_base_dispatch(base);
  EXPECT_EQ(order, "uuuuuo");
}

TEST(EventPriorityTest, ACallbackLimitLooksForUrgentOnes) {
  event_config* config = event_config_new();
  EXPECT_EQ(event_config_set_max_dispatch_interval(config, nullptr, 2, 1), 0);
  Base base(config);
  event_config_free(config);
  event_base_priority_init(base, 2);
  Pair pair;
  std::string order;
  Event urgent(base, pair[0], EV_READ, [&](short) { order += 'u'; });
  event_priority_set(urgent, 0);
  event_add(urgent, nullptr);
  std::vector<std::unique_ptr<Event>> events;
  for (int i = 0; i < 4; ++i) {
    events.push_back(std::make_unique<Event>(base, -1, 0, [&](short) {
      order += 'x';
      if (order.size() == 1) pair.Send(1);
    }));
    event_active(*events.back(), EV_TIMEOUT, 1);
  }
  event_base_dispatch(base);
  EXPECT_EQ(order, "xxuxx");
}

TEST(EventFinalizeTest, RunsInTheLoopOnce) {
  Base base;
  static int finalized;
  finalized = 0;
  int calls = 0;
  Event event(base, -1, EV_PERSIST, [&](short) { ++calls; });
  AddTimeout(event, 0);
  EXPECT_EQ(event_finalize(0, event, [](::event*, void*) { ++finalized; }), 0);
  EXPECT_EQ(finalized, 0);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(finalized, 1);
  EXPECT_EQ(calls, 0);
}

TEST(EventFinalizeTest, AFinalizingEventIsLeftAlone) {
  Base base;
  static int finalized;
  finalized = 0;
  Event event(base, -1, EV_PERSIST | EV_FINALIZE, [](short) {});
  event_finalize(0, event, [](::event*, void*) { ++finalized; });
  EXPECT_EQ(AddTimeout(event, 1), -1);
  EXPECT_EQ(event_del(event), 0);
  event_active(event, EV_READ, 1);
  event_base_dispatch(base);
  EXPECT_EQ(finalized, 1);
}

TEST(EventFinalizeTest, FreesAfterwards) {
  Base base;
  static std::string order;
  order.clear();
  Event event(base, -1, 0, [&](short) {
    order += 'c';
    event_free_finalize(0, event.release(), [](::event*, void*) { order += 'f'; });
    order += 'd';
  });
  event_active(event, EV_TIMEOUT, 1);
  event_base_dispatch(base);
  EXPECT_EQ(order, "cdf");
}

TEST(EventFinalizeTest, TheEndOfTheBaseRunsThem) {
  static int finalized;
  finalized = 0;
  {
    Base base;
    Event event(base, -1, 0, [](short) {});
    event_free_finalize(0, event.release(), [](::event*, void*) { ++finalized; });
  }
  EXPECT_EQ(finalized, 1);
  event_base* base = event_base_new();
  Event event(base, -1, 0, [](short) {});
  event_finalize(0, event, [](::event*, void*) { ++finalized; });
  event_base_free_nofinalize(base);
  EXPECT_EQ(finalized, 1);
  event_debug_unassign(event);
  free(event.release());
}

}  // namespace
}  // namespace spindle::compat_test
