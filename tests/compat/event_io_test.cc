// Events that wait for descriptors.

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include <array>

#include "tests/compat/event_helpers.h"

namespace spindle::compat_test {
namespace {

// One pass, which does not wait.
void Poll(event_base* base) { event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE); }

TEST(EventIoTest, ReadsWhileThereIsSomething) {
  Base base;
  Pair pair;
  int calls = 0;
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [&](short what) {
    EXPECT_EQ(what, EV_READ);
    ++calls;
  });
  event_add(reader, nullptr);
  pair.Send(1);
  for (int i = 0; i < 3; ++i) Poll(base);
  EXPECT_EQ(calls, 3);
  pair.Drain(0);
  Poll(base);
  EXPECT_EQ(calls, 3);
}

TEST(EventIoTest, WithoutPersistOnce) {
  Base base;
  Pair pair;
  int calls = 0;
  Event writer(base, pair[0], EV_WRITE, [&](short what) {
    EXPECT_EQ(what, EV_WRITE);
    ++calls;
  });
  event_add(writer, nullptr);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(event_pending(writer, EV_WRITE, nullptr), 0);
}

TEST(EventIoTest, SeveralEventsOnOneDescriptor) {
  Base base;
  Pair pair;
  std::string order;
  Event a(base, pair[0], EV_READ | EV_PERSIST, [&](short) { order += 'a'; });
  Event b(base, pair[0], EV_READ | EV_PERSIST, [&](short) { order += 'b'; });
  Event w(base, pair[0], EV_WRITE | EV_PERSIST, [&](short) { order += 'w'; });
  for (event* ev : {a.get(), b.get(), w.get()}) event_add(ev, nullptr);
  pair.Send(1);
  Poll(base);
  EXPECT_EQ(order, "wba");  // The newest first.
  order.clear();
  event_del(b);
  Poll(base);
  EXPECT_EQ(order, "wa");
  order.clear();
  event_del(w);
  Poll(base);
  EXPECT_EQ(order, "a");
  event_del(a);
  EXPECT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
}

TEST(EventIoTest, BothDirectionsInOneEvent) {
  Base base;
  Pair pair;
  std::vector<short> reports;
  Event both(base, pair[0], EV_READ | EV_WRITE | EV_PERSIST,
             [&](short what) { reports.push_back(what); });
  event_add(both, nullptr);
  Poll(base);
  pair.Send(1);
  Poll(base);
  EXPECT_EQ(reports, (std::vector<short>{EV_WRITE, EV_READ | EV_WRITE}));
}

TEST(EventIoTest, ADescriptorThatIsClosedAndOpenedAgain) {
  Base base;
  auto old_pair = std::make_unique<Pair>();
  const int fd = (*old_pair)[0];
  Event old_reader(base, fd, EV_READ | EV_PERSIST, [](short) { ADD_FAILURE(); });
  event_add(old_reader, nullptr);
  old_pair->CloseOne(0);
  // The lowest free number is the one just closed.
  Pair pair;
  ASSERT_EQ(pair[0], fd);
  int calls = 0;
  event_del(old_reader);
  Event reader(base, fd, EV_READ | EV_PERSIST, [&](short) { ++calls; });
  EXPECT_EQ(event_add(reader, nullptr), 0);
  pair.Send(1);
  Poll(base);
  EXPECT_EQ(calls, 1);
}

TEST(EventIoTest, ClosedAndOpenedAgainBehindTheLoopsBack) {
  Base base;
  auto old_pair = std::make_unique<Pair>();
  const int fd = (*old_pair)[0];
  int writes = 0;
  int reads = 0;
  Event reader(base, fd, EV_READ | EV_PERSIST, [&](short) { ++reads; });
  event_add(reader, nullptr);
  old_pair->CloseOne(0);
  Pair pair;
  ASSERT_EQ(pair[0], fd);
  // The kernel knows nothing of this one; the library believes that it does.
  Event writer(base, fd, EV_WRITE | EV_PERSIST, [&](short) { ++writes; });
  EXPECT_EQ(event_add(writer, nullptr), 0);
  pair.Send(1);
  Poll(base);
  EXPECT_EQ(writes, 1);
  EXPECT_EQ(reads, 1);
}

TEST(EventIoTest, DeletingAfterTheCloseIsQuiet) {
  LogCapture log;
  Base base;
  Pair pair;
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [](short) {});
  event_add(reader, nullptr);
  pair.CloseOne(0);
  EXPECT_EQ(event_del(reader), 0);
  EXPECT_EQ(log.lines(), std::vector<std::string>());
}

