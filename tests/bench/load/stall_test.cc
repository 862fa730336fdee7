// What a server that stands still for half a second does to the latencies of an open and of a
// closed loop, on virtual time: the numbers are exact.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "bench/load/churn_load.h"
#include "bench/load/echo_load.h"
#include "bench/load/load.h"
#include "bench/load/measured_load.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/simulation.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kOneWay = std::chrono::microseconds(500);
constexpr Duration kRoundTrip = 2 * kOneWay;
constexpr Duration kStall = milliseconds(500);
constexpr Duration kStallStart = seconds(5);  // After the start of the load.

// Every time below is one of a whole number of milliseconds plus half of one at most: what the
// histogram rounds off is far less.
double Millis(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

// An echo server that answers nothing in [begin, end), and then all at once.
class StallingServer {
 public:
  StallingServer(EventLoop& loop, TimePoint begin, TimePoint end)
      : loop_(loop), begin_(begin), end_(end) {
    ConnectionCallbacks callbacks;
    callbacks.on_bytes = [this](Connection& connection, Buffer& input) {
      OnBytes(connection, input);
    };
    auto server = StreamServer::Listen(loop, SocketAddress::LoopbackV4(0), std::move(callbacks));
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    if (end != kNever) loop_.RunAt(end, [this] { Release(); });
  }

  const SocketAddress& address() const { return server_->address(); }

 private:
  void OnBytes(Connection& connection, Buffer& input) {
    if (loop_.Now() < begin_ || loop_.Now() >= end_) {
      EXPECT_TRUE(connection.Write(std::move(input)).ok());
    } else {
      held_.emplace_back(connection.handle(), input.ToString());
      input.Clear();
    }
  }
  void Release() {
    for (auto& [handle, bytes] : held_) handle.Write(std::move(bytes));
    held_.clear();
  }

  EventLoop& loop_;
  const TimePoint begin_;
  const TimePoint end_;
  std::unique_ptr<StreamServer> server_;
  std::vector<std::pair<ConnectionHandle, std::string>> held_;
};

class StallTest : public ::testing::Test {
 protected:
  StallTest()
      : start_(sim_.now() + seconds(1)),
        server_(server_loop_, start_ + kStallStart, start_ + kStallStart + kStall) {}

  LoadOutcome Run(std::unique_ptr<Load> load, const LoadPlan& plan) {
    MeasuredLoad measured(client_loop_, std::move(load), nullptr, plan);
    bool ready = false;
    bool done = false;
    measured.Connect([&] { ready = true; });
    EXPECT_TRUE(sim_.RunUntil([&] { return ready; }, seconds(1)));
    measured.Start(start_, [&] { done = true; });
    EXPECT_TRUE(sim_.RunUntil([&] { return done; }, std::chrono::hours(1)));
    return measured.outcome();
  }

  static SimOptions Machine() {
    SimOptions options;
    options.delay_min = kOneWay;
    options.delay_max = kOneWay;
    return options;
  }

  Simulation sim_{Machine()};
  EventLoop& server_loop_ = sim_.AddLoop("server");
  EventLoop& client_loop_ = sim_.AddLoop("client");
  const TimePoint start_;
  StallingServer server_;
  const LoadPlan plan_{.warmup = seconds(1), .duration = seconds(20)};
};

TEST_F(StallTest, TheOpenLoopShowsTheStall) {
  EchoLoadOptions options{.connections = 10};
  options.rate = SendRate{.per_second = 1000};
  const LoadOutcome outcome =
      Run(std::make_unique<EchoLoad>(client_loop_, server_.address(), options), plan_);
  const Histogram& latency = outcome.counts.latency;
  EXPECT_TRUE(outcome.errors.empty()) << outcome.errors.begin()->first;
  EXPECT_EQ(outcome.unanswered, 0u);
  // One a millisecond, each of them in the percentiles.
  EXPECT_EQ(latency.count(), 20000u);
  EXPECT_EQ(outcome.counts.send_lag.max(), Duration(0));
  EXPECT_DOUBLE_EQ(Millis(latency.ValueAtQuantile(0.5)), Millis(kRoundTrip));
  // Those of the stall waited 500.5, 499.5, ... 1.5 ms; twenty of them are above p99.9.
  EXPECT_DOUBLE_EQ(Millis(latency.max()), 500.5);
  EXPECT_NEAR(Millis(latency.ValueAtQuantile(0.999)), 480.5, 0.5);
  EXPECT_NEAR(Millis(latency.ValueAtQuantile(0.99)), 300.5, 0.5);
}

TEST_F(StallTest, TheClosedLoopHidesIt) {
  const LoadOutcome outcome = Run(std::make_unique<EchoLoad>(client_loop_, server_.address(),
                                                             EchoLoadOptions{.connections = 10}),
                                  plan_);
  const Histogram& latency = outcome.counts.latency;
  EXPECT_TRUE(outcome.errors.empty()) << outcome.errors.begin()->first;
  // One a millisecond on each connection, but for the stall, which hit one message of each.
  EXPECT_NEAR(static_cast<double>(latency.count()), 10 * 19500, 20);
  EXPECT_GE(latency.max(), kStall);
  EXPECT_NEAR(Millis(latency.ValueAtQuantile(0.999)), Millis(kRoundTrip), 0.01);
  EXPECT_NEAR(Millis(latency.ValueAtQuantile(0.9999)), Millis(kRoundTrip), 0.01);
}

TEST_F(StallTest, SlicesOfTimeShowWhenItWas) {
  EchoLoadOptions options{.connections = 10};
  options.rate = SendRate{.per_second = 1000};
  const LoadOutcome outcome =
      Run(std::make_unique<EchoLoad>(client_loop_, server_.address(), options), plan_);
  ASSERT_EQ(outcome.slices.size(), 200u);
  uint64_t sum = 0;
  for (size_t i = 0; i < outcome.slices.size(); ++i) {
    sum += outcome.slices[i].messages;
    // From the measured time's start, one second after the load's, the stall is from 4.0 to 4.5 s.
    if (i >= 41 && i < 45) {
      EXPECT_EQ(outcome.slices[i].messages, 0u) << i;
    } else if (i < 40 || i > 45) {
      EXPECT_NEAR(static_cast<double>(outcome.slices[i].messages), 100, 1) << i;
    }
  }
  EXPECT_EQ(sum, outcome.counts.messages);
  EXPECT_NEAR(static_cast<double>(outcome.first_half_messages), 10000, 2);
}

TEST_F(StallTest, OpenConnectionsCountFromTheIntendedTimeToo) {
  ChurnLoadOptions options{.lanes = 2};
  options.rate = SendRate{.per_second = 100};
  const LoadOutcome outcome =
      Run(std::make_unique<ChurnLoad>(client_loop_, server_.address(), options), plan_);
  const Histogram& latency = outcome.counts.latency;
  EXPECT_TRUE(outcome.errors.empty()) << outcome.errors.begin()->first;
  EXPECT_EQ(latency.count(), 2000u);
  // Handshake, then the echo.
  EXPECT_DOUBLE_EQ(Millis(latency.ValueAtQuantile(0.5)), 2 * Millis(kRoundTrip));
  // Fifty fall due in the stall. Two of them hold the lanes, the others wait for one.
  EXPECT_GE(latency.ValueAtQuantile(1 - 30.0 / 2000), milliseconds(200));
  EXPECT_GE(outcome.counts.send_lag.max(), milliseconds(400));
}

TEST(OpenLoopTest, LatencyCountsFromTheIntendedTimeIfTheSenderIsLate) {
  SimOptions machine;
  machine.delay_min = machine.delay_max = kOneWay;
  machine.faults.timer_late = 0.1;
  machine.faults.timer_late_max = milliseconds(20);
  Simulation sim(machine);
  EventLoop& server_loop = sim.AddLoop("server");
  EventLoop& client_loop = sim.AddLoop("client");
  StallingServer server(server_loop, kNever, kNever);
  EchoLoadOptions options{.connections = 4};
  options.rate = SendRate{.per_second = 100};
  EchoLoad load(client_loop, server.address(), options);
  load.Connect();
  ASSERT_TRUE(sim.RunUntil([&] { return load.connected(); }, seconds(1)));
  load.Start(sim.now());
  sim.RunFor(seconds(10));
  load.Stop();
  ASSERT_TRUE(sim.RunUntil([&] { return load.idle(); }, seconds(1)));
  const LoadCounts& counts = load.counts();
  EXPECT_GE(counts.send_lag.max(), milliseconds(5));
  EXPECT_EQ(counts.latency.max(), counts.send_lag.max() + kRoundTrip);
  EXPECT_EQ(counts.latency.min(), kRoundTrip);
  EXPECT_GE(counts.messages, 999u) << "a late one does not move the next ones";
}

TEST(OpenLoopTest, AServerThatNeverAnswersCostsNoMemoryWithoutEnd) {
  Simulation sim;
  EventLoop& server_loop = sim.AddLoop("server");
  EventLoop& client_loop = sim.AddLoop("client");
  StallingServer server(server_loop, sim.now(), kNever);
  EchoLoadOptions options{.connections = 4};
  options.rate = SendRate{.per_second = 1000};
  options.max_backlog_messages = 100;
  const LoadPlan plan{.warmup = Duration(0), .duration = seconds(1), .patience = seconds(3)};
  MeasuredLoad measured(client_loop,
                        std::make_unique<EchoLoad>(client_loop, server.address(), options), nullptr,
                        plan);
  bool ready = false;
  bool done = false;
  measured.Connect([&] { ready = true; });
  ASSERT_TRUE(sim.RunUntil([&] { return ready; }, seconds(1)));
  measured.Start(sim.now(), [&] { done = true; });
  ASSERT_TRUE(sim.RunUntil([&] { return done; }, seconds(60)));
  const LoadOutcome outcome = measured.outcome();
  EXPECT_EQ(outcome.counts.messages, 0u);
  EXPECT_EQ(outcome.unanswered, 100u);
  EXPECT_EQ(outcome.errors.at("no answer at the end"), 100u);
  EXPECT_EQ(outcome.errors.at("not sent: 100 messages without an answer"), 900u);
  // To leave out who was never answered would flatter the server: they waited so long at least.
  EXPECT_EQ(outcome.counts.latency.count(), 100u);
  EXPECT_GE(outcome.counts.latency.min(), plan.patience);
}

TEST(OpenLoopTest, BytesBoundTheBacklogToo) {
  Simulation sim;
  EventLoop& server_loop = sim.AddLoop("server");
  EventLoop& client_loop = sim.AddLoop("client");
  StallingServer server(server_loop, sim.now(), kNever);
  EchoLoadOptions options{.connections = 1, .message_bytes = 1000};
  options.rate = SendRate{.per_second = 1000};
  options.max_backlog_bytes = 10000;
  EchoLoad load(client_loop, server.address(), options);
  load.Connect();
  ASSERT_TRUE(sim.RunUntil([&] { return load.connected(); }, seconds(1)));
  load.Start(sim.now());
  sim.RunFor(seconds(1));
  EXPECT_EQ(load.in_flight(), 10u);
  EXPECT_GE(load.errors().at("not sent: 10 messages without an answer"), 900u);
}

}  // namespace
}  // namespace spindle::bench
