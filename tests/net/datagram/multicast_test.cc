// Groups and broadcasts, on a network of the test's own that has a card.

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "net/datagram/udp_socket.h"
#include "net/loop/event_loop.h"
#include "tests/net/datagram/datagram_world.h"
#include "tests/testing/own_network.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

// An interface kCard with three IPv4 addresses and one of IPv6, and somebody at the other end of
// its cable who says nothing.
constexpr const char* kCard = "card0";

bool PlugInCard() {
  return std::system(
             "PATH=$PATH:/sbin:/usr/sbin; exec 2>/dev/null >&2; ip link set lo up && "
             "ip link add card0 type veth peer name far0 && "
             "ip link set card0 up multicast on && ip link set far0 up && "
             "ip address add 10.9.9.1/24 brd + dev card0 && "
             "ip address add 10.9.9.2/24 dev card0 && ip address add 10.9.9.3/24 dev card0 && "
             "ip -6 address add fd00:9::1/64 dev card0 nodad || exit 1; "
             // For a moment the kernel may look for this address at the far end of the cable.
             "for i in $(seq 1000); do ip -6 route get fd00:9::1 | grep -q ^local && exit 0; done; "
             "exit 1") == 0;
}

// One loop, in the child process that has the network.
struct World {
  std::unique_ptr<EventLoop> loop = *EventLoop::Create();
  Strings heard;

  std::unique_ptr<UdpSocket> Bind(const SocketAddress& at, UdpOptions options = {}) {
    auto socket = UdpSocket::Bind(*loop, at,
                                  {.on_datagram =
                                       [this](UdpSocket&, const Datagram& datagram) {
                                         heard.emplace_back(datagram.data());
                                         destination = datagram.destination();
                                         interface = datagram.interface();
                                         end = datagram.local();
                                       },
                                   .on_error =
                                       [this](UdpSocket&, const DatagramError& error) {
                                         if (error.failure == DatagramFailure::kSend)
                                           heard.push_back(error.ToString());
                                       }},
                                  std::move(options));
    SPINDLE_CHECK(socket.ok()) << socket.status().ToString();
    return *std::move(socket);
  }
  // What has come since the last call.
  Strings Hear() {
    for (int quiet = 0; quiet < 5;) quiet = *loop->RunOnce(WaitMode::kPoll) == 0 ? quiet + 1 : 0;
    return std::exchange(heard, {});
  }

  SocketAddress destination;
  uint32_t interface = 0;
  LocalEnd end;
};

// Ends the test: as skipped where there can be no such network.
void RunOrSkip(const std::function<void()>& body) {
  const int result = RunInOwnNetwork([&] {
    if (!PlugInCard()) return kNoOwnNetwork;
    body();
    return 0;
  });
  if (result == kNoOwnNetwork) GTEST_SKIP() << "no network namespace, or no card in it";
  EXPECT_EQ(result, 0);
}

void JoinAndLeave(const SocketAddress& group, const SocketAddress& any) {
  World world;
  const uint32_t card = if_nametoindex(kCard);
  const auto member = world.Bind(any, {.packet_info = PacketInfo::kOn});
  const SocketAddress to = group.WithPort(member->local_address().port());
  const auto sender = world.Bind(any, {.multicast_interface = card});
  const auto say = [&](const char* text) {
    EXPECT_TRUE(sender->SendTo(text, to).ok());
    return world.Hear();
  };
  EXPECT_EQ(say("before"), Strings{});
  EXPECT_TRUE(member->JoinGroup(group, {.interface = card}).ok());
  EXPECT_EQ(ErrnoOf(member->JoinGroup(group, {.interface = card})), EADDRINUSE);
  EXPECT_EQ(say("inside"), Strings{"inside"});
  EXPECT_EQ(world.destination, to);
  EXPECT_EQ(world.interface, card);
  // An answer cannot leave from the group's address, only from the machine's.
  EXPECT_FALSE(world.end.address == world.destination);
  const char* const own = group.family() == AF_INET ? "10.9.9.1" : "fd00:9::1";
  const SocketAddress asker = *SocketAddress::FromIp(own, sender->local_address().port());
  EXPECT_TRUE(member->SendTo("answer", asker, world.end).ok());
  EXPECT_EQ(world.Hear(), Strings{"answer"});
  EXPECT_TRUE(sender->SetMulticastLoop(false).ok());
  EXPECT_EQ(say("not on this machine"), Strings{});
  EXPECT_TRUE(sender->SetMulticastLoop(true).ok());
  EXPECT_EQ(say("again"), Strings{"again"});
  EXPECT_TRUE(member->LeaveGroup(group, {.interface = card}).ok());
  EXPECT_EQ(say("after"), Strings{});
  EXPECT_EQ(ErrnoOf(member->LeaveGroup(group, {.interface = card})), EADDRNOTAVAIL);
  EXPECT_FALSE(member->JoinGroup(group, {.interface = 1u << 20}).ok());
  EXPECT_FALSE(member->JoinGroup(SocketAddress::LoopbackV4(0)).ok());
}

