// The program's own lock callbacks, each test in a process of its own: they are set once.

#include <event2/event.h>
#include <event2/thread.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/compat/event_helpers.h"

namespace spindle::compat_test {
namespace {

std::atomic<int> locks{0};
std::atomic<int> acquired{0};
std::atomic<int> held{0};

evthread_lock_callbacks CountingLocks() {
  evthread_lock_callbacks calls = {};
  calls.lock_api_version = EVTHREAD_LOCK_API_VERSION;
  calls.supported_locktypes = EVTHREAD_LOCKTYPE_RECURSIVE;
  calls.alloc = [](unsigned kind) -> void* {
    EXPECT_LE(kind, unsigned{EVTHREAD_LOCKTYPE_RECURSIVE});
    ++locks;
    return new std::recursive_mutex;
  };
  calls.free = [](void* lock, unsigned) {
    --locks;
    delete static_cast<std::recursive_mutex*>(lock);
  };
  calls.lock = [](unsigned mode, void* lock) {
    auto* mutex = static_cast<std::recursive_mutex*>(lock);
    if ((mode & EVTHREAD_TRY) != 0) {
      if (!mutex->try_lock()) return 1;
    } else {
      mutex->lock();
    }
    ++acquired;
    ++held;
    return 0;
  };
  calls.unlock = [](unsigned, void* lock) {
    --held;
    static_cast<std::recursive_mutex*>(lock)->unlock();
    return 0;
  };
  return calls;
}

unsigned long ThreadNumber() { return static_cast<unsigned long>(pthread_self()); }

void UseCountingLocks() {
  const evthread_lock_callbacks calls = CountingLocks();
  ASSERT_EQ(evthread_set_lock_callbacks(&calls), 0);
  evthread_set_id_callback(&ThreadNumber);
}

// Runs `body` in a child; whether it returned true and no check failed there.
template <typename Body>
bool InChild(Body body) {
  bool fine = false;
  EXPECT_EXIT(
      {
        alarm(60);
        fine = body() && !testing::Test::HasFailure();
        _exit(fine ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  return !testing::Test::HasFailure();
}

TEST(EvthreadTest, TheProgramsLocksAreUsed) {
  EXPECT_TRUE(InChild([] {
    UseCountingLocks();
    const int before = locks;
    event_base* base = event_base_new();
    EXPECT_GT(locks, before);
    int held_inside = -1;
    Event event(base, -1, 0, [&](short) { held_inside = held; });
    acquired = 0;
    event_active(event, EV_TIMEOUT, 1);
    EXPECT_GT(acquired, 0);
    event_base_dispatch(base);
    EXPECT_EQ(held_inside, 0);
    EXPECT_EQ(held, 0);
    event_free(event.release());
    event_base_free(base);
    EXPECT_EQ(locks, before);
    return true;
  }));
}

TEST(EvthreadTest, ABaseMadeBeforeStaysUnlocked) {
  EXPECT_TRUE(InChild([] {
    Base base;
    UseCountingLocks();
    const int before = acquired;
    Event event(base, -1, 0, [](short) {});
    AddTimeout(event, 1);
    event_base_dispatch(base);
    EXPECT_EQ(acquired, before);
    return true;
  }));
}

TEST(EvthreadTest, ABaseWithoutLocks) {
  EXPECT_TRUE(InChild([] {
    UseCountingLocks();
    event_config* config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    Base base(config);
    event_config_free(config);
    const int before = acquired;
    Event event(base, -1, 0, [](short) {});
    AddTimeout(event, 1);
    event_base_dispatch(base);
    EXPECT_EQ(acquired, before);
    return true;
  }));
}

TEST(EvthreadTest, IncompleteCallbacksAreRefused) {
  EXPECT_TRUE(InChild([] {
    evthread_lock_callbacks calls = CountingLocks();
    calls.unlock = nullptr;
    EXPECT_EQ(evthread_set_lock_callbacks(&calls), -1);
    calls = CountingLocks();
    EXPECT_EQ(evthread_set_lock_callbacks(&calls), 0);
    EXPECT_EQ(evthread_set_lock_callbacks(&calls), 0);
    return true;
  }));
}

TEST(EvthreadTest, ACheckedLoopWorks) {
  EXPECT_TRUE(InChild([] {
    evthread_use_pthreads();
    evthread_enable_lock_debugging();
    Base base;
    int calls = 0;
    Event event(base, -1, EV_PERSIST, [&](short) {
      if (++calls == 3) event_del(event);
    });
    AddTimeout(event, 1);
    std::thread thread([&] { EXPECT_EQ(event_base_dispatch(base), 1); });
    thread.join();
    return calls == 3;
  }));
}

}  // namespace
}  // namespace spindle::compat_test
