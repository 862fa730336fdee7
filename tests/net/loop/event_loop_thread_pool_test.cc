#include "net/loop/event_loop_thread_pool.h"

#include <errno.h>
#include <pthread.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/errno_status.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::microseconds;
using std::chrono::minutes;

class EventLoopThreadPoolTest : public LeakCheckTest {
 protected:
  EventLoopThreadPoolTest() : main_(*EventLoop::Create({.name = "main"})) {}
  void TearDown() override {
    main_.reset();
    LeakCheckTest::TearDown();
  }

  std::unique_ptr<EventLoop> main_;

 private:
  const Watchdog watchdog_{minutes(4)};
};

TEST_F(EventLoopThreadPoolTest, WithoutWorkersTheMainLoopDoesItAll) {
  auto pool = *EventLoopThreadPool::Start(*main_);
  EXPECT_EQ(pool->size(), 0u);
  ASSERT_EQ(pool->loops().size(), 1u);
  EXPECT_EQ(pool->loops()[0], main_.get());
  EXPECT_EQ(&pool->NextLoop(), main_.get());
  EXPECT_EQ(&pool->LoopForHash(7), main_.get());
  EXPECT_EQ(&pool->main_loop(), main_.get());
}

TEST_F(EventLoopThreadPoolTest, WorkersAreNamedAndTakeTurns) {
  auto pool = *EventLoopThreadPool::Start(*main_, {.workers = 3, .name = "io", .cpus = {}});
  EXPECT_EQ(pool->size(), 3u);
  for (size_t round = 0; round < 2; ++round) {
    for (size_t i = 0; i < 3; ++i) {
      EventLoop& loop = pool->NextLoop();
      EXPECT_EQ(&loop, pool->loops()[i]);
      EXPECT_EQ(loop.name(), "io-" + std::to_string(i));
      std::string name;
      loop.ref().CallAndWait([&] {
        char buffer[16];
        pthread_getname_np(pthread_self(), buffer, sizeof buffer);
        name = buffer;
      });
      EXPECT_EQ(name, loop.name());
    }
  }
  EXPECT_EQ(&pool->LoopForHash(5), pool->loops()[2]);
  EXPECT_EQ(&pool->LoopForHash(5), &pool->LoopForHash(5));
}

TEST_F(EventLoopThreadPoolTest, RoundRobinIsFairFromManyThreads) {
  auto pool = *EventLoopThreadPool::Start(*main_, {.workers = 3});
  std::vector<std::map<EventLoop*, int>> counts(4);
  std::vector<std::thread> threads;
  for (auto& mine : counts) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3000; ++i) ++mine[&pool->NextLoop()];
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::map<EventLoop*, int> sum;
  for (const auto& mine : counts) {
    for (const auto& [loop, count] : mine) sum[loop] += count;
  }
  for (EventLoop* loop : pool->loops()) EXPECT_EQ(sum[loop], 4000);
}

TEST_F(EventLoopThreadPoolTest, FailureAtOneWorkerStopsTheOthersAndIsReported_Z1) {
  FaultySyscalls faulty;
  std::atomic<int> made{0};
  faulty.SetHook([&](const SysCallInfo& info) {
    return info.call == SysCall::kEpollCreate && ++made == 3 ? EMFILE : 0;
  });
  auto pool = EventLoopThreadPool::Start(*main_, {.workers = 4, .loop = {.syscalls = &faulty}});
  EXPECT_EQ(ErrnoOf(pool.status()), EMFILE);
  EXPECT_EQ(made.load(), 3);
}

TEST_F(EventLoopThreadPoolTest, DestroyedInCallbacksOfTheMainLoopAndOfAWorker_H1) {
  for (const bool in_worker : {false, true}) {
    auto pool = *EventLoopThreadPool::Start(*main_, {.workers = 3});
    std::vector<LoopRef> refs;
    for (EventLoop* loop : pool->loops()) refs.push_back(loop->ref());
    std::atomic<bool> done{false};
    EventLoop& where = in_worker ? *pool->loops()[1] : *main_;
    where.Post([&] {
      pool.reset();
      done.store(true);
    });
    while (!done.load()) ASSERT_TRUE(main_->RunOnce(WaitMode::kPoll).ok());
    for (const LoopRef& ref : refs) {
      while (ref.CallAndWait([] {})) std::this_thread::yield();
    }
  }
}

TEST_F(EventLoopThreadPoolTest, StoppedWhileItsWorkersCallTheMainLoopAndEachOther_H2) {
  for (int i = 0; i < 100; ++i) {
    auto pool = *EventLoopThreadPool::Start(*main_, {.workers = 3});
    std::atomic<int> calls{0};
    std::vector<LoopRef> refs = {main_->ref()};
    for (EventLoop* loop : pool->loops()) refs.push_back(loop->ref());
    std::function<void(size_t)> chatter = [&](size_t self) {
      for (const LoopRef& ref : refs) ref.CallAndWait([&] { ++calls; });
      refs[self].Post([&chatter, self] { chatter(self); });
    };
    for (size_t self = 1; self < refs.size(); ++self) {
      refs[self].Post([&chatter, self] { chatter(self); });
    }
    while (calls.load() < 10) ASSERT_TRUE(main_->RunOnce(WaitMode::kPoll).ok());
    main_->Post([&] { pool.reset(); });
    while (pool != nullptr) ASSERT_TRUE(main_->RunOnce(WaitMode::kPoll).ok());
  }
}

// Everything that other threads may call, from four of them and from the loops themselves.
TEST_F(EventLoopThreadPoolTest, PublicCallsFromFourThreads_H3) {
  for (int round = 0; round < 3; ++round) {
    auto pool = *EventLoopThreadPool::Start(*main_, {.workers = 3});
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> tasks{0};
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, random = Random(t)]() mutable {
        while (!stop.load()) {
          EventLoop& loop = random.OneIn(2) ? pool->NextLoop() : pool->LoopForHash(random.Next());
          LoopRef ref = loop.ref();
          const LoopRef copy = ref;
          switch (random.Uniform(7)) {
            case 0:
              ref.Post([&] { ++tasks; });
              break;
            case 1:
              loop.Post([&] { ++tasks; });
              break;
            case 2:
              EXPECT_TRUE(copy.CallAndWait([&] {
                EXPECT_TRUE(loop.IsInLoop());
                const TimerId id = loop.RunAfter(microseconds(50), [&] { ++tasks; });
                if (tasks % 2 == 0) loop.Cancel(id);
              }));
              break;
            case 3:
              EXPECT_GE(loop.Stats().turns, 1u);
              break;
            case 4:
              EXPECT_FALSE(loop.IsInLoop() || ref.IsInLoop());
              break;
            case 5:
              EXPECT_TRUE(ref.CallAndWait([&] {
                for (EventLoop* other : pool->loops()) other->Stats();
              }));
              break;
            default:
              EXPECT_FALSE(loop.name().empty() || loop.backend_name().empty());
              EXPECT_GE(loop.index(), main_->index());
          }
        }
      });
    }
    while (tasks.load() < 2000) std::this_thread::yield();
    // Quit from outside while all of that goes on; the loops then stand still, and calls still end.
    pool->loops()[0]->Quit();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    stop.store(true);
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_F(EventLoopThreadPoolTest, StartAndStopTakesNothingAlong_Z3) {
  for (int i = 0; i < 200; ++i) {
    auto pool = *EventLoopThreadPool::Start(*main_, {.workers = static_cast<size_t>(i) % 5});
    pool->NextLoop().Post([] {});
  }
}

}  // namespace
}  // namespace spindle
