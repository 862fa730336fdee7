// Signals, and loops after fork.

#include <event2/event.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/compat/event_helpers.h"

namespace spindle::compat_test {
namespace {

// Runs `body` in a child; whether it returned true.
template <typename Body>
bool InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(EventSignalTest, ACaughtSignalIsReported) {
  Base base;
  std::vector<short> reports;
  Event event(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](short what) {
    reports.push_back(what);
    event_base_loopbreak(base);
  });
  EXPECT_EQ(event_add(event, nullptr), 0);
  raise(SIGUSR1);
  EXPECT_EQ(event_base_dispatch(base), 0);
  EXPECT_EQ(reports, (std::vector<short>{EV_SIGNAL}));
  EXPECT_EQ(event_get_signal(event.get()), SIGUSR1);
}

TEST(EventSignalTest, OfSeveralDeliveriesEachIsReported) {
  Base base;
  int calls = 0;
  Event event(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](short) { ++calls; });
  event_add(event, nullptr);
  for (int i = 0; i < 5; ++i) raise(SIGUSR1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(calls, 5);
}

TEST(EventSignalTest, WithoutPersistOnceButForEachDelivery) {
  Base base;
  int calls = 0;
  Event event(base, SIGUSR1, EV_SIGNAL, [&](short) { ++calls; });
  event_add(event, nullptr);
  struct sigaction before;
  raise(SIGUSR1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(event_pending(event, EV_SIGNAL, nullptr), 0);
  sigaction(SIGUSR1, nullptr, &before);
  EXPECT_EQ(before.sa_handler, SIG_DFL);
}

TEST(EventSignalTest, SeveralEventsForOneSignal) {
  Base base;
  std::string order;
  Event a(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](short) { order += 'a'; });
  Event b(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](short) { order += 'b'; });
  event_add(a, nullptr);
  event_add(b, nullptr);
  raise(SIGUSR1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(order, "ba");
  event_del(b);
  raise(SIGUSR1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(order, "baa");
}

TEST(EventSignalTest, SeveralSignals) {
  Base base;
  int one = 0;
  int two = 0;
  Event a(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](short) { ++one; });
  Event b(base, SIGUSR2, EV_SIGNAL | EV_PERSIST, [&](short) { ++two; });
  event_add(a, nullptr);
  event_add(b, nullptr);
  raise(SIGUSR2);
  raise(SIGUSR1);
  raise(SIGUSR2);
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(one, 1);
  EXPECT_EQ(two, 2);
}

volatile sig_atomic_t handled = 0;

TEST(EventSignalTest, DeletingPutsTheHandlerBack) {
  struct sigaction mine = {};
  struct sigaction original;
  mine.sa_handler = [](int) { handled = handled + 1; };
  sigaction(SIGUSR1, &mine, &original);
  handled = 0;
  {
    Base base;
    Event event(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [](short) {});
    event_add(event, nullptr);
    raise(SIGUSR1);
    EXPECT_EQ(handled, 0);
    event_del(event);
    raise(SIGUSR1);
    EXPECT_EQ(handled, 1);
  }
  sigaction(SIGUSR1, &original, nullptr);
}

TEST(EventSignalTest, TheEndOfTheBasePutsItBack) {
  event_base* base = event_base_new();
  Event event(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [](short) {});
  event_add(event, nullptr);
  struct sigaction now;
  sigaction(SIGUSR1, nullptr, &now);
  EXPECT_NE(now.sa_handler, SIG_DFL);
  event_del(event);
  event_free(event.release());
  event_base_free(base);
  sigaction(SIGUSR1, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

TEST(EventSignalTest, SystemCallsAreRestarted) {
  Base base;
  Event event(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [](short) {});
  event_add(event, nullptr);
  struct sigaction now;
  sigaction(SIGUSR1, nullptr, &now);
  EXPECT_NE(now.sa_flags & SA_RESTART, 0);
}

TEST(EventSignalTest, TheMaskIsLeftAlone) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Base base;
  Event event(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [](short) {});
  event_add(event, nullptr);
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(sigismember(&before, SIGUSR1), sigismember(&after, SIGUSR1));
}

TEST(EventSignalTest, TheBaseThatAddedLastGetsThem) {
  LogCapture log;
  Base one;
  Base two;
  std::string order;
  Event a(one, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](short) { order += 'a'; });
  Event b(two, SIGUSR2, EV_SIGNAL | EV_PERSIST, [&](short) { order += 'b'; });
  event_add(a, nullptr);
  event_add(b, nullptr);
  EXPECT_EQ(log.lines().size(), 1u);
  raise(SIGUSR2);
  event_base_loop(two, EVLOOP_NONBLOCK);
  EXPECT_EQ(order, "b");
}

TEST(EventSignalTest, ByHand) {
  Base base;
  int calls = 0;
  Event event(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](short) { ++calls; });
  event_add(event, nullptr);
  event_base_active_by_signal(base, SIGUSR1);
  event_base_active_by_signal(base, SIGUSR2);
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(calls, 1);
}

