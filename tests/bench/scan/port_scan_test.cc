#include "bench/scan/port_scan.h"

#include <errno.h>
#include <sys/socket.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/syscalls.h"
#include "bench/load/run_until.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

using std::chrono::milliseconds;

// Bound to a port of the kernel's choice. With a backlog it listens there, else it keeps the port
// from others.
class BoundSocket {
 public:
  explicit BoundSocket(std::optional<int> backlog = std::nullopt)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage storage;
    socklen_t length = SocketAddress::LoopbackV4(0).ToSockaddr(&storage);
    auto* const generic = reinterpret_cast<sockaddr*>(&storage);
    EXPECT_EQ(bind(socket_.fd(), generic, length), 0);
    if (backlog.has_value()) {
      EXPECT_EQ(listen(socket_.fd(), *backlog), 0);
    }
    length = sizeof storage;
    EXPECT_EQ(getsockname(socket_.fd(), generic, &length), 0);
    address_ = SocketAddress::FromSockaddr(generic, length);
  }
  const SocketAddress& address() const { return address_; }

 private:
  RawPeer socket_;
  SocketAddress address_;
};

class PortScanTest : public LeakCheckTest {
 protected:
  // Scans to the end; the results by target.
  std::vector<PortResult> Scan(const std::vector<SocketAddress>& targets,
                               const ScanOptions& options, Syscalls& syscalls = Syscalls::Real()) {
    const auto loop = EventLoop::Create({.syscalls = &syscalls});
    std::map<size_t, PortResult> results;
    bool done = false;
    PortScan scan(
        **loop, targets, options,
        [&](const PortResult& result) {
          EXPECT_TRUE(results.emplace(result.target, result).second) << "told twice";
        },
        [&] { done = true; });
    scan.Start();
    EXPECT_TRUE(results.empty() && !done) << "never inside Start";
    EXPECT_TRUE(RunUntil(**loop, [&] { return done; }).ok());
    EXPECT_EQ(results.size(), targets.size());
    parallel_ = scan.parallel();
    turns_ = (*loop)->Stats().turns;
    std::vector<PortResult> all;
    for (const auto& [target, result] : results) all.push_back(result);
    return all;
  }

  const Watchdog watchdog_{std::chrono::minutes(4)};
  size_t parallel_ = 0;
  uint64_t turns_ = 0;
};

TEST_F(PortScanTest, OpenClosedAndFilteredAreToldApart) {
  const BoundSocket open(16);
  const BoundSocket closed;
  const BoundSocket full(0);
  std::vector<RawPeer> fillers;
  for (int i = 0; i < 4; ++i) fillers.push_back(RawPeer::Connect(full.address()));
  const auto results =
      Scan({open.address(), closed.address(), full.address()}, {.timeout = milliseconds(50)});
  EXPECT_EQ(results[0].state, PortState::kOpen);
  EXPECT_TRUE(results[0].error.ok());
  EXPECT_EQ(results[1].state, PortState::kClosed);
  EXPECT_EQ(results[1].error.code(), ECONNREFUSED);
  EXPECT_EQ(results[2].state, PortState::kFiltered);
  EXPECT_EQ(results[2].error.code(), ETIMEDOUT);
}

TEST_F(PortScanTest, ThousandsOfRefusedPortsCostFewTurnsAndLeaveNothing) {
  const BoundSocket closed;
  const auto results = Scan(std::vector<SocketAddress>(3000, closed.address()), {.parallel = 100});
  for (const PortResult& result : results) EXPECT_EQ(result.state, PortState::kClosed);
  // At most one for each, and not many more: it does not spin.
  EXPECT_LT(turns_, 4000u);
}

TEST_F(PortScanTest, OneAtATimeIsEnough) {
  const BoundSocket open(64);
  for (const PortResult& result :
       Scan(std::vector<SocketAddress>(40, open.address()), {.parallel = 1})) {
    EXPECT_EQ(result.state, PortState::kOpen);
  }
}

TEST_F(PortScanTest, NothingToDoIsDoneAtOnce) { EXPECT_TRUE(Scan({}, {}).empty()); }

// Says that there are too few descriptors while more than so many are open.
class FewDescriptors final : public Syscalls {
 public:
  explicit FewDescriptors(int most) : most_(most) {}
  int Socket(int domain, int type, int protocol) override {
    if (open_ >= most_) {
      ++refused_;
      return -EMFILE;
    }
    const int fd = Syscalls::Socket(domain, type, protocol);
    if (fd >= 0) ++open_;
    return fd;
  }
  int Close(int fd) override {
    --open_;
    return Syscalls::Close(fd);
  }
  void set_most(int most) { most_ = most; }
  int refused() const { return refused_; }

 private:
  int most_;
  int open_ = 0;
  int refused_ = 0;
};

TEST_F(PortScanTest, TooFewDescriptorsMakeItTryFewerAtOnce) {
  const BoundSocket open(256);
  const BoundSocket closed;
  std::vector<SocketAddress> targets(200, open.address());
  targets.resize(400, closed.address());
  FewDescriptors few(10);
  const auto results = Scan(targets, {.parallel = 256}, few);
  for (const PortResult& result : results) {
    EXPECT_EQ(result.state, result.target < 200 ? PortState::kOpen : PortState::kClosed);
  }
  EXPECT_LE(parallel_, 10u + 6u);
  EXPECT_GE(parallel_, 4u) << "no lower than it must";
  EXPECT_GT(few.refused(), 0);
  EXPECT_LT(few.refused(), 1000) << "it does not go on at full strength";
}

TEST_F(PortScanTest, NoDescriptorAtAllFailsInTheEnd) {
  const BoundSocket open(1);
  FewDescriptors none(0);
  const auto results = Scan({open.address()}, {}, none);
  EXPECT_EQ(results[0].state, PortState::kFailed);
  EXPECT_EQ(results[0].error.code(), EMFILE);
  EXPECT_LT(none.refused(), 200) << "it does not spin";
}

TEST_F(PortScanTest, TheRateIsKept) {
  const BoundSocket closed;
  const TimePoint began = Clock::now();
  Scan(std::vector<SocketAddress>(40, closed.address()), {.rate = 200});
  // The first goes at once, the last 39 intervals later; a rate has no upper bound on a busy
  // machine.
  EXPECT_GE(Clock::now() - began, milliseconds(39 * 5 - 100));
}

TEST_F(PortScanTest, ItMayBeDestroyedInItsLastCallbackAndAtAnyTime) {
  const BoundSocket open(16);
  const BoundSocket full(0);
  std::vector<RawPeer> fillers;
  for (int i = 0; i < 4; ++i) fillers.push_back(RawPeer::Connect(full.address()));
  const auto loop = EventLoop::Create();
  bool done = false;
  std::optional<PortScan> scan;
  scan.emplace(
      **loop, std::vector<SocketAddress>(5, open.address()), ScanOptions{},
      [](const PortResult&) {},
      [&] {
        scan.reset();
        done = true;
      });
  scan->Start();
  ASSERT_TRUE(RunUntil(**loop, [&] { return done; }).ok());
  int results = 0;
  scan.emplace(
      **loop, std::vector<SocketAddress>{open.address(), full.address()}, ScanOptions{},
      [&](const PortResult&) { ++results; }, [] { ADD_FAILURE(); });
  scan->Start();
  ASSERT_TRUE(RunUntil(**loop, [&] { return results == 1; }).ok());
  scan.reset();
}

}  // namespace
}  // namespace spindle::bench
