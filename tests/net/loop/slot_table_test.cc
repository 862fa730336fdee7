#include "net/loop/internal/slot_table.h"

#include <vector>

#include "gtest/gtest.h"

namespace spindle {
namespace {

class Slot final : public IoSlot {
 public:
  void OnIoEvent(const IoEvent&) override {}
  void OnLoopGone() override {}
};

TEST(SlotTableTest, TokenOfAnEarlierGenerationFindsNothing_L5) {
  SlotTable table;
  Slot slot;
  const SlotToken old(9, 1), fresh(9, 2);
  EXPECT_EQ(table.Find(old), nullptr);
  table.Put(old, &slot);
  EXPECT_EQ(table.Find(old), &slot);
  EXPECT_EQ(table.Find(fresh), nullptr);
  table.Erase(fresh);
  EXPECT_EQ(table.live(), 1u) << "erased by a token that is not its";
  table.Erase(old);
  EXPECT_FALSE(table.Occupied(9));
  table.Put(fresh, &slot);
  EXPECT_EQ(table.Find(old), nullptr);
  EXPECT_EQ(table.Find(fresh), &slot);
}

TEST(SlotTableTest, GrowsToAnyDescriptorAndVisitsAll) {
  SlotTable table;
  std::vector<Slot> slots(4);
  const int fds[] = {0, 3, 20'000, 1'000'000};
  for (size_t i = 0; i < slots.size(); ++i) table.Put(SlotToken(fds[i], i + 1), &slots[i]);
  EXPECT_TRUE(table.Occupied(1'000'000));
  EXPECT_FALSE(table.Occupied(1'000'001));
  size_t visited = 0;
  table.ForEach([&](IoSlot&) {
    table.Erase(SlotToken(fds[visited], visited + 1));
    ++visited;
  });
  EXPECT_EQ(visited, 4u);
  EXPECT_EQ(table.live(), 0u);
}

}  // namespace
}  // namespace spindle
