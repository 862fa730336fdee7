#include "bench/load/time_queue.h"

#include <vector>

#include "base/clock.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

TimePoint At(int n) { return TimePoint(Duration(n)); }

TEST(TimeQueueTest, KeepsOrderWhileItGrowsAndWraps) {
  TimeQueue queue;
  int pushed = 0;
  int popped = 0;
  // Two in, one out: it grows at every possible place of its first element.
  while (pushed < 1000) {
    queue.Push(At(pushed++));
    queue.Push(At(pushed++));
    ASSERT_EQ(queue.Pop(), At(popped++));
    ASSERT_EQ(queue.size(), static_cast<size_t>(pushed - popped));
  }
  while (!queue.empty()) ASSERT_EQ(queue.Pop(), At(popped++));
  EXPECT_EQ(popped, pushed);
}

TEST(TimeQueueTest, ForEachSeesTheOldestFirst) {
  TimeQueue queue;
  for (int i = 0; i < 5; ++i) queue.Push(At(i));
  queue.Pop();
  std::vector<TimePoint> seen;
  queue.ForEach([&](TimePoint time) { seen.push_back(time); });
  EXPECT_EQ(seen, (std::vector<TimePoint>{At(1), At(2), At(3), At(4)}));
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  queue.Push(At(9));
  EXPECT_EQ(queue.Pop(), At(9));
}

}  // namespace
}  // namespace spindle::bench
