// The box between pairs of local sockets that keep packets apart, as TUN devices do.

#include "bench/netlab/delay_box.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "bench/netlab/link_model.h"
#include "gtest/gtest.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class DelayBoxTest : public ::testing::Test {
 protected:
  void Start(const DelayBoxOptions& options) {
    OwnedFd inner[2];
    for (int i = 0; i < 2; ++i) {
      int ends[2];
      ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
      outer_[i].reset(ends[0]);
      inner[i].reset(ends[1]);
    }
    auto box = DelayBox::Start(std::move(inner[0]), std::move(inner[1]), options);
    ASSERT_TRUE(box.ok()) << box.status();
    box_ = *std::move(box);
  }

  void Send(int end, const std::string& packet) {
    pollfd waiter = {outer_[end].get(), POLLOUT, 0};
    poll(&waiter, 1, -1);
    ASSERT_EQ(write(outer_[end].get(), packet.data(), packet.size()),
              static_cast<ssize_t>(packet.size()));
  }

  std::string Receive(int end) {
    pollfd waiter = {outer_[end].get(), POLLIN, 0};
    poll(&waiter, 1, -1);
    char data[2048];
    const ssize_t size = read(outer_[end].get(), data, sizeof data);
    return size < 0 ? "error" : std::string(data, static_cast<size_t>(size));
  }

  // Until `done` holds for the counts.
  template <class Condition>
  DelayBox::Stats WaitFor(Condition done) {
    while (true) {
      DelayBox::Stats stats = box_->stats();
      if (done(stats)) return stats;
    }
  }

  Watchdog watchdog_{std::chrono::seconds(120)};
  OwnedFd outer_[2];
  std::unique_ptr<DelayBox> box_;
};

TEST_F(DelayBoxTest, CarriesPacketsWholeInOrderAndNotEarly) {
  Start({.a_to_b = {.delay = milliseconds(3)}, .b_to_a = {.delay = milliseconds(7)}});
  for (int round = 0; round < 5; ++round) {
    const TimePoint start = Clock::now();
    Send(0, "one");
    Send(0, std::string(1500, 'x'));
    EXPECT_EQ(Receive(1), "one");
    EXPECT_EQ(Receive(1), std::string(1500, 'x'));
    EXPECT_GE(Clock::now() - start, milliseconds(3));
    Send(1, "back");
    EXPECT_EQ(Receive(0), "back");
    EXPECT_GE(Clock::now() - start, milliseconds(10));
  }
  const DelayBox::Stats stats = box_->stats();
  EXPECT_EQ(stats.a_to_b.packets, 10u);
  EXPECT_EQ(stats.a_to_b.bytes, 5u * 1503);
  EXPECT_EQ(stats.a_to_b.late.count(), 10u);
  EXPECT_EQ(stats.b_to_a.packets, 5u);
  EXPECT_EQ(stats.b_to_a.bytes, 20u);
}

TEST_F(DelayBoxTest, WithoutDelayPacketsPass) {
  Start({});
  for (int i = 0; i < 300; ++i) {
    Send(i % 2, std::to_string(i));
    EXPECT_EQ(Receive(1 - i % 2), std::to_string(i));
  }
}

TEST_F(DelayBoxTest, ALongDelayDoesNotHoldUpTheOtherDirection) {
  Start({.a_to_b = {.delay = hours(1)}});
  Send(0, "late");
  Send(1, "now");
  EXPECT_EQ(Receive(0), "now");
  EXPECT_EQ(box_->stats().a_to_b.packets, 0u);
}

TEST_F(DelayBoxTest, CountsWhatIsLost) {
  Start({.a_to_b = {.loss = 1}});
  for (int i = 0; i < 10; ++i) Send(0, "x");
  const auto stats = WaitFor([](const DelayBox::Stats& s) { return s.a_to_b.lost == 10; });
  EXPECT_EQ(stats.a_to_b.packets, 0u);
  Send(1, "other direction");
  EXPECT_EQ(Receive(0), "other direction");
}

TEST_F(DelayBoxTest, CountsWhatTheQueueDrops) {
  // A packet takes an hour: one is on the link, three wait.
  Start({.a_to_b = {.bits_per_second = 1, .queue_packets = 3}});
  for (int i = 0; i < 10; ++i) Send(0, std::string(450, 'x'));
  const auto stats = WaitFor([](const DelayBox::Stats& s) { return s.a_to_b.queue_full == 6; });
  EXPECT_EQ(stats.a_to_b.max_queue, 3u);
  EXPECT_EQ(stats.a_to_b.lost, 0u);
}

TEST_F(DelayBoxTest, CountsWhatItHasNoRoomFor) {
  Start({.a_to_b = {.delay = hours(1)}, .max_packets = 4});
  for (int i = 0; i < 10; ++i) Send(0, "x");
  WaitFor([](const DelayBox::Stats& s) { return s.a_to_b.lab_dropped == 6; });
}

TEST_F(DelayBoxTest, ARateBoundsThroughput) {
  // 100 packets of 1000 bytes take 50 ms.
  Start({.a_to_b = {.bits_per_second = 16'000'000}});
  const TimePoint start = Clock::now();
  for (int i = 0; i < 100; ++i) Send(0, std::string(1000, 'x'));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Receive(1).size(), 1000u);
  EXPECT_GE(Clock::now() - start, milliseconds(50));
}

TEST_F(DelayBoxTest, AnEndThatGoesAwayDoesNotKeepTheThreadBusy) {
  Start({});
  outer_[0].reset();
  // Only that the box still answers, and the other end's packets have nowhere to go.
  Send(1, "x");
  WaitFor([](const DelayBox::Stats& s) { return s.b_to_a.lab_dropped == 1; });
}

}  // namespace
}  // namespace spindle::bench
