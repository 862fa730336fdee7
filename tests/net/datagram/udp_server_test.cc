// One socket per loop.

#include "net/datagram/udp_server.h"

#include <errno.h>

#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/errno_status.h"
#include "base/mutex.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "tests/net/datagram/datagram_world.h"
#include "tests/testing/own_network.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

class UdpServerTest : public DatagramTest {
 protected:
  void StartPool(size_t workers) {
    pool_ = *EventLoopThreadPool::Start(*loop_, {.workers = workers});
    // A predicate of RunUntil may depend on other threads.
    loop_->RunEvery(std::chrono::milliseconds(1), [] {});
  }
  std::unique_ptr<UdpServer> Serve(DatagramCallbacks callbacks, UdpServerOptions options = {}) {
    auto server = UdpServer::Bind(*pool_, SocketAddress::LoopbackV4(0), std::move(callbacks),
                                  std::move(options));
    SPINDLE_CHECK(server.ok()) << server.status().ToString();
    return *std::move(server);
  }
  void TearDown() override {
    pool_.reset();
    DatagramTest::TearDown();
  }

  std::unique_ptr<EventLoopThreadPool> pool_;
};

DatagramCallbacks Echo() {
  return {.on_datagram = [](UdpSocket& socket, const Datagram& datagram) {
    socket.Reply(datagram, datagram.data());
  }};
}

// Many peers are spread over the loops, one peer always meets the same one.
TEST_F(UdpServerTest, SpreadsPeersAndKeepsThem) {
  StartPool(3);
  Mutex mutex;
  std::map<uint16_t, std::vector<uint32_t>> loops;  // By peer's port.
  const auto server = Serve({.on_datagram = [&](UdpSocket& socket, const Datagram& datagram) {
    EXPECT_TRUE(socket.loop().IsInLoop());
    {
      MutexLock lock(mutex);
      loops[datagram.peer().port()].push_back(socket.loop().index());
    }
    socket.Reply(datagram, datagram.data());
  }});
  constexpr size_t kPeers = 100;
  std::vector<std::unique_ptr<RawUdp>> peers;
  for (size_t i = 0; i < kPeers; ++i) peers.push_back(std::make_unique<RawUdp>());
  for (int round = 0; round < 3; ++round) {
    for (const auto& peer : peers) ASSERT_TRUE(peer->SendTo("x", server->address()));
  }
  ASSERT_TRUE(RunUntil([&] { return server->stats().total.datagrams_sent == 3 * kPeers; }));
  for (const auto& peer : peers) EXPECT_EQ(peer->ReceiveAll(), (Strings{"x", "x", "x"}));
  MutexLock lock(mutex);
  std::map<uint32_t, size_t> used;
  for (const auto& [port, at] : loops) {
    ++used[at.front()];
    for (const uint32_t index : at) EXPECT_EQ(index, at.front());
  }
  EXPECT_EQ(used.size(), 3u);
  const UdpServerStats stats = server->stats();
  EXPECT_EQ(stats.per_loop.size(), 3u);
  EXPECT_EQ(stats.total.datagrams_received, 3 * kPeers);
}

TEST_F(UdpServerTest, OneLoopDoesEverything) {
  StartPool(0);
  const auto server = Serve(Echo());
  RawUdp peer;
  ASSERT_TRUE(peer.SendTo("x", server->address()));
  ASSERT_TRUE(RunUntil([&] { return server->stats().total.datagrams_sent == 1; }));
  EXPECT_EQ(peer.ReceiveAll(), Strings{"x"});
}

// SO_REUSEPORT alone would let a second server, of whatever process of this user, take half of the
// peers without a word.
TEST_F(UdpServerTest, AddressInUseIsAnError) {
  StartPool(2);
  const auto server = Serve(Echo());
  const auto again = UdpServer::Bind(*pool_, server->address(), Echo());
  EXPECT_EQ(ErrnoOf(again.status()), EADDRINUSE) << again.status();
  EXPECT_NE(again.status().message().find(server->address().ToString()), std::string::npos);
  UdpServerOptions shared = {.share_with_other_processes = true};
  auto first = UdpServer::Bind(*pool_, SocketAddress::LoopbackV4(0), Echo(), shared);
  ASSERT_TRUE(first.ok());
  auto second = UdpServer::Bind(*pool_, (*first)->address(), Echo(), shared);
  EXPECT_TRUE(second.ok()) << second.status();
}

