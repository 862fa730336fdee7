// Connections that share a RateGroup: nobody starves. On virtual time, by seed: connections of two
// servers on two loops, some that always have more to send and some that say little.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "net/backend/sim_options.h"
#include "net/loop/simulation.h"
#include "net/stream/rate_limit.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

class RateFairnessTest : public LeakCheckTest {
 private:
  const Watchdog watchdog_{std::chrono::minutes(4)};
};

// Which side of the servers' connections is limited.
enum class Side { kWrite, kRead };

// One life of a group.
class World {
 public:
  World(uint64_t seed, Side side, SimFaults faults)
      : random_(seed), side_(side), sim_({.seed = seed, .faults = std::move(faults)}) {
    rate_ = 50'000 + random_.Uniform(1'000'000);
    burst_ = rate_ / (5 + random_.Uniform(40));
    auto group = std::make_shared<RateGroup>(RateLimit{.bytes_per_second = rate_, .burst = burst_});
    for (const char* const name : {"one", "two"}) loops_.push_back(&sim_.AddLoop(name));
    home_ = &sim_.AddLoop("clients");
    for (EventLoop* const loop : loops_) servers_.push_back(Listen(*loop, group));
    const size_t greedy = 2 + random_.Uniform(9);
    const size_t modest = side == Side::kWrite ? random_.Uniform(3) : 0;
    // Who comes late gets the same.
    for (size_t i = 0; i < greedy; ++i) {
      home_->RunAfter(milliseconds(random_.Uniform(1500)),
                      [this, i] { Connect(i, Kind::kGreedy); });
    }
    for (size_t i = 0; i < modest; ++i) Connect(greedy + i, Kind::kModest);
    bytes_.resize(greedy);
    clients_.resize(greedy + modest);
    parties_ = greedy + modest;
  }
  ~World() {
    clients_.clear();
    servers_.clear();
  }

  // What each of the greedy got in `time`, when all are at it.
  std::vector<uint64_t> Measure(Duration time) {
    sim_.RunFor(seconds(3));
    const std::vector<uint64_t> before = bytes_;
    sim_.RunFor(time);
    std::vector<uint64_t> got;
    for (size_t i = 0; i < bytes_.size(); ++i) got.push_back(bytes_[i] - before[i]);
    return got;
  }
  uint64_t rate() const { return rate_; }
  uint64_t burst() const { return burst_; }
  // Of an answer to the modest, and how long a round of everybody's shares lasts.
  Duration slowest_answer() const { return slowest_; }
  size_t answers() const { return answers_; }
  Duration Round() const {
    return milliseconds(1000 * parties_ * std::max<uint64_t>(1, burst_ / 8) / rate_ + 1);
  }

 private:
  enum class Kind { kGreedy, kModest };

