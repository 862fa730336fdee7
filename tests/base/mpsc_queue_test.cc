#include "base/mpsc_queue.h"

#include <cstdint>
#include <memory>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(MpscQueue, OnlyThePushIntoAnEmptyQueueAsksForAWake) {
  MpscQueue<int> queue;
  EXPECT_TRUE(queue.EmptyRelaxed());
  EXPECT_EQ(queue.Push(1), PushResult::kQueuedFirst);
  EXPECT_FALSE(queue.EmptyRelaxed());
  EXPECT_EQ(queue.Push(2), PushResult::kQueued);
  std::vector<int> batch;
  queue.TakeAll(batch);
  EXPECT_EQ(batch, (std::vector<int>{1, 2}));
  EXPECT_TRUE(queue.EmptyRelaxed());
  EXPECT_EQ(queue.Push(3), PushResult::kQueuedFirst);
}

TEST(MpscQueue, CloseReturnsTheRestAndRefusesLaterPushesUntouched) {
  MpscQueue<std::unique_ptr<int>> queue;
  EXPECT_EQ(queue.Push(std::make_unique<int>(1)), PushResult::kQueuedFirst);
  const std::vector<std::unique_ptr<int>> left = queue.Close();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(*left[0], 1);
  EXPECT_TRUE(queue.EmptyRelaxed());
  auto refused = std::make_unique<int>(2);
  EXPECT_EQ(queue.Push(std::move(refused)), PushResult::kClosed);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(*refused, 2);
  EXPECT_TRUE(queue.EmptyRelaxed());
  EXPECT_TRUE(queue.Close().empty());
}

TEST(MpscQueue, TheConsumersCapacityBecomesTheQueues) {
  MpscQueue<int> queue;
  std::vector<int> batch;
  batch.reserve(5000);
  queue.TakeAll(batch);
  (void)queue.Push(1);
  queue.TakeAll(batch);
  EXPECT_EQ(batch.size(), 1u);
  EXPECT_GE(batch.capacity(), 5000u);
}

TEST(MpscQueue, SteadyStateRecyclesBothBatches) {
  MpscQueue<int> queue;
  std::vector<int> batch;
  const auto fill_and_take = [&] {
    for (int i = 0; i < 100; ++i) (void)queue.Push(int(i));
    queue.TakeAll(batch);
    const int* storage = batch.data();
    batch.clear();
    return storage;
  };
  const int* first = fill_and_take();
  const int* second = fill_and_take();
  EXPECT_NE(first, second);
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(fill_and_take(), first);
    EXPECT_EQ(fill_and_take(), second);
  }
}

TEST(MpscQueue, ValuesLeftInTheQueueAreDestroyedWithIt) {
  const auto held = std::make_shared<int>(0);
  {
    MpscQueue<absl::AnyInvocable<void()>> queue;
    (void)queue.Push([held] { ++*held; });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 0);
}

TEST(MpscQueueDeathTest, TakeAllIntoAFullVectorFails) {
  MpscQueue<int> queue;
  std::vector<int> batch = {1};
  EXPECT_DEATH(queue.TakeAll(batch), "out.empty");
}

TEST(MpscQueue, ProducersLoseNothingKeepTheirOrderAndWakeEachBatchOnce) {
  constexpr uint64_t kProducers = 4;
  constexpr uint64_t kEach = 20000;
  MpscQueue<uint64_t> queue;
  std::atomic<uint64_t> wakes{0};
  std::vector<std::thread> producers;
  for (uint64_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([&queue, &wakes, p] {
      for (uint64_t i = 0; i < kEach; ++i) {
        if (queue.Push((p << 32) | i) == PushResult::kQueuedFirst) ++wakes;
      }
    });
  }
  std::vector<uint64_t> next(kProducers, 0);
  std::vector<uint64_t> batch;
  uint64_t taken = 0;
  uint64_t batches = 0;
  while (taken < kProducers * kEach) {
    if (queue.EmptyRelaxed()) {
      std::this_thread::yield();
      continue;
    }
    queue.TakeAll(batch);
    ++batches;
    taken += batch.size();
    for (const uint64_t value : batch) ASSERT_EQ(value & 0xffffffff, next[value >> 32]++);
    batch.clear();
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(wakes.load(), batches);
  EXPECT_TRUE(queue.EmptyRelaxed());
}

TEST(MpscQueue, EveryValueIsEitherReturnedByCloseOrRefused) {
  constexpr int kEach = 20000;
  MpscQueue<int> queue;
  std::atomic<int> accepted{0};
  std::vector<std::thread> producers;
  for (int p = 0; p < 3; ++p) {
    producers.emplace_back([&queue, &accepted] {
      for (int i = 0; i < kEach; ++i) {
        if (queue.Push(int(i)) == PushResult::kClosed) return;
        ++accepted;
      }
    });
  }
  while (queue.EmptyRelaxed()) std::this_thread::yield();
  std::vector<int> batch;
  queue.TakeAll(batch);
  const std::vector<int> left = queue.Close();
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(accepted.load(), static_cast<int>(batch.size() + left.size()));
}

}  // namespace
}  // namespace spindle