TEST(MulticastTest, Ipv4GroupsAreJoinedAndLeft) {
  RunOrSkip([] { JoinAndLeave(*SocketAddress::FromIp("239.7.7.7", 0), SocketAddress::AnyV4(0)); });
}

TEST(MulticastTest, Ipv6GroupsAreJoinedAndLeft) {
  RunOrSkip([] { JoinAndLeave(*SocketAddress::FromIp("ff15::7", 0), SocketAddress::AnyV6(0)); });
}

// What others on the machine have joined is none of a socket's business, though its port is the
// same (IP_MULTICAST_ALL is on in the kernel).
TEST(MulticastTest, GroupsOfOtherSocketsAreNotHeard) {
  RunOrSkip([] {
    World world;
    const uint32_t card = if_nametoindex(kCard);
    const auto first = world.Bind(SocketAddress::AnyV4(0), {.reuse_address = true});
    const auto second = world.Bind(first->local_address(), {.reuse_address = true});
    const SocketAddress a = *SocketAddress::FromIp("239.7.7.1", first->local_address().port());
    const SocketAddress b = *SocketAddress::FromIp("239.7.7.2", first->local_address().port());
    EXPECT_TRUE(first->JoinGroup(a, {.interface = card}).ok());
    EXPECT_TRUE(second->JoinGroup(b, {.interface = card}).ok());
    const auto sender = world.Bind(SocketAddress::AnyV4(0), {.multicast_interface = card});
    EXPECT_TRUE(sender->SendTo("a", a).ok());
    EXPECT_TRUE(sender->SendTo("b", b).ok());
    EXPECT_EQ(world.Hear().size(), 2u) << "one each";
    EXPECT_EQ(first->stats().datagrams_received, 1u);
    EXPECT_EQ(second->stats().datagrams_received, 1u);
    // Both members of one group get what is sent to it.
    EXPECT_TRUE(first->JoinGroup(b, {.interface = card}).ok());
    EXPECT_TRUE(sender->SendTo("b", b).ok());
    EXPECT_EQ(world.Hear(), (Strings{"b", "b"}));
  });
}

TEST(MulticastTest, OnlyTheSourceThatWasAskedFor) {
  RunOrSkip([] {
    World world;
    const uint32_t card = if_nametoindex(kCard);
    const auto member = world.Bind(SocketAddress::AnyV4(0));
    const SocketAddress group = *SocketAddress::FromIp("232.7.7.7", member->local_address().port());
    const GroupOptions from = {.interface = card, .source = *SocketAddress::FromIp("10.9.9.2", 0)};
    EXPECT_TRUE(member->JoinGroup(group, from).ok());
    for (const char* ip : {"10.9.9.1", "10.9.9.2", "10.9.9.3"}) {
      const auto sender = world.Bind(*SocketAddress::FromIp(ip, 0), {.multicast_interface = card});
      EXPECT_TRUE(sender->SendTo(ip, group).ok());
      sender->Flush();
    }
    EXPECT_EQ(world.Hear(), Strings{"10.9.9.2"});
    EXPECT_TRUE(member->LeaveGroup(group, from).ok());
  });
}

TEST(MulticastTest, BroadcastNeedsLeave) {
  RunOrSkip([] {
    World world;
    const auto listener = world.Bind(SocketAddress::AnyV4(0));
    const SocketAddress everybody =
        *SocketAddress::FromIp("10.9.9.255", listener->local_address().port());
    const auto sender = world.Bind(*SocketAddress::FromIp("10.9.9.2", 0));
    EXPECT_TRUE(sender->SendTo("x", everybody).ok());
    EXPECT_EQ(world.Hear(),
              Strings{"send to " + everybody.ToString() + ": Permission denied (EACCES)"});
    EXPECT_TRUE(sender->SetBroadcast(true).ok());
    EXPECT_TRUE(sender->SendTo("x", everybody).ok());
    EXPECT_EQ(world.Hear(), Strings{"x"});
    EXPECT_EQ(world.destination, everybody);
    EXPECT_EQ(world.end.address.ip(), "10.9.9.1") << "an answer cannot leave from there";
  });
}

}  // namespace
}  // namespace spindle