TEST(EventIoTest, TheSameFileUnderTheSameNumberAgain) {
  LogCapture log;
  Base base;
  Pair pair;
  const int copy = dup(pair[0]);
  int calls = 0;
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [&](short) { ++calls; });
  event_add(reader, nullptr);
  // The registration survives in the kernel, as the copy keeps the file open.
  close(pair[0]);
  event_del(reader);
  ASSERT_EQ(dup2(copy, pair[0]), pair[0]);
  EXPECT_EQ(event_add(reader, nullptr), 0);
  pair.Send(1);
  Poll(base);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(log.lines(), std::vector<std::string>());
  event_del(reader);
  close(copy);
}

TEST(EventIoTest, RegularFilesAreRefused) {
  LogCapture log;
  Base base;
  char name[] = "compat_io_test_XXXXXX";
  const int fd = mkstemp(name);
  ASSERT_GE(fd, 0);
  unlink(name);
  Event reader(base, fd, EV_READ, [](short) {});
  EXPECT_EQ(event_add(reader, nullptr), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(event_pending(reader, EV_READ, nullptr), 0);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(log.lines().size(), 1u);
  close(fd);
}

TEST(EventIoTest, WithPollTheyAreAlwaysReady) {
  event_config* config = event_config_new();
  event_config_require_features(config, EV_FEATURE_FDS);
  Base base(config);
  event_config_free(config);
  EXPECT_STREQ(event_base_get_method(base), "poll");
  EXPECT_EQ(event_base_get_features(base), EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE);
  char name[] = "compat_io_test_XXXXXX";
  const int fd = mkstemp(name);
  unlink(name);
  int calls = 0;
  Event reader(base, fd, EV_READ | EV_PERSIST, [&](short what) {
    EXPECT_EQ(what, EV_READ);
    if (++calls == 3) event_del(reader);
  });
  EXPECT_EQ(event_add(reader, nullptr), 0);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 3);
  // The other direction, too, in the same life.
  int writes = 0;
  Event writer(base, fd, EV_WRITE, [&](short) { ++writes; });
  event_add(writer, nullptr);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(writes, 1);
  close(fd);
}

TEST(EventIoTest, BadDescriptorsAreRefused) {
  LogCapture log;
  Base base;
  Event reader(base, 1000000, EV_READ, [](short) {});
  EXPECT_EQ(event_add(reader, nullptr), -1);
  EXPECT_EQ(event_base_dispatch(base), 1);
}

TEST(EventIoTest, ANegativeDescriptorWaitsForNothing) {
  Base base;
  int calls = 0;
  Event reader(base, -1, EV_READ, [&](short what) {
    EXPECT_EQ(what, EV_TIMEOUT);
    ++calls;
  });
  EXPECT_EQ(AddTimeout(reader, 1), 0);
  EXPECT_EQ(event_pending(reader, EV_READ | EV_TIMEOUT, nullptr), EV_READ | EV_TIMEOUT);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 1);
}

TEST(EventIoTest, EdgesComeOnce) {
  Base base;
  Pair pair;
  std::vector<short> reports;
  Event reader(base, pair[0], EV_READ | EV_ET | EV_PERSIST,
               [&](short what) { reports.push_back(what); });
  Event keep(base, -1, EV_PERSIST, [](short) {});
  AddTimeout(keep, 1000000);
  event_add(reader, nullptr);
  pair.Send(1);
  for (int i = 0; i < 3; ++i) Poll(base);
  EXPECT_EQ(reports, (std::vector<short>{EV_READ | EV_ET}));
  pair.Send(1);
  for (int i = 0; i < 3; ++i) Poll(base);
  EXPECT_EQ(reports.size(), 2u);
}

TEST(EventIoTest, AddingAnEdgeEventReportsWhatIsThere) {
  Base base;
  Pair pair;
  int calls = 0;
  pair.Send(1);
  Event reader(base, pair[0], EV_READ | EV_ET, [&](short) { ++calls; });
  for (int i = 0; i < 3; ++i) {
    event_add(reader, nullptr);
    Poll(base);
  }
  EXPECT_EQ(calls, 3);
}

TEST(EventIoTest, ClosedIsSeenWithUnreadBytes) {
  Base base;
  Pair pair;
  std::vector<short> reports;
  Event closed(base, pair[0], EV_CLOSED | EV_PERSIST, [&](short what) { reports.push_back(what); });
  event_add(closed, nullptr);
  pair.Send(1);
  Poll(base);
  EXPECT_TRUE(reports.empty());
  shutdown(pair[1], SHUT_WR);
  Poll(base);
  EXPECT_EQ(reports, (std::vector<short>{EV_CLOSED}));
  EXPECT_EQ(pair.Drain(0), 1);
}

