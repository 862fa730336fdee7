#include "bench/netlab/link_model.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "base/clock.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The time of an arrival; kNever of a packet that does not arrive.
TimePoint Due(LinkModel& link, Duration at, size_t bytes) {
  return link.Offer(TimePoint(at), bytes).due;
}

// One letter per packet: a(rrives), q(ueue full), l(ost).
std::string Fates(LinkModel& link, int packets) {
  std::string fates;
  for (int i = 0; i < packets; ++i) {
    fates += "aql"[static_cast<int>(link.Offer(TimePoint(seconds(i)), 100).fate)];
  }
  return fates;
}

TEST(LinkModel, DelaysByExactlyTheDelay) {
  LinkModel link({.delay = milliseconds(5)}, 1);
  EXPECT_EQ(Due(link, milliseconds(10), 1500), TimePoint(milliseconds(15)));
  EXPECT_EQ(Due(link, milliseconds(10), 40), TimePoint(milliseconds(15)));
  EXPECT_EQ(Due(link, Duration(10'000'001), 40), TimePoint(Duration(15'000'001)));
  EXPECT_EQ(link.max_waiting(), 0u);
}

TEST(LinkModel, WithoutAnythingAskedPacketsAreDueAtOnce) {
  LinkModel link({}, 1);
  EXPECT_EQ(Due(link, milliseconds(10), 1500), TimePoint(milliseconds(10)));
}

TEST(LinkModel, ARatePutsPacketsOneAfterTheOther) {
  // 1000 bytes take a millisecond.
  LinkModel link({.delay = milliseconds(5), .bits_per_second = 8'000'000}, 1);
  EXPECT_EQ(Due(link, milliseconds(10), 1000), TimePoint(milliseconds(16)));
  EXPECT_EQ(Due(link, milliseconds(10), 1000), TimePoint(milliseconds(17)));
  EXPECT_EQ(Due(link, microseconds(10500), 500), TimePoint(microseconds(17500)));
  // Free since 12.5: nothing was saved up.
  EXPECT_EQ(Due(link, milliseconds(20), 1000), TimePoint(milliseconds(26)));
}

TEST(LinkModel, FractionsOfANanosecondAddUpAndAreNeverEarly) {
  // A byte takes 2.666... ns.
  LinkModel link({.bits_per_second = 3'000'000'000, .queue_packets = 10'000}, 1);
  EXPECT_EQ(Due(link, Duration(0), 1), TimePoint(Duration(3)));
  EXPECT_EQ(Due(link, Duration(0), 1), TimePoint(Duration(6)));
  EXPECT_EQ(Due(link, Duration(0), 1), TimePoint(Duration(8)));
  for (int i = 3; i < 1500; ++i) Due(link, Duration(0), 1);
  EXPECT_EQ(Due(link, Duration(0), 1498), TimePoint(Duration(7995)));
}

TEST(LinkModel, TheQueueHoldsWhatWaitsAndNotWhatIsOnTheLink) {
  LinkModel link({.bits_per_second = 8'000'000, .queue_packets = 2}, 1);
  EXPECT_EQ(Due(link, Duration(0), 1000), TimePoint(milliseconds(1)));  // On the link.
  EXPECT_EQ(Due(link, Duration(0), 1000), TimePoint(milliseconds(2)));
  EXPECT_EQ(Due(link, Duration(0), 1000), TimePoint(milliseconds(3)));
  const LinkModel::Verdict full = link.Offer(TimePoint(microseconds(999)), 1);
  EXPECT_EQ(full.fate, PacketFate::kQueueFull);
  EXPECT_EQ(full.due, kNever);
  // The first one is off the link: the second one has left the queue.
  EXPECT_EQ(Due(link, milliseconds(1), 1000), TimePoint(milliseconds(4)));
  EXPECT_EQ(link.Offer(TimePoint(milliseconds(1)), 1).fate, PacketFate::kQueueFull);
  EXPECT_EQ(link.max_waiting(), 2u);
  // Dropped ones took no time.
  EXPECT_EQ(Due(link, milliseconds(9), 1000), TimePoint(milliseconds(10)));
}

