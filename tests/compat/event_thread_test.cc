// Bases used from several threads, and the locks of the program's own.

#include <event2/event.h>
#include <event2/thread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/compat/event_helpers.h"

namespace spindle::compat_test {
namespace {

// Opened once, from any thread.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    condition_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool open_ = false;
};

// Locks of pthreads for all tests, set up before the first base.
class EventThreadTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_EQ(evthread_use_pthreads(), 0); }
};

// A base whose loop runs on a thread of its own until the end.
class RunningBase {
 public:
  RunningBase() : thread_([this] { result_ = event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY); }) {}
  ~RunningBase() { Stop(); }

  operator event_base*() const { return base_; }
  int Stop() {
    if (thread_.joinable()) {
      event_base_loopexit(base_, nullptr);
      thread_.join();
    }
    return result_;
  }

 private:
  Base base_;
  int result_ = -2;
  std::thread thread_;
};

TEST_F(EventThreadTest, SettingUpTwiceIsFine) {
  EXPECT_EQ(evthread_use_pthreads(), 0);
  Base base;
  EXPECT_EQ(evthread_make_base_notifiable(base), 0);
  EXPECT_EQ(evthread_make_base_notifiable(nullptr), -1);
}

TEST_F(EventThreadTest, OtherLocksAreRefusedAfterwards) {
  LogCapture log;
  evthread_lock_callbacks locks = {};
  locks.lock_api_version = EVTHREAD_LOCK_API_VERSION;
  EXPECT_EQ(evthread_set_lock_callbacks(&locks), -1);
  evthread_condition_callbacks conditions = {};
  EXPECT_EQ(evthread_set_condition_callbacks(&conditions), -1);
}

TEST_F(EventThreadTest, ExitFromAnotherThreadEndsAnEmptyLoop) {
  RunningBase base;
  EXPECT_EQ(base.Stop(), 0);
}

TEST_F(EventThreadTest, ActiveFromAnotherThread) {
  RunningBase base;
  Gate ran;
  Event event(base, -1, 0, [&](short what) {
    EXPECT_EQ(what, EV_WRITE);
    ran.Open();
  });
  event_active(event, EV_WRITE, 1);
  ran.Wait();
  base.Stop();
}

TEST_F(EventThreadTest, ADescriptorAddedFromAnotherThread) {
  RunningBase base;
  Pair pair;
  Gate ran;
  Event event(base, pair[0], EV_READ, [&](short) { ran.Open(); });
  EXPECT_EQ(event_add(event, nullptr), 0);
  pair.Send(1);
  ran.Wait();
  base.Stop();
}

TEST_F(EventThreadTest, AnEdgeAddedFromAnotherThreadIsNotLost) {
  RunningBase base;
  for (int i = 0; i < 200; ++i) {
    Pair pair;
    pair.Send(1);
    Gate ran;
    Event event(base, pair[0], EV_READ | EV_ET | EV_PERSIST, [&](short) { ran.Open(); });
    EXPECT_EQ(event_add(event, nullptr), 0);
    ran.Wait();
    event_del(event);
  }
  base.Stop();
}

TEST_F(EventThreadTest, ErrorsAreReportedToTheThreadThatAdds) {
  LogCapture log;
  RunningBase base;
  Event event(base, 1000000, EV_READ, [](short) {});
  EXPECT_EQ(event_add(event, nullptr), -1);
  base.Stop();
}

TEST_F(EventThreadTest, AnEarlierTimeoutFromAnotherThreadCounts) {
  RunningBase base;
  Event late(base, -1, 0, [](short) { ADD_FAILURE(); });
  AddTimeout(late, 1000000);
  // Again and again, as the loop must be waiting for the late one.
  for (int i = 0; i < 50; ++i) {
    Gate ran;
    Event early(base, -1, 0, [&](short) { ran.Open(); });
    AddTimeout(early, 1);
    ran.Wait();
  }
  event_del(late);
  base.Stop();
}

TEST_F(EventThreadTest, DeletingTheLastEventEndsTheLoop) {
  Base base;
  Pair pair;
  Gate running;
  Event event(base, pair[0], EV_READ, [](short) {});
  event_add(event, nullptr);
  Event begin(base, -1, 0, [&](short) { running.Open(); });
  event_active(begin, EV_TIMEOUT, 1);
  int result = -2;
  std::thread thread([&] { result = event_base_dispatch(base); });
  running.Wait();
  event_del(event);
  thread.join();
  EXPECT_EQ(result, 1);
}

