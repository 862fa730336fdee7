#include "base/mutex.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(Mutex, ExcludesOtherThreads) {
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&mutex, &count] {
      for (int i = 0; i < 10000; ++i) {
        MutexLock lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 40000);
}

TEST(Mutex, TryLockFailsWhileHeldElsewhere) {
  Mutex mutex;
  mutex.Lock();
  std::thread([&mutex] {
    const bool taken = mutex.TryLock();
    EXPECT_FALSE(taken);
    if (taken) mutex.Unlock();
  }).join();
  mutex.Unlock();
  const bool taken = mutex.TryLock();
  EXPECT_TRUE(taken);
  if (taken) mutex.Unlock();
}

TEST(CondVar, WaitEndsByNotification) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread other([&] {
    MutexLock lock(mutex);
    ready = true;
    changed.NotifyOne();
  });
  {
    MutexLock lock(mutex);
    while (!ready) changed.Wait(mutex);
  }
  other.join();
  EXPECT_TRUE(ready);
}

TEST(CondVar, WaitUntilKeepsTheMutexAndReportsTheDeadline) {
  Mutex mutex;
  CondVar never_notified;
  MutexLock lock(mutex);
  const TimePoint deadline = Clock::now() + std::chrono::milliseconds(5);
  while (never_notified.WaitUntil(mutex, deadline)) {
  }
  EXPECT_GE(Clock::now(), deadline);
  std::thread([&mutex] {
    const bool taken = mutex.TryLock();
    EXPECT_FALSE(taken);
    if (taken) mutex.Unlock();
  }).join();
}

TEST(CondVar, WaitUntilNeverWaitsForTheNotification) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread other([&] {
    MutexLock lock(mutex);
    ready = true;
    changed.NotifyAll();
  });
  {
    MutexLock lock(mutex);
    while (!ready) EXPECT_TRUE(changed.WaitUntil(mutex, kNever));
  }
  other.join();
}

}  // namespace
}  // namespace spindle
