#include "base/live_counter.h"

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace spindle {

class CountedWidget : private LiveCounted<CountedWidget> {
 public:
  explicit CountedWidget(int v = 0) : value(v) {}
  int value;
};

class CountedGadget : private LiveCounted<CountedGadget> {};

struct NeverMade : private LiveCounted<NeverMade> {};

namespace {

static_assert(sizeof(CountedWidget) == sizeof(int), "the counter takes no space");

TEST(LiveCounter, FollowsCopiesMovesAndDestruction) {
  EXPECT_EQ(LiveCount<CountedWidget>(), 0);
  {
    CountedWidget a(1);
    EXPECT_EQ(LiveCount<CountedWidget>(), 1);
    CountedWidget b = a;
    CountedWidget c = std::move(b);
    EXPECT_EQ(LiveCount<CountedWidget>(), 3);
    a = c;
    a = std::move(c);
    EXPECT_EQ(LiveCount<CountedWidget>(), 3);
    std::vector<CountedWidget> more(10);
    EXPECT_EQ(LiveCount<CountedWidget>(), 13);
    EXPECT_EQ(LiveCount<CountedGadget>(), 0);
  }
  EXPECT_EQ(LiveCount<CountedWidget>(), 0);
}

TEST(LiveCounter, RegistryNamesTheTypesThatAreNotZero) {
  EXPECT_TRUE(NonZeroLiveCounts().empty());
  std::optional<CountedWidget> widget(1);
  const std::vector<CountedGadget> gadgets(2);
  const std::vector<LiveCountEntry> entries = NonZeroLiveCounts();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "spindle::CountedGadget");
  EXPECT_EQ(entries[0].count, 2);
  EXPECT_EQ(entries[1].name, "spindle::CountedWidget");
  EXPECT_EQ(entries[1].count, 1);
  widget.reset();
  EXPECT_EQ(NonZeroLiveCounts().size(), 1u);
}

TEST(LiveCounter, ATypeWithoutObjectsCountsZero) { EXPECT_EQ(LiveCount<NeverMade>(), 0); }

TEST(LiveCounter, CountsOverThreads) {
  std::vector<CountedWidget> kept(5);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 5000; ++i) CountedWidget widget(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(LiveCount<CountedWidget>(), 5);
}

}  // namespace
}  // namespace spindle