  std::unique_ptr<StreamServer> Listen(EventLoop& loop, std::shared_ptr<RateGroup> group) {
    ConnectionOptions options{.high_water_mark = 8'000'000, .low_water_mark = 100'000};
    (side_ == Side::kWrite ? options.write_group : options.read_group) = std::move(group);
    // One byte says who it is, as it cannot come in two pieces: of the read side the number of the
    // client, of the write side "m" for output without end or "a" for a little.
    return *StreamServer::Listen(loop, SocketAddress::LoopbackV4(0),
                                 {.on_bytes =
                                      [this](Connection& c, Buffer& in) {
                                        const char first = in.Linearize().front();
                                        if (side_ == Side::kRead) {
                                          if (uint64_t* const mine = c.data<uint64_t>()) {
                                            bytes_[*mine] += in.size();
                                          } else {
                                            c.EmplaceData<uint64_t>(first - 'A');
                                          }
                                        } else if (first == 'm') {
                                          c.EmplaceData<bool>(true);  // The greedy ones have this.
                                          c.Write(std::string(2'000'000, 'x'));
                                        } else {
                                          c.Write(std::string(50, 'a'));
                                        }
                                        in.Clear();
                                      },
                                  .on_drained =
                                      [](Connection& c) {
                                        if (c.data<bool>() != nullptr)
                                          c.Write(std::string(2'000'000, 'x'));
                                      }},
                                 {.connection = options});
  }

  void Connect(size_t i, Kind kind) {
    ConnectionCallbacks callbacks;
    if (side_ == Side::kRead) {
      callbacks.on_open = [i](Connection& c) {
        c.Write(std::string(1, static_cast<char>('A' + i)));
        c.handle().Run([](Connection& later) { later.Write(std::string(2'000'000, 'x')); });
      };
      callbacks.on_drained = [](Connection& c) { c.Write(std::string(500'000, 'x')); };
    } else if (kind == Kind::kGreedy) {
      callbacks.on_open = [](Connection& c) { c.Write("m"); };
      callbacks.on_bytes = [this, i](Connection&, Buffer& in) {
        bytes_[i] += in.size();
        in.Clear();
      };
    } else {
      callbacks.on_open = [](Connection& c) { Ask(c); };
      callbacks.on_bytes = [this](Connection& c, Buffer& in) {
        in.Clear();
        ++answers_;
        slowest_ = std::max<Duration>(slowest_, c.loop().Now() - *c.data<TimePoint>());
        c.loop().RunAfter(milliseconds(50 + random_.Uniform(300)), [handle = c.handle()] {
          if (Connection* const again = handle.Get()) Ask(*again);
        });
      };
    }
    clients_.resize(std::max(clients_.size(), i + 1));
    clients_[i] = std::make_unique<StreamClient>(*home_, servers_[i % servers_.size()]->address(),
                                                 std::move(callbacks));
    clients_[i]->Connect();
  }
  static void Ask(Connection& c) {
    c.EmplaceData<TimePoint>(c.loop().Now());
    c.Write("a");
  }

  Random random_;
  const Side side_;
  Simulation sim_;
  uint64_t rate_ = 0;
  uint64_t burst_ = 0;
  size_t parties_ = 0;
  std::vector<EventLoop*> loops_;
  EventLoop* home_ = nullptr;
  std::vector<std::unique_ptr<StreamServer>> servers_;
  std::vector<std::unique_ptr<StreamClient>> clients_;
  std::vector<uint64_t> bytes_;
  Duration slowest_{0};
  size_t answers_ = 0;
};

// Each of the greedy gets the same as any other, within two bursts and `slack` of it.
void ExpectFair(uint64_t seed, World& world, double slack) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const Duration time = seconds(5);
  const std::vector<uint64_t> got = world.Measure(time);
  const auto [least, most] = std::minmax_element(got.begin(), got.end());
  EXPECT_GT(*least, 0u) << "one starves";
  EXPECT_LE(*most - *least,
            2 * world.burst() + static_cast<uint64_t>(slack * static_cast<double>(*most)))
      << *least << " and " << *most << " of " << got.size() << ", burst " << world.burst();
  uint64_t sum = 0;
  for (const uint64_t bytes : got) sum += bytes;
  EXPECT_LE(sum, world.rate() * 5 + 2 * world.burst());
  EXPECT_GE(sum, world.rate() * 4) << "the rate is made use of";
  if (slack == 0) {
    EXPECT_LE(world.slowest_answer(), 2 * world.Round() + milliseconds(20));
  }
}

TEST_F(RateFairnessTest, WritersGetTheSame) {
  size_t answers = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    World world(seed, Side::kWrite, SimFaults::None());
    ExpectFair(seed, world, 0);
    answers += world.answers();
  }
  EXPECT_GT(answers, 50u);
}

TEST_F(RateFairnessTest, ReadersGetTheSame) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    World world(seed, Side::kRead, SimFaults::None());
    ExpectFair(seed, world, 0);
  }
}

// A timer that rings late, a short read or write: luck evens out.
TEST_F(RateFairnessTest, AlsoOnAMachineWithFaults) {
  SimFaults faults = SimFaults::Mild();
  faults.accept_aborted = 0;  // Nobody comes back.
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    World writers(seed, Side::kWrite, faults);
    ExpectFair(seed, writers, 0.25);
    World readers(seed, Side::kRead, faults);
    ExpectFair(seed, readers, 0.25);
  }
}

}  // namespace
}  // namespace spindle
