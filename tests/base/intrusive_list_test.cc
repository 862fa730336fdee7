#include "base/intrusive_list.h"

#include <memory>
#include <vector>

#include "gtest/gtest.h"

namespace spindle {
namespace {

struct Item {
  explicit Item(int id) : id(id) {}
  virtual ~Item() = default;  // a vtable moves the hook away from the object's address
  int id;
  ListHook hook;
  ListHook other_hook;
};

using List = IntrusiveList<Item, &Item::hook>;
using OtherList = IntrusiveList<Item, &Item::other_hook>;

template <class AnyList>
std::vector<int> Ids(AnyList& list) {
  std::vector<int> ids;
  for (Item& item : list) ids.push_back(item.id);
  return ids;
}

void Empty(List& list) {
  while (list.pop_front() != nullptr) {
  }
}

TEST(IntrusiveList, KeepsOrderFromBothEnds) {
  Item a(1), b(2), c(3);
  List list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop_front(), nullptr);
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  EXPECT_EQ(Ids(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(&list.front(), &a);
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_FALSE(a.hook.linked());
  Empty(list);
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, RemovesFromAnywhereAndUnlinkTwiceIsHarmless) {
  Item a(1), b(2), c(3);
  List list;
  list.push_back(a);
  list.push_back(b);
  list.push_back(c);
  list.remove(b);
  EXPECT_EQ(Ids(list), (std::vector<int>{1, 3}));
  c.hook.Unlink();
  c.hook.Unlink();
  EXPECT_EQ(Ids(list), std::vector<int>{1});
  list.push_back(c);
  EXPECT_EQ(Ids(list), (std::vector<int>{1, 3}));
  Empty(list);
}

TEST(IntrusiveList, OneObjectInTwoLists) {
  Item a(1), b(2);
  List list;
  OtherList other;
  list.push_back(a);
  list.push_back(b);
  other.push_back(b);
  other.push_back(a);
  EXPECT_EQ(Ids(other), (std::vector<int>{2, 1}));
  list.remove(a);
  EXPECT_EQ(Ids(other), (std::vector<int>{2, 1}));
  EXPECT_EQ(Ids(list), std::vector<int>{2});
  Empty(list);
  other.remove(a);
  other.remove(b);
}

TEST(IntrusiveList, CurrentElementMayBeDestroyedWhileIterating) {
  std::vector<std::unique_ptr<Item>> items;
  List list;
  for (int i = 0; i < 4; ++i) {
    items.push_back(std::make_unique<Item>(i));
    list.push_back(*items.back());
  }
  std::vector<int> seen;
  for (Item& item : list) {
    seen.push_back(item.id);
    const auto id = static_cast<size_t>(item.id);
    item.hook.Unlink();
    items[id].reset();
  }
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, SpliceAllMovesEverythingInOrder) {
  Item a(1), b(2), c(3), d(4);
  List to;
  List from;
  to.splice_all(from);
  EXPECT_TRUE(to.empty());
  from.push_back(b);
  from.push_back(c);
  to.push_back(a);
  to.splice_all(from);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(Ids(to), (std::vector<int>{1, 2, 3}));
  from.push_back(d);
  to.splice_all(from);
  to.remove(c);
  EXPECT_EQ(Ids(to), (std::vector<int>{1, 2, 4}));
  to.remove(b);  // the seam of the first splice
  EXPECT_EQ(Ids(to), (std::vector<int>{1, 4}));
  Empty(to);
}

#ifndef NDEBUG
TEST(IntrusiveListDeathTest, MisuseFailsInDebugBuilds) {
  EXPECT_DEATH(
      {
        List list;
        Item item(1);
        list.push_back(item);
      },
      "destroyed while in a list");
  EXPECT_DEATH(
      {
        Item item(1);
        List list;
        list.push_back(item);
        list.push_back(item);
      },
      "already in a list");
  EXPECT_DEATH(
      {
        Item item(1);
        List list;
        list.push_back(item);
      },
      "list destroyed with elements");
}
#endif

}  // namespace
}  // namespace spindle
