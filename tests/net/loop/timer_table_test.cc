#include "net/loop/internal/timer_table.h"

#include <memory>
#include <set>
#include <vector>

#include "base/syscalls.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

constexpr std::source_location kHere = std::source_location::current();

TEST(TimerTableTest, OldIdNeverNamesTheNextUserOfItsSlot_T8) {
  TimerQueue queue;
  TimerTable table(queue, Syscalls::Real());
  std::vector<TimerId> old;
  for (int i = 0; i < 1000; ++i) {
    const TimerId id = table.Add(
        kNever, Duration::zero(), [] {}, kHere);
    for (const TimerId stale : old) ASSERT_FALSE(table.Cancel(stale));
    ASSERT_TRUE(table.Cancel(id));
    old.push_back(id);
  }
  EXPECT_EQ(table.live(), 0u);
}

TEST(TimerTableTest, SlotRetiresWhenItsGenerationsAreUsedUp_T8) {
  TimerQueue queue;
  TimerTable table(queue, Syscalls::Real(), TimerTable::kLastGeneration - 2);
  std::vector<TimerId> seen;
  for (int i = 0; i < 10; ++i) {
    const TimerId id = table.Add(
        kNever, Duration::zero(), [] {}, kHere);
    EXPECT_TRUE(id.valid());
    for (const TimerId other : seen) EXPECT_FALSE(id == other);
    seen.push_back(id);
    EXPECT_TRUE(table.Cancel(id)) << "the id no longer fits its slot";
    EXPECT_FALSE(table.Cancel(id));
  }
}

TEST(TimerTableTest, ClosedTableDestroysWhatIsAdded) {
  TimerQueue queue;
  TimerTable table(queue, Syscalls::Real());
  auto held = std::make_shared<int>(0);
  const TimerId id = table.Add(
      kNever, Duration::zero(), [held] {}, kHere);
  table.Close();
  EXPECT_FALSE(table.Cancel(id));
  EXPECT_FALSE(table
                   .Add(
                       kNever, Duration::zero(), [held] {}, kHere)
                   .valid());
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace spindle