// Where there is one port alone. The kernel would give it to both.
TEST(UdpServerPortTest, PortOfTheKernelsChoiceIsNobodyElses) {
  const int result = RunInOwnNetwork([] {
    std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
    if (!(range << "41000 41000" << std::flush)) return kNoOwnNetwork;
    const auto loop = *EventLoop::Create();
    const auto pool = *EventLoopThreadPool::Start(*loop, {.workers = 2});
    const auto first = UdpServer::Bind(*pool, SocketAddress::AnyV4(0), {});
    EXPECT_TRUE(first.ok()) << first.status();
    if (!first.ok()) return 1;
    EXPECT_EQ((*first)->address().port(), 41000);
    const auto second = UdpServer::Bind(*pool, SocketAddress::AnyV4(0), {});
    EXPECT_EQ(ErrnoOf(second.status()), EADDRINUSE) << second.status();
    return 0;
  });
  if (result == kNoOwnNetwork) GTEST_SKIP() << "no network namespace, or no sysctl in it";
  EXPECT_EQ(result, 0);
}

TEST_F(UdpServerTest, BadAddressesAndOptionsAreErrors) {
  StartPool(2);
  const LeakCheck leaks;
  EXPECT_EQ(UdpServer::Bind(*pool_, *SocketAddress::UnixAbstract("x"), Echo()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(UdpServer::Bind(*pool_, SocketAddress(), Echo()).ok());
  EXPECT_FALSE(
      UdpServer::Bind(*pool_, SocketAddress::LoopbackV4(0), Echo(), {.socket = {.batch_size = 0}})
          .ok());
  EXPECT_EQ(ErrnoOf(UdpServer::Bind(*pool_, *SocketAddress::Parse("192.0.2.1:0"), Echo()).status()),
            EADDRNOTAVAIL);
  leaks.ExpectUnchanged();
}

TEST_F(UdpServerTest, HandlesSendFromAnyThread) {
  StartPool(2);
  const auto server = Serve(Echo());
  RawUdp peer;
  ASSERT_EQ(server->handles().size(), 2u);
  std::thread other([&] {
    for (const UdpHandle& handle : server->handles()) {
      EXPECT_TRUE(handle.SendTo("pushed", peer.address()));
    }
  });
  other.join();
  Strings heard;
  SocketAddress from;
  ASSERT_TRUE(RunUntil([&] {
    if (auto data = peer.Receive(&from)) {
      heard.push_back(*data);
      EXPECT_EQ(from, server->address());
    }
    return heard.size() == 2;
  }));
  EXPECT_EQ(heard, (Strings{"pushed", "pushed"}));
}

// From a worker's callback, while all workers are busy with datagrams.
TEST_F(UdpServerTest, DestroyedInACallbackUnderLoad_D1) {
  StartPool(3);
  for (int round = 0; round < 20; ++round) {
    std::unique_ptr<UdpServer> server;
    std::atomic<int> calls{0};
    std::atomic<bool> gone{false};
    server = Serve({.on_datagram = [&](UdpSocket& socket, const Datagram& datagram) {
      EXPECT_FALSE(gone.load());
      socket.Reply(datagram, datagram.data());
      if (calls.fetch_add(1) != 30) return;
      server.reset();
      gone = true;
    }});
    const SocketAddress address = server->address();
    std::vector<std::unique_ptr<RawUdp>> peers;
    for (int i = 0; i < 60; ++i) {
      peers.push_back(std::make_unique<RawUdp>());
      ASSERT_TRUE(peers.back()->SendTo("x", address));
    }
    ASSERT_TRUE(RunUntil([&] { return gone.load(); }));
    const int last = calls.load();
    for (const auto& peer : peers) peer->SendTo("y", address);
    Settle(20);
    EXPECT_EQ(calls.load(), last);
  }
}

TEST_F(UdpServerTest, OutlivesItsPool) {
  StartPool(2);
  const auto server = Serve(Echo());
  pool_.reset();
  EXPECT_EQ(server->stats().total.datagrams_received, 0u);
  EXPECT_FALSE(server->handles()[0].SendTo("x", server->address()));
}

}  // namespace
}  // namespace spindle
