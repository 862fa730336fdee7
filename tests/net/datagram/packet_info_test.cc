// At which address, and by which interface, a datagram came; where an answer leaves from.

#include <arpa/inet.h>
#include <net/if.h>

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/datagram/udp_socket.h"
#include "tests/net/datagram/datagram_world.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

class PacketInfoTest : public DatagramTest {
 protected:
  static SocketAddress At(const std::string& ip, uint16_t port) {
    return *SocketAddress::FromIp(ip, port);
  }
};

// A socket at all addresses: without a source of its own an answer to 127.0.0.2 would come from
// 127.0.0.1, and the peer, if it is connected, would not get it.
TEST_F(PacketInfoTest, AnswerLeavesFromTheAddressThatWasAsked) {
  for (const SocketAddress& any : {SocketAddress::AnyV4(0), SocketAddress::AnyV6(0)}) {
    std::vector<SocketAddress> destinations;
    std::vector<LocalEnd> ends;
    const auto server = Bind({.on_datagram =
                                  [&](UdpSocket& socket, const Datagram& datagram) {
                                    destinations.push_back(datagram.destination());
                                    ends.push_back(datagram.local());
                                    EXPECT_EQ(datagram.interface(), if_nametoindex("lo"));
                                    socket.Reply(datagram, "answer");
                                  }},
                             {}, any);
    const uint16_t port = server->local_address().port();
    for (const std::string ip : {"127.0.0.1", "127.0.0.2", "127.1.2.3"}) {
      const auto client = Connect(At(ip, port), Noting());
      heard_.clear();
      ASSERT_TRUE(client->Send("question").ok());
      Settle();
      EXPECT_EQ(heard_, Strings{"answer"}) << ip;
      const std::string prefix = any.family() == AF_INET6 ? "::ffff:" : "";
      EXPECT_EQ(destinations.back().ip(), prefix + ip);
      EXPECT_EQ(destinations.back().port(), port);
      // Later, from what was kept.
      ASSERT_TRUE(server->SendTo("later", client->local_address(), ends.back()).ok());
      Settle();
      EXPECT_EQ(heard_, (Strings{"answer", "later"}));
    }
  }
}

TEST_F(PacketInfoTest, Ipv6AnswersToo) {
  SocketAddress destination;
  const auto server = Bind({.on_datagram =
                                [&](UdpSocket& socket, const Datagram& datagram) {
                                  destination = datagram.destination();
                                  socket.Reply(datagram, "answer");
                                }},
                           {}, SocketAddress::AnyV6(0));
  const auto client = Connect(SocketAddress::LoopbackV6(server->local_address().port()), Noting());
  ASSERT_TRUE(client->Send("question").ok());
  Settle();
  EXPECT_EQ(heard_, Strings{"answer"});
  EXPECT_EQ(destination, SocketAddress::LoopbackV6(server->local_address().port()));
}

TEST_F(PacketInfoTest, OffAndOnAsAsked) {
  RawUdp peer;
  const auto ask = [&](const SocketAddress& at, PacketInfo info) {
    SocketAddress destination;
    uint32_t interface = 0;
    const auto socket = Bind({.on_datagram =
                                  [&](UdpSocket& self, const Datagram& datagram) {
                                    destination = datagram.destination();
                                    interface = datagram.interface();
                                    EXPECT_TRUE(self.Reply(datagram, "answer").ok());
                                  }},
                             {.packet_info = info}, at);
    EXPECT_TRUE(peer.SendTo("x", At("127.0.0.1", socket->local_address().port())));
    Settle();
    EXPECT_EQ(peer.ReceiveAll(), Strings{"answer"});
    EXPECT_EQ(interface != 0,
              destination.ip() != socket->local_address().ip() || info == PacketInfo::kOn);
    return destination.ip();
  };
  EXPECT_EQ(ask(SocketAddress::LoopbackV4(0), PacketInfo::kAuto), "127.0.0.1");
  EXPECT_EQ(ask(SocketAddress::LoopbackV4(0), PacketInfo::kOn), "127.0.0.1");
  EXPECT_EQ(ask(SocketAddress::AnyV4(0), PacketInfo::kAuto), "127.0.0.1");
  EXPECT_EQ(ask(SocketAddress::AnyV4(0), PacketInfo::kOff), "0.0.0.0");
}

// Answers that leave as one keep the source of each: those to other addresses are not mixed in.
TEST_F(PacketInfoTest, SourcesAreNotMixed) {
  RawUdp peer(SocketAddress::AnyV4(0));
  const SocketAddress to = At("127.0.0.1", peer.address().port());
  const auto socket = Bind({}, {}, SocketAddress::AnyV4(0));
  for (const char* ip : {"127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.2"}) {
    ASSERT_TRUE(socket->SendTo(ip, to, {.address = At(ip, 0)}).ok());
  }
  ASSERT_TRUE(socket->SendTo("by lo", to, {.interface = if_nametoindex("lo")}).ok());
  Settle();
  SocketAddress from;
  for (int i = 0; i < 5; ++i) {
    const auto data = peer.Receive(&from);
    ASSERT_TRUE(data.has_value());
    EXPECT_EQ(from.ip(), *data);
  }
  EXPECT_EQ(peer.Receive(), "by lo");
}

// A source that this machine does not have is an error of that datagram.
TEST_F(PacketInfoTest, ForeignSourceIsToldOf) {
  RawUdp peer;
  const auto socket = Bind(Noting());
  ASSERT_TRUE(socket->SendTo("x", peer.address(), {.address = At("192.0.2.1", 0)}).ok());
  ASSERT_TRUE(socket->SendTo("y", peer.address()).ok());
  Settle();
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_EQ(errors_[0].failure, DatagramFailure::kSend);
  EXPECT_EQ(errors_[0].peer, peer.address());
  EXPECT_EQ(peer.ReceiveAll(), Strings{"y"});
}

}  // namespace
}  // namespace spindle
