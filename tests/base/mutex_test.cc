#include "base/mutex.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace spindle {
namespace {

// Whether another thread finds `mutex` taken.
bool IsHeld(Mutex& mutex) {
  bool held = false;
  std::thread([&mutex, &held] {
    const bool taken = mutex.TryLock();
    if (taken) mutex.Unlock();
    held = !taken;
  }).join();
  return held;
}

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
  EXPECT_TRUE(IsHeld(mutex));
  mutex.Unlock();
  const bool taken = mutex.TryLock();
  EXPECT_TRUE(taken);
  if (taken) mutex.Unlock();
}

TEST(CondVar, WaitEndsByNotificationWithTheMutexHeld) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread other;
  {
    MutexLock lock(mutex);  // so that the wait begins before the notification
    other = std::thread([&] {
      MutexLock other_lock(mutex);
      ready = true;
      changed.NotifyOne();
    });
    while (!ready) changed.Wait(mutex);
    EXPECT_TRUE(IsHeld(mutex));
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
  EXPECT_TRUE(IsHeld(mutex));
}

TEST(CondVar, WaitUntilNeverWaitsForTheNotification) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread other;
  {
    MutexLock lock(mutex);
    other = std::thread([&] {
      MutexLock other_lock(mutex);
      ready = true;
      changed.NotifyAll();
    });
    while (!ready) EXPECT_TRUE(changed.WaitUntil(mutex, kNever));
    EXPECT_TRUE(IsHeld(mutex));
  }
  other.join();
}

}  // namespace
}  // namespace spindle
