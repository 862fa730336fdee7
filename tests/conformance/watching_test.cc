// What a connection tells about itself to who watches it: why it is not read, since when nothing
// has moved, how often its output was too much.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "net/stream/pause_cause.h"
#include "net/stream/rate_limit.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/served_test.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WatchingTest : public ServedTest {
 protected:
  // Looks at the server's first connection every millisecond, on its loop. Simulated machines only.
  void Look(std::function<void(const Connection&)> look) {
    env_->server_loop().RunEvery(milliseconds(1), [this, look = std::move(look)] {
      if (const Connection* const connection = watched_.Get()) look(*connection);
    });
  }
  auto Watched() {
    return [this](Connection& c) { watched_ = c.handle(); };
  }
  void TearDown() override {
    watched_ = ConnectionHandle();
    ServedTest::TearDown();
  }

  ConnectionHandle watched_;
};

TEST(PauseCauseTest, SetsHaveNames) {
  EXPECT_EQ(PauseCauseNames(PauseCause::kNone), "");
  EXPECT_EQ(PauseCauseNames(PauseCause::kUser), "user");
  EXPECT_EQ(PauseCauseNames(PauseCause::kHighWater | PauseCause::kMemory), "high water, memory");
  EXPECT_TRUE(Has(PauseCause::kUser | PauseCause::kRateLimit, PauseCause::kRateLimit));
  EXPECT_FALSE(Has(PauseCause::kUser, PauseCause::kRateLimit));
}

TEST_P(WatchingTest, TheUsersPauseIsTold) {
  bool looked = false;
  Listen({.on_bytes = [&](Connection& c, Buffer& in) {
    in.Clear();
    EXPECT_EQ(c.pause_causes(), PauseCause::kNone);
    c.PauseReading();
    EXPECT_EQ(c.pause_causes(), PauseCause::kUser);
    EXPECT_TRUE(c.reading_paused());
    c.ResumeReading();
    EXPECT_EQ(c.pause_causes(), PauseCause::kNone);
    looked = true;
    c.Close();
  }});
  Connect({.on_open = [](Connection& c) { c.Write("x"); }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(looked);
}

// The peer does not read: the high water mark, and with the user's pause both.
TEST_P(WatchingTest, OutputAboveTheMarkIsTold) {
  bool looked = false;
  Listen({.on_open = [](Connection& c) { c.Write(std::string(20'000'000, 'x')); },
          .on_pause =
              [&](Connection& c) {
                EXPECT_EQ(c.pause_causes(), PauseCause::kHighWater);
                EXPECT_EQ(c.high_water_hits(), 1u);
                c.PauseReading();
                EXPECT_EQ(c.pause_causes(), PauseCause::kUser | PauseCause::kHighWater);
                looked = true;
                c.Abort();
              }},
         {.connection = {.high_water_mark = 1000, .low_water_mark = 100}});
  Connect({.on_open = [](Connection& c) { c.PauseReading(); }});
  ASSERT_TRUE(env_->RunUntil([&] { return server_audit_.closed() == 1; }));
  EXPECT_TRUE(looked);
}

TEST_P(WatchingTest, EachRiseAboveTheMarkIsCounted) {
  uint32_t pauses = 0;
  Listen(
      {.on_open = [](Connection& c) { c.Write(std::string(2'000'000, 'x')); },
       .on_pause = [&](Connection& c) { EXPECT_EQ(c.high_water_hits(), ++pauses); },
       .on_resume =
           [&](Connection& c) {
             EXPECT_EQ(c.high_water_hits(), pauses);
             if (pauses == 3) return c.Close();
             c.Write(std::string(2'000'000, 'x'));
           }},
      {.connection = {.high_water_mark = 1'000'000, .low_water_mark = 1000, .send_buffer = 4096}});
  Connect({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
          {.connection = {.receive_buffer = 4096}});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(pauses, 3u);
}

TEST_P(WatchingTest, RateLimitAndMemoryBudgetAreTold) {
  if (!env_->simulated()) GTEST_SKIP() << "looks at the connection between its callbacks";
  PauseCause seen = PauseCause::kNone;
  Listen(
      {.on_open = Watched(), .on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }},
      {.connection = {.pause_reading_above_high_water = false,
                      .reads_per_turn = 1,
                      .send_buffer = 4096,
                      .read_rate = {.bytes_per_second = 10'000'000}},
       .memory = {.server_bytes = 2'400'000, .policy = MemoryPolicy::kCloseLargest}});
  Look([&](const Connection& c) { seen = seen | c.pause_causes(); });
  Connect({.on_open =
               [](Connection& c) {
                 c.PauseReading();
                 c.Write(std::string(4'000'000, 'x'));
               }},
          {.connection = {.receive_buffer = 4096}});
  ASSERT_TRUE(env_->RunUntil([&] {
    return seen == (PauseCause::kRateLimit | PauseCause::kMemory);
  })) << PauseCauseNames(seen);
}

TEST_P(WatchingTest, IdleIsTheTimeSinceTheLastByteEitherWay) {
  if (!env_->simulated()) GTEST_SKIP() << "needs virtual time";
  Listen({.on_open =
              [this](Connection& c) {
                watched_ = c.handle();
                EXPECT_EQ(c.idle(), Duration::zero());
              },
          .on_bytes = [](Connection&, Buffer& in) { in.Clear(); }});
  StreamClient& client = Connect({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }});
  ASSERT_TRUE(env_->RunUntil([&] { return watched_ && client_audit_.opened() == 1; }));
  const auto idle = [&] {
    Duration is{-1};
    env_->server_loop().ref().CallAndWait([&] {
      if (const Connection* const c = watched_.Get()) is = c->idle();
    });
    return is;
  };
  env_->sim().RunFor(seconds(5));
  EXPECT_GE(idle(), seconds(4)) << "nothing has moved since the beginning";
  client.connection()->handle().Write("x");
  env_->sim().RunFor(seconds(1));
  EXPECT_LT(idle(), seconds(2)) << "it has read";
  env_->sim().RunFor(seconds(5));
  EXPECT_GE(idle(), seconds(4));
  watched_.Write("x");
  env_->sim().RunFor(seconds(1));
  EXPECT_LT(idle(), seconds(2)) << "it has written";
}

INSTANTIATE_TEST_SUITE_P(Machines, WatchingTest, testing::ValuesIn(FewMachines()), MachineName);

}  // namespace
}  // namespace spindle
