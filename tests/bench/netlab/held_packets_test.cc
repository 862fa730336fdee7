#include "bench/netlab/held_packets.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

bool Hold(HeldPackets& held, const std::string& text, int64_t due) {
  std::memcpy(held.Room().data(), text.data(), text.size());
  return held.Hold(text.size(), TimePoint(Duration(due)));
}

std::string Take(HeldPackets& held) {
  const std::span<const std::byte> packet = held.next();
  std::string text(reinterpret_cast<const char*>(packet.data()), packet.size());
  held.Pop();
  return text;
}

TEST(HeldPackets, GivesThemBackByTimeAndThenInOrder) {
  HeldPackets held(16, 100);
  EXPECT_EQ(held.next_due(), kNever);
  EXPECT_TRUE(Hold(held, "b", 20));
  EXPECT_TRUE(Hold(held, "c", 20));
  EXPECT_TRUE(Hold(held, "d", 30));
  EXPECT_TRUE(Hold(held, "a", 10));
  EXPECT_EQ(held.next_due(), TimePoint(Duration(10)));
  EXPECT_EQ(Take(held), "a");
  EXPECT_EQ(Take(held), "b");
  EXPECT_EQ(Take(held), "c");
  EXPECT_EQ(Take(held), "d");
  EXPECT_EQ(held.size(), 0u);
  EXPECT_EQ(held.next_due(), kNever);
}

TEST(HeldPackets, RefusesMoreThanItMayHold) {
  HeldPackets held(16, 2);
  EXPECT_TRUE(Hold(held, "a", 1));
  EXPECT_TRUE(Hold(held, "b", 2));
  EXPECT_FALSE(Hold(held, "c", 0));
  EXPECT_EQ(Take(held), "a");
  EXPECT_TRUE(Hold(held, "d", 3));
  EXPECT_EQ(Take(held), "b");
  EXPECT_EQ(Take(held), "d");
}

TEST(HeldPackets, ThePacketInTheRoomSurvivesAPop) {
  HeldPackets held(16, 10);
  EXPECT_TRUE(Hold(held, "a", 1));
  std::memcpy(held.Room().data(), "b", 1);
  EXPECT_EQ(Take(held), "a");
  EXPECT_TRUE(held.Hold(1, TimePoint(Duration(2))));
  EXPECT_EQ(Take(held), "b");
}

TEST(HeldPackets, ManyKeepTheirBytes) {
  struct Expected {
    int64_t due;
    std::string text;
  };
  HeldPackets held(32, 1000);
  Random random(1);
  std::vector<Expected> expected;
  for (int i = 0; i < 20'000; ++i) {
    if (random.OneIn(2) && !expected.empty()) {
      EXPECT_EQ(Take(held), expected.front().text);
      expected.erase(expected.begin());
      continue;
    }
    const auto due = static_cast<int64_t>(random.Uniform(50));
    const std::string text = std::to_string(i);
    const bool room = expected.size() < 1000;
    EXPECT_EQ(Hold(held, text, due), room);
    if (!room) continue;
    const auto place = std::upper_bound(expected.begin(), expected.end(), due,
                                        [](int64_t a, const Expected& b) { return a < b.due; });
    expected.insert(place, {due, text});
  }
  for (const Expected& entry : expected) EXPECT_EQ(Take(held), entry.text);
  EXPECT_EQ(held.size(), 0u);
}

}  // namespace
}  // namespace spindle::bench
