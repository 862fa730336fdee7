// Labs in the real kernel, skipped where they are not allowed. Times are only ever bounded from
// below: no machine is too slow for that.

#include "bench/netlab/netlab.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/owned_fd.h"
#include "bench/load/local_server.h"
#include "bench/load/service.h"
#include "bench/netlab/kernel_link.h"
#include "bench/netlab/link_model.h"
#include "bench/netlab/net_namespace.h"
#include "gtest/gtest.h"
#include "net/types/socket_address.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

using std::chrono::milliseconds;

// The sockets of this file block.
OwnedFd Socket(const SocketAddress& like, int type) {
  return OwnedFd(socket(like.family(), type | SOCK_CLOEXEC, 0));
}

bool Bind(const OwnedFd& fd, const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0;
}

bool Connect(const OwnedFd& fd, const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0;
}

uint16_t PortOf(const OwnedFd& fd) {
  sockaddr_storage storage;
  socklen_t length = sizeof storage;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
  return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), length).port();
}

size_t EntriesOf(const char* path) {
  DIR* const folder = opendir(path);
  size_t entries = 0;
  while (readdir(folder) != nullptr) ++entries;
  closedir(folder);
  return entries;
}

std::vector<std::string> Devices() {
  std::vector<std::string> names;
  struct if_nameindex* const devices = if_nameindex();
  for (const struct if_nameindex* device = devices; device->if_index != 0; ++device) {
    names.push_back(device->if_name);
  }
  if_freenameindex(devices);
  return names;
}

class NetlabTest : public ::testing::Test {
 protected:
  // Null, and the test to be left, where it is not allowed.
  std::unique_ptr<Netlab> Make(const NetlabOptions& options) {
    absl::StatusOr<std::unique_ptr<Netlab>> lab = Netlab::Create(options);
    if (lab.ok()) return *std::move(lab);
    EXPECT_TRUE(absl::IsUnavailable(lab.status())) << lab.status();
    why_not_ = std::string(lab.status().message());
    return nullptr;
  }