TEST(EventSignalTest, SignalsGoWithNoDescriptor) {
  LogCapture log;
  Base base;
  event ev;
  EXPECT_EQ(
      event_assign(
          &ev, base, SIGUSR1, EV_SIGNAL | EV_READ, [](evutil_socket_t, short, void*) {}, nullptr),
      -1);
}

TEST(EventSignalTest, WithATimeout) {
  Base base;
  std::vector<short> reports;
  Event event(base, SIGUSR1, EV_SIGNAL, [&](short what) { reports.push_back(what); });
  AddTimeout(event, 1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(reports, (std::vector<short>{EV_TIMEOUT}));
}

TEST(EventForkTest, TheChildHasALoopOfItsOwn) {
  Base base;
  Pair pair;
  int reads = 0;
  int ticks = 0;
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [&](short) { reads += pair.Drain(0); });
  Event timer(base, -1, 0, [&](short) { ++ticks; });
  event_add(reader, nullptr);
  AddTimeout(timer, 1);
  EXPECT_TRUE(InChild([&] {
    if (event_reinit(base) != 0) return false;
    pair.Send(1);
    const bool went_on = event_base_loop(base, EVLOOP_ONCE) == 0;
    while (ticks == 0) event_base_loop(base, EVLOOP_ONCE);
    while (reads == 0) event_base_loop(base, EVLOOP_ONCE);
    return went_on && ticks == 1 && reads == 1;
  }));
  // The parent is unharmed.
  pair.Send(1);
  while (reads == 0 || ticks == 0) event_base_loop(base, EVLOOP_ONCE);
  EXPECT_EQ(reads, 1);
  EXPECT_EQ(ticks, 1);
}

TEST(EventForkTest, FromACallback) {
  Base base;
  Pair pair;
  bool child_was_fine = false;
  int reads = 0;
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [&](short) {
    ++reads;
    pair.Drain(0);
  });
  event_add(reader, nullptr);
  Event timer(base, -1, 0, [&](short) {
    child_was_fine = InChild([&] {
      if (event_reinit(base) != 0) return false;
      event_del(reader);
      return true;
    });
    pair.Send(1);
  });
  AddTimeout(timer, 1);
  while (reads == 0) event_base_loop(base, EVLOOP_ONCE);
  EXPECT_TRUE(child_was_fine);
}

TEST(EventForkTest, WhatTheChildDeletesStaysWithTheParent) {
  Base base;
  Pair pair;
  int reads = 0;
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [&](short) { reads += pair.Drain(0); });
  event_add(reader, nullptr);
  EXPECT_TRUE(InChild([&] {
    event_reinit(base);
    event_del(reader);
    return event_base_loop(base, EVLOOP_NONBLOCK) == 1;
  }));
  pair.Send(1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(reads, 1);
}

TEST(EventForkTest, SignalsOfTheChildStayThere) {
  Base base;
  int calls = 0;
  Event event(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](short) { ++calls; });
  event_add(event, nullptr);
  EXPECT_TRUE(InChild([&] {
    if (event_reinit(base) != 0) return false;
    raise(SIGUSR1);
    event_base_loop(base, EVLOOP_NONBLOCK);
    return calls == 1;
  }));
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(calls, 0);
  raise(SIGUSR1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace spindle::compat_test