TEST_F(EventThreadTest, DeletionWaitsForTheCallback) {
  RunningBase base;
  Gate inside;
  Gate go_on;
  std::atomic<bool> done{false};
  Event event(base, -1, 0, [&](short) {
    inside.Open();
    go_on.Wait();
    done = true;
  });
  event_active(event, EV_TIMEOUT, 1);
  inside.Wait();
  std::thread opener([&] { go_on.Open(); });
  event_del(event);
  EXPECT_TRUE(done);
  opener.join();
  base.Stop();
}

TEST_F(EventThreadTest, DeletionInTheCallbackDoesNotWait) {
  RunningBase base;
  Gate ran;
  Event event(base, -1, EV_PERSIST, [&](short) {
    EXPECT_EQ(event_del(event), 0);
    EXPECT_EQ(event_del_block(event), 0);
    ran.Open();
  });
  AddTimeout(event, 1);
  ran.Wait();
  base.Stop();
}

TEST_F(EventThreadTest, NoblockAndFinalizeDoNotWait) {
  RunningBase base;
  for (const short flag : {short{0}, short{EV_FINALIZE}}) {
    Gate inside;
    Gate go_on;
    Event event(base, -1, flag, [&](short) {
      inside.Open();
      go_on.Wait();
    });
    event_active(event, EV_TIMEOUT, 1);
    inside.Wait();
    // Would never return if it waited: the gate opens only afterwards.
    EXPECT_EQ(flag == 0 ? event_del_noblock(event) : event_del(event), 0);
    go_on.Open();
    event_del_block(event);
  }
  base.Stop();
}

TEST_F(EventThreadTest, TheFinalizerRunsAfterTheCallback) {
  static std::atomic<bool> finalized;
  static Gate* over;
  finalized = false;
  Gate end;
  over = &end;
  RunningBase base;
  Gate inside;
  Gate go_on;
  Event event(base, -1, 0, [&](short) {
    inside.Open();
    go_on.Wait();
    EXPECT_FALSE(finalized);
  });
  event_active(event, EV_TIMEOUT, 1);
  inside.Wait();
  event_free_finalize(0, event.release(), [](::event*, void*) {
    finalized = true;
    over->Open();
  });
  go_on.Open();
  end.Wait();
  base.Stop();
}

TEST_F(EventThreadTest, CallbacksRunWithoutTheLock) {
  RunningBase base;
  Gate inside;
  Gate go_on;
  Event blocked(base, -1, 0, [&](short) {
    inside.Open();
    go_on.Wait();
  });
  event_active(blocked, EV_TIMEOUT, 1);
  inside.Wait();
  // All of these take the lock.
  Event other(base, -1, 0, [](short) {});
  AddTimeout(other, 1000000);
  EXPECT_EQ(event_pending(other, EV_TIMEOUT, nullptr), EV_TIMEOUT);
  event_del(other);
  go_on.Open();
  base.Stop();
}

TEST_F(EventThreadTest, ManyThreadsAddAndDelete) {
  RunningBase base;
  std::atomic<int> calls{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        Pair pair;
        Event reader(base, pair[0], EV_READ | EV_PERSIST, [&](short) {
          pair.Drain(0);
          ++calls;
        });
        AddTimeout(reader, 1 + i % 3);
        pair.Send(1);
        event_active(reader, EV_WRITE, 1);
        event_del(reader);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(base.Stop(), 0);
}

TEST_F(EventThreadTest, OneSocketGoesRoundManyBases) {
  RunningBase one;
  RunningBase two;
  std::atomic<int> left{500};
  Gate over;
  Pair pair;
  Event a(one, pair[0], EV_READ | EV_PERSIST, [&](short) {
    pair.Drain(0);
    if (--left <= 0) {
      over.Open();
    } else {
      pair.Send(0);
    }
  });
  Event b(two, pair[1], EV_READ | EV_PERSIST, [&](short) {
    pair.Drain(1);
    pair.Send(1);
  });
  event_add(a, nullptr);
  event_add(b, nullptr);
  pair.Send(0);
  over.Wait();
  event_del(a);
  event_del(b);
  one.Stop();
  two.Stop();
}

TEST_F(EventThreadTest, ASignalAddedFromAnotherThread) {
  RunningBase base;
  Gate ran;
  Event event(base, SIGUSR1, EV_SIGNAL, [&](short) { ran.Open(); });
  event_add(event, nullptr);
  raise(SIGUSR1);
  ran.Wait();
  base.Stop();
}

}  // namespace
}  // namespace spindle::compat_test
