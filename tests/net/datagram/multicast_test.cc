// Groups, on a network of the test's own whose loopback interface takes part in them.

#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
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

// lo up, and with the flag without which nothing sent to a group comes out of it; IPv6 also needs a
// route.
bool BringUpLoopback() {
  const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  ifreq request = {};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_MULTICAST;
  bool done = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  in6_rtmsg route = {};
  route.rtmsg_dst.s6_addr[0] = 0xff;
  route.rtmsg_dst_len = 8;
  route.rtmsg_metric = 1;
  route.rtmsg_flags = RTF_UP;
  route.rtmsg_ifindex = static_cast<int>(if_nametoindex("lo"));
  done = done && (ioctl(fd, SIOCADDRT, &route) == 0 || errno == EEXIST);
  close(fd);
  return done;
}

// One loop, in the child process that has the network.
struct World {
  std::unique_ptr<EventLoop> loop = *EventLoop::Create();
  Strings heard;

  std::unique_ptr<UdpSocket> Bind(const SocketAddress& at, UdpOptions options = {}) {
    auto socket = UdpSocket::Bind(
        *loop, at,
        {.on_datagram =
             [this](UdpSocket&, const Datagram& datagram) {
               heard.emplace_back(datagram.data());
               destination = datagram.destination();
               interface = datagram.interface();
               end = datagram.local();
             },
         .on_error = [this](UdpSocket&,
                            const DatagramError& error) { heard.push_back(error.ToString()); }},
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
    if (!BringUpLoopback()) return kNoOwnNetwork;
    body();
    return 0;
  });
  if (result == kNoOwnNetwork) GTEST_SKIP() << "no network namespace, or no IPv6 in it";
  EXPECT_EQ(result, 0);
}

void JoinAndLeave(const SocketAddress& group, const SocketAddress& any) {
  World world;
  const uint32_t lo = if_nametoindex("lo");
  const auto member = world.Bind(any, {.packet_info = PacketInfo::kOn});
  const SocketAddress to = group.WithPort(member->local_address().port());
  const auto sender = world.Bind(any, {.multicast_interface = lo});
  const auto say = [&](const char* text) {
    EXPECT_TRUE(sender->SendTo(text, to).ok());
    return world.Hear();
  };
  EXPECT_EQ(say("before"), Strings{});
  EXPECT_TRUE(member->JoinGroup(group, {.interface = lo}).ok());
  EXPECT_EQ(ErrnoOf(member->JoinGroup(group, {.interface = lo})), EADDRINUSE);
  EXPECT_EQ(say("inside"), Strings{"inside"});
  EXPECT_EQ(world.destination.ip(),
            to.ip().substr(0, to.ip().find('%')) +
                (world.destination.scope_id() != 0 ? "%" + std::to_string(lo) : std::string()));
  EXPECT_EQ(world.interface, lo);
  // An answer cannot leave from the group's address, only from the machine's.
  EXPECT_FALSE(world.end.address == world.destination);
  EXPECT_TRUE(member
                  ->SendTo("answer",
                           sender->local_address().family() == AF_INET
                               ? SocketAddress::LoopbackV4(sender->local_address().port())
                               : SocketAddress::LoopbackV6(sender->local_address().port()),
                           world.end)
                  .ok());
  EXPECT_EQ(world.Hear(), Strings{"answer"});
  EXPECT_TRUE(sender->SetMulticastLoop(false).ok());
  EXPECT_EQ(say("not on this machine"), Strings{});
  EXPECT_TRUE(sender->SetMulticastLoop(true).ok());
  EXPECT_EQ(say("again"), Strings{"again"});
  EXPECT_TRUE(member->LeaveGroup(group, {.interface = lo}).ok());
  EXPECT_EQ(say("after"), Strings{});
  EXPECT_EQ(ErrnoOf(member->LeaveGroup(group, {.interface = lo})), EADDRNOTAVAIL);
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
    const uint32_t lo = if_nametoindex("lo");
    const auto first = world.Bind(SocketAddress::AnyV4(0), {.reuse_address = true});
    const auto second = world.Bind(first->local_address(), {.reuse_address = true});
    const SocketAddress a = *SocketAddress::FromIp("239.7.7.1", first->local_address().port());
    const SocketAddress b = *SocketAddress::FromIp("239.7.7.2", first->local_address().port());
    EXPECT_TRUE(first->JoinGroup(a, {.interface = lo}).ok());
    EXPECT_TRUE(second->JoinGroup(b, {.interface = lo}).ok());
    const auto sender = world.Bind(SocketAddress::AnyV4(0), {.multicast_interface = lo});
    EXPECT_TRUE(sender->SendTo("a", a).ok());
    EXPECT_TRUE(sender->SendTo("b", b).ok());
    EXPECT_EQ(world.Hear().size(), 2u) << "one each";
    EXPECT_EQ(first->stats().datagrams_received, 1u);
    EXPECT_EQ(second->stats().datagrams_received, 1u);
    // Both members of one group get what is sent to it.
    EXPECT_TRUE(first->JoinGroup(b, {.interface = lo}).ok());
    EXPECT_TRUE(sender->SendTo("b", b).ok());
    EXPECT_EQ(world.Hear(), (Strings{"b", "b"}));
  });
}

TEST(MulticastTest, OnlyTheSourceThatWasAskedFor) {
  RunOrSkip([] {
    World world;
    const uint32_t lo = if_nametoindex("lo");
    const auto member = world.Bind(SocketAddress::AnyV4(0));
    const SocketAddress group = *SocketAddress::FromIp("232.7.7.7", member->local_address().port());
    const GroupOptions from = {.interface = lo, .source = *SocketAddress::FromIp("127.0.0.2", 0)};
    EXPECT_TRUE(member->JoinGroup(group, from).ok());
    for (const char* ip : {"127.0.0.1", "127.0.0.2", "127.0.0.3"}) {
      const auto sender = world.Bind(*SocketAddress::FromIp(ip, 0), {.multicast_interface = lo});
      EXPECT_TRUE(sender->SendTo(ip, group).ok());
      sender->Flush();
    }
    EXPECT_EQ(world.Hear(), Strings{"127.0.0.2"});
    EXPECT_TRUE(member->LeaveGroup(group, from).ok());
  });
}

TEST(MulticastTest, BroadcastNeedsLeave) {
  RunOrSkip([] {
    World world;
    const auto listener = world.Bind(SocketAddress::AnyV4(0));
    const SocketAddress everybody =
        *SocketAddress::FromIp("127.255.255.255", listener->local_address().port());
    const auto sender = world.Bind(SocketAddress::LoopbackV4(0));
    EXPECT_TRUE(sender->SendTo("x", everybody).ok());
    EXPECT_EQ(world.Hear(),
              Strings{"send to " + everybody.ToString() + ": Permission denied (EACCES)"});
    EXPECT_TRUE(sender->SetBroadcast(true).ok());
    EXPECT_TRUE(sender->SendTo("x", everybody).ok());
    EXPECT_EQ(world.Hear(), Strings{"x"});
    EXPECT_EQ(world.destination, everybody);
    EXPECT_EQ(world.end.address.ip(), "127.0.0.1") << "an answer cannot leave from there";
  });
}

}  // namespace
}  // namespace spindle