  // A server of the library, in the server's namespace, which sends everything back.
  std::unique_ptr<LocalServer> Echo(const Netlab& lab, const SocketAddress& address) {
    const absl::StatusOr<NamespaceScope> scope = lab.EnterServer();
    EXPECT_TRUE(scope.ok()) << scope.status();
    absl::StatusOr<std::unique_ptr<LocalServer>> server =
        LocalServer::Start({.address = address, .mode = ServiceMode::kEcho, .workers = 1});
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  // A socket in the client's namespace.
  OwnedFd ClientSocket(const Netlab& lab, const SocketAddress& peer, int type) {
    const absl::StatusOr<NamespaceScope> scope = lab.EnterClient();
    EXPECT_TRUE(scope.ok()) << scope.status();
    return Socket(peer, type);
  }

  // A bound datagram socket on the server's side.
  OwnedFd ServerDatagrams(const Netlab& lab) {
    const absl::StatusOr<NamespaceScope> scope = lab.EnterServer();
    OwnedFd fd = Socket(lab.server(), SOCK_DGRAM);
    EXPECT_TRUE(Bind(fd, lab.server()));
    return fd;
  }

  void ExpectEchoTakesAtLeast(const Netlab& lab, const SocketAddress& server_ip, Duration rtt) {
    const std::unique_ptr<LocalServer> server = Echo(lab, server_ip);
    const OwnedFd client = ClientSocket(lab, server->address(), SOCK_STREAM);
    TimePoint start = Clock::now();
    ASSERT_TRUE(Connect(client, server->address())) << errno;
    EXPECT_GE(Clock::now() - start, rtt) << "the handshake";
    for (int i = 0; i < 3; ++i) {
      char byte = 'x';
      start = Clock::now();
      ASSERT_EQ(send(client.get(), &byte, 1, 0), 1);
      ASSERT_EQ(recv(client.get(), &byte, 1, 0), 1);
      EXPECT_GE(Clock::now() - start, rtt);
    }
  }

  // Sends through the lab to a datagram socket that nobody reads.
  void Flood(const Netlab& lab, int packets, size_t bytes) {
    const OwnedFd sink = ServerDatagrams(lab);
    const OwnedFd source = ClientSocket(lab, lab.server(), SOCK_DGRAM);
    ASSERT_TRUE(Connect(source, lab.server(PortOf(sink))));
    const std::string data(bytes, 'x');
    for (int i = 0; i < packets; ++i) {
      ASSERT_EQ(send(source.get(), data.data(), data.size(), 0), static_cast<ssize_t>(bytes));
    }
  }

  template <class Condition>
  NetlabStats WaitFor(const Netlab& lab, Condition done) {
    while (true) {
      absl::StatusOr<NetlabStats> stats = lab.Stats();
      EXPECT_TRUE(stats.ok()) << stats.status();
      if (!stats.ok() || done(*stats)) return *std::move(stats);
    }
  }

  Watchdog watchdog_{std::chrono::seconds(240)};
  std::string why_not_;
};

#define SPINDLE_MAKE_OR_SKIP(lab, ...)                         \
  const std::unique_ptr<Netlab> lab_owner = Make(__VA_ARGS__); \
  if (lab_owner == nullptr) GTEST_SKIP() << why_not_;          \
  const Netlab& lab = *lab_owner

TEST_F(NetlabTest, HandshakeAndEchoTakeAtLeastTheRtt) {
  SPINDLE_MAKE_OR_SKIP(lab, {.rtt = milliseconds(20)});
  EXPECT_EQ(lab.engine(), NetlabEngine::kBox);
  ExpectEchoTakesAtLeast(lab, lab.server(), milliseconds(20));
  const absl::StatusOr<NetlabStats> stats = lab.Stats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_GE(stats->to_server.packets, 5u);
  EXPECT_GE(stats->to_client.packets, 4u);
  EXPECT_EQ(stats->to_server.lab_dropped + stats->to_client.lab_dropped, 0u);
}

TEST_F(NetlabTest, TheSameOverIpv6) {
  SPINDLE_MAKE_OR_SKIP(lab, {.rtt = milliseconds(20)});
  if (lab.server_v6().is_unspecified()) GTEST_SKIP() << "no IPv6";
  ExpectEchoTakesAtLeast(lab, lab.server_v6(), milliseconds(20));
}

TEST_F(NetlabTest, JitterNeverMakesItFaster) {
  SPINDLE_MAKE_OR_SKIP(lab, {.rtt = milliseconds(10), .jitter = milliseconds(5), .seed = 4});
  ExpectEchoTakesAtLeast(lab, lab.server(), milliseconds(10));
}

TEST_F(NetlabTest, WithALossOfAllNothingArrives) {
  SPINDLE_MAKE_OR_SKIP(lab, {.loss = 1});
  const OwnedFd sink = ServerDatagrams(lab);
  const OwnedFd source = ClientSocket(lab, lab.server(), SOCK_DGRAM);
  ASSERT_TRUE(Connect(source, lab.server(PortOf(sink))));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(send(source.get(), "x", 1, 0), 1);
  const NetlabStats stats =
      WaitFor(lab, [](const NetlabStats& s) { return s.to_server.lost >= 20; });
  EXPECT_EQ(stats.to_server.packets, 0u);
  char byte = 0;
  EXPECT_EQ(recv(sink.get(), &byte, 1, MSG_DONTWAIT), -1);
  EXPECT_EQ(errno, EAGAIN);
}

// Sends a stream one way and back; what arrived in the time cannot be more than the rate lets
// through.
void ExpectRateBounds(const Netlab& lab, const OwnedFd& client, uint64_t bits_per_second,
                      uint64_t burst_bytes) {
  constexpr size_t kBytes = 300'000;
  const std::string data(10'000, 'x');
  std::string back(10'000, ' ');
  const TimePoint start = Clock::now();
  size_t received = 0;
  for (size_t sent = 0; sent < kBytes; sent += data.size()) {
    ASSERT_EQ(send(client.get(), data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
    for (size_t got = 0; got < data.size();) {
      const ssize_t size = recv(client.get(), back.data(), back.size(), 0);
      ASSERT_GT(size, 0);
      got += static_cast<size_t>(size);
      received += static_cast<size_t>(size);
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  EXPECT_LE(static_cast<double>(received),
            static_cast<double>(bits_per_second) / 8 * seconds + static_cast<double>(burst_bytes));
  const absl::StatusOr<NetlabStats> stats = lab.Stats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_GE(stats->to_server.bytes, received);
  EXPECT_GE(stats->to_client.bytes, received);
}

TEST_F(NetlabTest, TheBoxBoundsThroughput) {
  SPINDLE_MAKE_OR_SKIP(lab, {.bits_per_second = 20'000'000, .engine = NetlabEngine::kBox});
  const std::unique_ptr<LocalServer> server = Echo(lab, lab.server());
  const OwnedFd client = ClientSocket(lab, server->address(), SOCK_STREAM);
  ASSERT_TRUE(Connect(client, server->address()));
  ExpectRateBounds(lab, client, 20'000'000, 0);
}

TEST_F(NetlabTest, TbfBoundsThroughput) {
  SPINDLE_MAKE_OR_SKIP(lab, {.bits_per_second = 20'000'000, .engine = NetlabEngine::kTbf});
  EXPECT_EQ(lab.engine(), NetlabEngine::kTbf);
  const std::unique_ptr<LocalServer> server = Echo(lab, lab.server());
  const OwnedFd client = ClientSocket(lab, server->address(), SOCK_STREAM);
  ASSERT_TRUE(Connect(client, server->address()));
  ExpectRateBounds(lab, client, 20'000'000, TbfBurstBytes(20'000'000));
}

TEST_F(NetlabTest, NetemDelaysWhereTheKernelHasIt) {
  SPINDLE_MAKE_OR_SKIP(lab, {.rtt = milliseconds(20), .engine = NetlabEngine::kNetem});
  EXPECT_EQ(lab.engine(), NetlabEngine::kNetem);
  ExpectEchoTakesAtLeast(lab, lab.server(), milliseconds(20));
}

TEST_F(NetlabTest, OnlyARateMeansTbfIfThereIsOne) {
  SPINDLE_MAKE_OR_SKIP(lab, {.bits_per_second = 20'000'000});
  EXPECT_EQ(lab.engine(), ProbeNetlab().tbf.ok() ? NetlabEngine::kTbf : NetlabEngine::kBox);
}

TEST_F(NetlabTest, TheQueueDropsAndTheDropsAreCounted) {
  // A packet of 128 bytes takes 10 ms: far more come than leave.
  SPINDLE_MAKE_OR_SKIP(
      lab, {.bits_per_second = 102'400, .queue_packets = 5, .engine = NetlabEngine::kBox});
  Flood(lab, 200, 100);
  const NetlabStats stats = WaitFor(lab, [](const NetlabStats& s) {
    return s.to_server.packets + s.to_server.queue_full >= 200;
  });
  EXPECT_GT(stats.to_server.queue_full, 0u);
  EXPECT_EQ(stats.to_server.max_queue, 5u);
  EXPECT_EQ(stats.to_server.lost, 0u);
}

TEST_F(NetlabTest, TbfDropsAndTheDropsAreCounted) {
  SPINDLE_MAKE_OR_SKIP(
      lab, {.bits_per_second = 100'000, .queue_packets = 5, .engine = NetlabEngine::kTbf});
  Flood(lab, 400, 1000);
  // The first packets wait for the neighbour's link address, before the queue.
  WaitFor(lab, [](const NetlabStats& s) { return s.to_server.queue_full > 0; });
}

TEST_F(NetlabTest, TwoLabsDoNotSeeEachOther) {
  SPINDLE_MAKE_OR_SKIP(one, {.rtt = milliseconds(1)});
  const std::unique_ptr<Netlab> two = Make({.rtt = milliseconds(2)});
  ASSERT_NE(two, nullptr) << why_not_;
  const std::unique_ptr<LocalServer> server_one = Echo(one, one.server());
  const SocketAddress address = server_one->address();
  const OwnedFd stranger = ClientSocket(*two, address, SOCK_STREAM);
  EXPECT_FALSE(Connect(stranger, address));
  EXPECT_EQ(errno, ECONNREFUSED);
  const std::unique_ptr<LocalServer> server_two = Echo(*two, address);
  EXPECT_EQ(server_two->address(), address) << "the port is free there";
}

TEST_F(NetlabTest, NothingShowsOutsideAndNothingIsLeft) {
  const std::vector<std::string> devices = Devices();
  if (Make({}) == nullptr) GTEST_SKIP() << why_not_;
  const size_t descriptors = EntriesOf("/proc/self/fd");
  const size_t threads = EntriesOf("/proc/self/task");
  for (const NetlabOptions& options :
       {NetlabOptions{.rtt = milliseconds(1)}, NetlabOptions{.bits_per_second = 1'000'000}}) {
    const std::unique_ptr<Netlab> lab = Make(options);
    ASSERT_NE(lab, nullptr) << why_not_;
    EXPECT_EQ(Devices(), devices);
    const absl::StatusOr<NamespaceScope> scope = lab->EnterClient();
    EXPECT_EQ(Devices(), (std::vector<std::string>{"lo", "lab0"}));
  }
  EXPECT_EQ(Devices(), devices);
  EXPECT_EQ(EntriesOf("/proc/self/fd"), descriptors);
  // A thread that has been joined may be listed for a moment longer.
  while (EntriesOf("/proc/self/task") > threads) {
  }
}

TEST_F(NetlabTest, RefusesWhatCannotBe) {
  const std::vector<NetlabOptions> wrong = {
      {.rtt = Duration(-1)},
      {.rtt = std::chrono::hours(2)},
      {.jitter = Duration(-1)},
      {.queue_packets = 0},
      {.loss = 1.1},
      {.loss = -0.1},
      {.engine = NetlabEngine::kTbf},
      {.rtt = milliseconds(1), .bits_per_second = 1000, .engine = NetlabEngine::kTbf},
      {.bits_per_second = 1000, .loss = 0.1, .engine = NetlabEngine::kTbf},
      {.jitter = milliseconds(1), .engine = NetlabEngine::kNetem},
  };
  for (const NetlabOptions& options : wrong) {
    const absl::Status status = Netlab::Create(options).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  }
}

}  // namespace
}  // namespace spindle::bench
