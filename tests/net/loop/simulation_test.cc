#include "net/loop/simulation.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/loop/fd_watcher.h"
#include "net/loop/loop_ref.h"
#include "tests/testing/leak_check.h"

namespace spindle {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class SimulationTest : public LeakCheckTest {};

TEST_F(SimulationTest, TimersRunOnVirtualTime) {
  Simulation sim;
  EventLoop& loop = sim.AddLoop("a");
  EXPECT_EQ(loop.name(), "a");
  const TimePoint start = sim.now();
  std::vector<Duration> ran;
  for (const Duration delay : {Duration(hours(24 * 365)), Duration(seconds(1)), Duration(0)}) {
    loop.RunAfter(delay, [&] { ran.push_back(sim.now() - start); });
  }
  EXPECT_TRUE(sim.RunUntil([&] { return ran.size() == 3; }, hours(24 * 366)));
  EXPECT_EQ(ran, (std::vector<Duration>{Duration(0), seconds(1), hours(24 * 365)}));
  EXPECT_FALSE(sim.Step()) << "nothing is to come";
}

TEST_F(SimulationTest, RunUntilStopsAtItsLimitAndWhenNothingIsToCome) {
  Simulation sim;
  EventLoop& loop = sim.AddLoop("a");
  loop.RunAfter(seconds(10), [] {});
  const TimePoint start = sim.now();
  EXPECT_FALSE(sim.RunUntil([] { return false; }, seconds(3)));
  EXPECT_EQ(sim.now() - start, seconds(3));
  EXPECT_FALSE(sim.RunUntil([] { return false; }, hours(1)));
  EXPECT_EQ(sim.now() - start, seconds(10));
  EXPECT_TRUE(sim.RunUntil([] { return true; }, Duration(0)));
}

TEST_F(SimulationTest, RunForMovesTheTimeToItsEndAndRunsWhatIsDueThere) {
  Simulation sim;
  EventLoop& loop = sim.AddLoop("a");
  int ticks = 0;
  loop.RunEvery(milliseconds(1), [&] { ++ticks; });
  const TimePoint start = sim.now();
  sim.RunFor(milliseconds(10));
  EXPECT_EQ(ticks, 10);
  EXPECT_EQ(sim.now() - start, milliseconds(10));
  sim.RunFor(microseconds(500));
  EXPECT_EQ(sim.now() - start, microseconds(10'500));
}

TEST_F(SimulationTest, TaskFromOutsideIsRunWithoutTimePassing_L1) {
  Simulation sim;
  EventLoop& loop = sim.AddLoop("a");
  loop.RunAfter(hours(1), [] {});
  sim.RunFor(seconds(1));
  const TimePoint start = sim.now();
  bool ran = false;
  loop.Post([&] { ran = true; });
  EXPECT_TRUE(sim.RunUntil([&] { return ran; }, hours(2)));
  EXPECT_EQ(sim.now(), start);
  // A timer set from outside, earlier than the one that is armed.
  ran = false;
  loop.RunAfter(milliseconds(5), [&] { ran = true; });
  EXPECT_TRUE(sim.RunUntil([&] { return ran; }, hours(2)));
  EXPECT_EQ(sim.now() - start, milliseconds(5));
}

TEST_F(SimulationTest, LoopsCallEachOther) {
  Simulation sim;
  EventLoop& a = sim.AddLoop("a");
  EventLoop& b = sim.AddLoop("b");
  bool done = false;
  a.Post([&] {
    EXPECT_TRUE(b.ref().CallAndWait([&] {
      EXPECT_TRUE(a.IsInLoop() && b.IsInLoop());
      EXPECT_TRUE(a.ref().CallAndWait([&] { done = true; }));
    }));
  });
  EXPECT_TRUE(sim.RunUntil([&] { return done; }, seconds(1)));
}

TEST_F(SimulationTest, LoopThatNeverSleepsDoesNotStopTheTime) {
  Simulation sim;
  EventLoop& busy = sim.AddLoop("busy");
  EventLoop& other = sim.AddLoop("other");
  std::function<void()> again = [&] { busy.Post(again); };
  again();
  bool rang = false;
  other.RunAfter(microseconds(20), [&] { rang = true; });
  EXPECT_TRUE(sim.RunUntil([&] { return rang; }, milliseconds(1)));
}

TEST_F(SimulationTest, DestroyLoopEndsOneOfThem) {
  Simulation sim;
  EventLoop& a = sim.AddLoop("a");
  EventLoop& b = sim.AddLoop("b");
  const LoopRef ref = a.ref();
  sim.RunFor(seconds(1));
  bool done = false;
  b.RunAfter(seconds(1), [&] {
    sim.DestroyLoop(a);
    done = true;
  });
  EXPECT_TRUE(sim.RunUntil([&] { return done; }, seconds(2)));
  EXPECT_FALSE(ref.Post([] {}));
  sim.RunFor(seconds(1));
}

// Pairs of stream sockets on three loops, each echoing to the other with timers in between.
struct Outcome {
  uint64_t hash = 0;
  std::string order;
};

class EchoPair {
 public:
  EchoPair(Simulation& sim, EventLoop& left, EventLoop& right, char name, std::string& order)
      : sim_(sim), name_(name), order_(order) {
    const std::string path = std::string("/echo/") + name;
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    SimKernel& kernel = sim.kernel();
    const int listener = kernel.Socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(kernel.Bind(listener, generic, sizeof address), 0);
    EXPECT_EQ(kernel.Listen(listener, 1), 0);
    fds_[0] = kernel.Socket(AF_UNIX, SOCK_STREAM, 0);
    while (kernel.Connect(fds_[0], generic, sizeof address) == -EINTR) {
    }
    do {
      fds_[1] = kernel.Accept(listener, nullptr, nullptr);
    } while (fds_[1] < 0);
    kernel.Close(listener);
    EventLoop* const loops[] = {&left, &right};
    for (int side = 0; side < 2; ++side) {
      watchers_[side] = *FdWatcher::Create(*loops[side], fds_[side], Interest::kRead,
                                           Trigger::kLevel, [this, side](FdEvents) { Echo(side); });
    }
    left.RunAfter(milliseconds(1), [this] { Send(0); });
  }
  EchoPair(const EchoPair&) = delete;
  EchoPair& operator=(const EchoPair&) = delete;
  ~EchoPair() {
    for (auto& watcher : watchers_) watcher.reset();
    for (const int fd : fds_) sim_.kernel().Close(fd);
  }

 private:
  void Echo(int side) {
    char byte;
    if (sim_.kernel().Recv(fds_[side], &byte, 1) != 1) return;  // Announced too early.
    order_ += name_;
    Send(side);
  }
  void Send(int side) {
    char byte = 'x';
    const iovec part = {&byte, 1};
    while (sim_.kernel().Send(fds_[side], std::span(&part, 1)) != 1) {
    }
  }

  Simulation& sim_;
  const char name_;
  std::string& order_;
  int fds_[2];
  std::unique_ptr<FdWatcher> watchers_[2];
};

Outcome RunEchoes(uint64_t seed) {
  Outcome outcome;
  SimOptions machine;
  machine.seed = seed;
  machine.faults.shuffle_ready = 0.3;
  machine.faults.cut_ready = 0.3;
  machine.faults.eintr = 0.05;
  machine.faults.spurious_readiness = 0.05;
  Simulation sim(machine);
  EXPECT_EQ(sim.seed(), seed);
  EventLoop* loops[] = {&sim.AddLoop("a"), &sim.AddLoop("b"), &sim.AddLoop("c")};
  std::vector<std::unique_ptr<EchoPair>> pairs;
  for (int i = 0; i < 5; ++i) {
    pairs.push_back(std::make_unique<EchoPair>(sim, *loops[i % 3], *loops[(i + 1) % 3],
                                               static_cast<char>('0' + i), outcome.order));
  }
  EXPECT_TRUE(sim.RunUntil([&] { return outcome.order.size() >= 500; }, seconds(10)));
  outcome.hash = sim.TraceHash();
  return outcome;
}

TEST_F(SimulationTest, OneSeedIsOneRunAndAnotherSeedIsAnother) {
  const Outcome first = RunEchoes(1), again = RunEchoes(1), other = RunEchoes(2);
  EXPECT_EQ(first.hash, again.hash);
  EXPECT_EQ(first.order, again.order);
  EXPECT_NE(first.hash, other.hash);
  EXPECT_NE(first.order, other.order);
}

TEST_F(SimulationTest, NobodyStarvesWhateverTheSeed) {
  for (uint64_t seed = 10; seed < 40; ++seed) {
    const std::string order = RunEchoes(seed).order;
    for (char pair = '0'; pair < '5'; ++pair) {
      EXPECT_GT(std::count(order.begin(), order.end(), pair), 20) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace spindle
