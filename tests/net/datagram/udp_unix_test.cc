// Unix datagram sockets: the same class, other addresses, and a kernel that keeps what it takes.

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "net/datagram/udp_socket.h"
#include "tests/net/datagram/datagram_world.h"
#include "tests/testing/unique_name.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

class UdpUnixTest : public DatagramTest {
 protected:
  UdpUnixTest() {
    // Short: the test's own folder may have a name that is longer than an address.
    char folder[] = "/tmp/spindle-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~UdpUnixTest() override {
    for (const char* name : {"a", "b"}) unlink((folder_ + "/" + name).c_str());
    EXPECT_EQ(rmdir(folder_.c_str()), 0);
  }
  SocketAddress Path(const char* name) { return *SocketAddress::UnixPath(folder_ + "/" + name); }
  bool Exists(const char* name) { return access((folder_ + "/" + name).c_str(), F_OK) == 0; }
  SocketAddress Abstract() { return *SocketAddress::UnixAbstract(UniqueName("spindle-udp-")); }

  std::string folder_;
};

DatagramCallbacks Echo() {
  return {.on_datagram = [](UdpSocket& socket, const Datagram& datagram) {
    socket.Reply(datagram, datagram.data());
  }};
}

TEST_F(UdpUnixTest, PathsAndAbstractNamesTalk) {
  for (const SocketAddress& address : {Path("a"), Abstract()}) {
    const auto server = Bind(Echo(), {}, address);
    EXPECT_EQ(server->local_address(), address);
    const auto client = Connect(address, Noting());
    EXPECT_EQ(client->local_address().kind(), SocketAddress::Kind::kUnixAbstract)
        << "so that it can be answered";
    heard_.clear();
    for (const std::string_view data : {"", "a", ""}) ASSERT_TRUE(client->Send(data).ok());
    ASSERT_TRUE(client->Send(std::string(100'000, 'x')).ok()) << "no limit of 64 KiB";
    Settle();
    EXPECT_EQ(heard_, (Strings{"", "a", "", std::string(65535, 'x')}));
    EXPECT_EQ(peers_.back(), address);
    EXPECT_EQ(server->stats().truncated, 1u);
  }
  EXPECT_FALSE(Exists("a")) << "removed with its socket";
}

TEST_F(UdpUnixTest, SenderWithoutANameCannotBeAnswered) {
  IoError error;
  SocketAddress peer;
  const auto server = Bind({.on_datagram =
                                [&](UdpSocket& socket, const Datagram& datagram) {
                                  heard_.emplace_back(datagram.data());
                                  peer = datagram.peer();
                                  error = socket.Reply(datagram, "x");
                                }},
                           {}, Abstract());
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_storage storage;
  const socklen_t length = server->local_address().ToSockaddr(&storage);
  ASSERT_EQ(sendto(fd, "q", 1, 0, reinterpret_cast<sockaddr*>(&storage), length), 1);
  close(fd);
  Settle();
  EXPECT_EQ(heard_, Strings{"q"});
  EXPECT_EQ(peer.kind(), SocketAddress::Kind::kUnixUnnamed);
  EXPECT_EQ(error.code(), EDESTADDRREQ);
  EXPECT_EQ(server->SendTo("x", peer).code(), EDESTADDRREQ);
}

// Live, stale, not a socket, replaced by somebody else's: only what is dead is taken over, and only
// what is ours is removed.
TEST_F(UdpUnixTest, PathsOfOthersAreLeftAlone_X1) {
  auto live = Bind({}, {}, Path("a"));
  EXPECT_EQ(ErrnoOf(UdpSocket::Bind(*loop_, Path("a"), {}).status()), EADDRINUSE);
  EXPECT_TRUE(Exists("a"));
  live.reset();

  { RawUdp dead(Path("a")); }
  EXPECT_TRUE(Exists("a"));
  auto heir = Bind({}, {}, Path("a"));
  unlink((folder_ + "/a").c_str());
  RawUdp usurper(Path("a"));
  heir.reset();
  EXPECT_TRUE(Exists("a")) << "somebody else's by now";

  fclose(fopen((folder_ + "/b").c_str(), "w"));
  EXPECT_EQ(ErrnoOf(UdpSocket::Bind(*loop_, Path("b"), {}).status()), EADDRINUSE);
  EXPECT_TRUE(Exists("b"));
}

TEST_F(UdpUnixTest, NobodyThere) {
  EXPECT_EQ(ErrnoOf(UdpSocket::Connect(*loop_, Path("a"), {}).status()), ENOENT);
  { RawUdp dead(Path("a")); }
  EXPECT_EQ(ErrnoOf(UdpSocket::Connect(*loop_, Path("a"), {}).status()), ECONNREFUSED);
  const auto socket = Bind(Noting(), {}, Abstract());
  ASSERT_TRUE(socket->SendTo("x", Path("a")).ok());
  ASSERT_TRUE(socket->SendTo("y", Path("b")).ok());
  EXPECT_LT(Settle(), 5);
  ASSERT_EQ(errors_.size(), 2u);
  EXPECT_EQ(errors_[0].error.code(), ECONNREFUSED);
  EXPECT_EQ(errors_[0].peer, Path("a"));
  EXPECT_EQ(errors_[1].error.code(), ENOENT);
  EXPECT_EQ(errors_[1].peer, Path("b"));
}

// A peer that does not read must hold up neither the other peers nor the loop.
TEST_F(UdpUnixTest, FullQueueOfOnePeerIsItsOwnLoss) {
  RawUdp slow(Abstract()), fast(Abstract());
  const auto socket = Bind(Noting(), {}, Abstract());
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(socket->SendTo("s", slow.address()).ok());
  ASSERT_TRUE(socket->SendTo("f", fast.address()).ok());
  Settle();
  EXPECT_EQ(fast.ReceiveAll(), Strings{"f"});
  EXPECT_FALSE(errors_.empty());
  for (const DatagramError& error : errors_) {
    EXPECT_EQ(error.error.code(), EAGAIN);
    EXPECT_EQ(error.peer, slow.address());
  }
  const UdpStats stats = socket->stats();
  EXPECT_EQ(stats.send_errors + stats.datagrams_sent, 601u);
  EXPECT_EQ(slow.ReceiveAll().size(), stats.datagrams_sent - 1);
}

TEST_F(UdpUnixTest, PeerThatDiesIsToldAndNotFatal) {
  auto peer = std::make_unique<RawUdp>(Path("a"));
  const auto socket = Connect(Path("a"), Noting());
  peer.reset();
  ASSERT_TRUE(socket->Send("x").ok());
  EXPECT_LT(Settle(), 10);
  ASSERT_FALSE(errors_.empty());
  EXPECT_EQ(errors_[0].error.code(), ECONNREFUSED);
  RawUdp other(Path("b"));
  ASSERT_TRUE(socket->ConnectTo(Path("b")).ok());
  ASSERT_TRUE(socket->Send("y").ok());
  Settle();
  EXPECT_EQ(other.ReceiveAll(), Strings{"y"});
}

TEST_F(UdpUnixTest, WhatIsForIpIsRefused) {
  const auto socket = Bind(Noting(), {}, Abstract());
  EXPECT_FALSE(socket->SetTtl(3).ok());
  EXPECT_FALSE(socket->SetMulticastInterface(1).ok());
  EXPECT_FALSE(socket->JoinGroup(*SocketAddress::FromIp("239.1.1.1", 0)).ok());
  EXPECT_FALSE(socket->Disconnect().ok());
  EXPECT_EQ(socket->SendTo("x", SocketAddress::LoopbackV4(9)).code(), EAFNOSUPPORT);
  EXPECT_EQ(socket->SendTo("x", Path("a"), {.interface = 1}).code(), EAFNOSUPPORT);
}

}  // namespace
}  // namespace spindle