TEST(EventIoTest, ClosedAndReadableTogether) {
  Base base;
  Pair pair;
  std::vector<short> reports;
  Event both(base, pair[0], EV_READ | EV_CLOSED | EV_PERSIST,
             [&](short what) { reports.push_back(what); });
  event_add(both, nullptr);
  shutdown(pair[1], SHUT_WR);
  Poll(base);
  EXPECT_EQ(reports, (std::vector<short>{EV_READ | EV_CLOSED}));
}

TEST(EventIoTest, AHangupWakesReadersAndWriters) {
  Base base;
  std::array<int, 2> pipe_fds;
  ASSERT_EQ(pipe2(pipe_fds.data(), O_NONBLOCK | O_CLOEXEC), 0);
  std::string order;
  Event reader(base, pipe_fds[0], EV_READ | EV_PERSIST, [&](short what) {
    EXPECT_EQ(what, EV_READ);
    order += 'r';
  });
  Event writer(base, pipe_fds[0], EV_WRITE | EV_PERSIST, [&](short what) {
    EXPECT_EQ(what, EV_WRITE);
    order += 'w';
  });
  event_add(reader, nullptr);
  event_add(writer, nullptr);
  close(pipe_fds[1]);
  Poll(base);
  EXPECT_EQ(order, "wr");
  event_del(reader);
  event_del(writer);
  close(pipe_fds[0]);
}

TEST(EventIoTest, AnErrorWakesAWriter) {
  Base base;
  std::array<int, 2> pipe_fds;
  ASSERT_EQ(pipe2(pipe_fds.data(), O_NONBLOCK | O_CLOEXEC), 0);
  // Full, so that only the error can report it.
  char bytes[4096] = {};
  while (write(pipe_fds[1], bytes, sizeof bytes) > 0) {
  }
  int calls = 0;
  Event writer(base, pipe_fds[1], EV_WRITE, [&](short) { ++calls; });
  event_add(writer, nullptr);
  Poll(base);
  EXPECT_EQ(calls, 0);
  close(pipe_fds[0]);
  Poll(base);
  EXPECT_EQ(calls, 1);
  close(pipe_fds[1]);
}

TEST(EventIoTest, ByHandForADescriptor) {
  Base base;
  Pair pair;
  std::string order;
  Event reader(base, pair[0], EV_READ, [&](short what) {
    EXPECT_EQ(what, EV_READ);
    order += 'r';
  });
  Event writer(base, pair[0], EV_WRITE, [&](short) { order += 'w'; });
  event_add(reader, nullptr);
  event_base_active_by_fd(base, pair[0], EV_READ | EV_WRITE);
  event_base_active_by_fd(base, 12345, EV_READ);
  event_base_active_by_fd(base, -1, EV_READ);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(order, "r");
}

TEST(EventIoTest, MemoryMayBeCopiedAndReusedAfterDeletion) {
  Base base;
  Pair pair;
  int calls = 0;
  const auto count = [](evutil_socket_t, short, void* arg) { ++*static_cast<int*>(arg); };
  auto first = std::make_unique<event>();
  event_assign(first.get(), base, pair[0], EV_READ, count, &calls);
  event_add(first.get(), nullptr);
  event_del(first.get());
  event second = *first;
  first.reset();
  event_add(&second, nullptr);
  pair.Send(1);
  EXPECT_EQ(event_base_dispatch(base), 1);
  EXPECT_EQ(calls, 1);
}

TEST(EventIoTest, ThousandsOfDescriptors) {
  Base base;
  std::vector<std::unique_ptr<Pair>> pairs;
  std::vector<std::unique_ptr<Event>> events;
  size_t calls = 0;
  for (int i = 0; i < 300; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    events.push_back(
        std::make_unique<Event>(base, (*pairs.back())[0], EV_READ | EV_PERSIST, [&, i](short) {
          pairs[static_cast<size_t>(i)]->Drain(0);
          ++calls;
        }));
    event_add(*events.back(), nullptr);
  }
  for (int round = 0; round < 3; ++round) {
    for (const auto& pair : pairs) pair->Send(1);
    event_base_loop(base, EVLOOP_NONBLOCK);
  }
  EXPECT_EQ(calls, 900u);
}

}  // namespace
}  // namespace spindle::compat_test