TEST(LinkModel, TheSeedDecidesWhatIsLost) {
  LinkModel one({.loss = 0.5}, 7);
  LinkModel same({.loss = 0.5}, 7);
  LinkModel other({.loss = 0.5}, 8);
  const std::string fates = Fates(one, 1000);
  EXPECT_EQ(fates, Fates(same, 1000));
  EXPECT_NE(fates, Fates(other, 1000));
  EXPECT_EQ(fates.substr(0, 16), "aaallaallllaalll");
  const auto lost = std::count(fates.begin(), fates.end(), 'l');
  EXPECT_GT(lost, 400);
  EXPECT_LT(lost, 600);
}

TEST(LinkModel, LossDoesNotDependOnJitterDelayOrRate) {
  LinkModel plain({.loss = 0.3}, 5);
  LinkModel full({.delay = milliseconds(1),
                  .bits_per_second = 1'000'000,
                  .loss = 0.3,
                  .jitter = milliseconds(3)},
                 5);
  EXPECT_EQ(Fates(plain, 500), Fates(full, 500));
}

TEST(LinkModel, NothingOrEverythingIsLost) {
  LinkModel none({.loss = 0}, 1);
  EXPECT_EQ(Fates(none, 100), std::string(100, 'a'));
  LinkModel all({.loss = 1}, 1);
  EXPECT_EQ(Fates(all, 100), std::string(100, 'l'));
}

TEST(LinkModel, ALostPacketTakesItsTimeOnTheLink) {
  LinkModel link({.bits_per_second = 8'000'000, .queue_packets = 1, .loss = 1}, 1);
  EXPECT_EQ(link.Offer(TimePoint(), 1000).fate, PacketFate::kLost);
  EXPECT_EQ(link.Offer(TimePoint(), 1000).fate, PacketFate::kLost);
  EXPECT_EQ(link.Offer(TimePoint(), 1000).fate, PacketFate::kQueueFull);
}

TEST(LinkModel, JitterOnlyAddsAndNeverReordersUnasked) {
  constexpr Duration kDelay = milliseconds(5);
  constexpr Duration kJitter = milliseconds(2);
  LinkModel link({.delay = kDelay, .jitter = kJitter}, 3);
  TimePoint last{};
  Duration least = Duration::max();
  Duration most{0};
  for (int i = 0; i < 2000; ++i) {
    const Duration now = microseconds(10) * i;
    const TimePoint due = Due(link, now, 100);
    EXPECT_GE(due, last);
    last = due;
    least = std::min(least, due - TimePoint(now));
    most = std::max(most, due - TimePoint(now));
  }
  EXPECT_GE(least, kDelay);
  EXPECT_LE(most, kDelay + kJitter);
  EXPECT_GT(most - least, kJitter / 2);
}

TEST(LinkModel, JitterReordersIfAllowed) {
  LinkModel link(
      {.delay = milliseconds(5), .jitter = milliseconds(2), .reordering = Reordering::kByJitter},
      3);
  int overtakes = 0;
  TimePoint last{};
  for (int i = 0; i < 1000; ++i) {
    const Duration now = microseconds(10) * i;
    const TimePoint due = Due(link, now, 100);
    EXPECT_GE(due - TimePoint(now), milliseconds(5));
    EXPECT_LE(due - TimePoint(now), milliseconds(7));
    overtakes += due < last ? 1 : 0;
    last = due;
  }
  EXPECT_GT(overtakes, 100);
}

TEST(LinkModelDeathTest, ChecksItsOptions) {
  EXPECT_DEATH(LinkModel({.queue_packets = 0}, 1), "queue_packets");
  EXPECT_DEATH(LinkModel({.loss = 1.5}, 1), "loss");
  EXPECT_DEATH(LinkModel({.delay = Duration(-1)}, 1), "delay");
}

}  // namespace
}  // namespace spindle::bench
