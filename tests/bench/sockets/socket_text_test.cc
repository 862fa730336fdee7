#include "bench/sockets/socket_text.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace spindle::bench {
namespace {

SocketEntry Listener(const std::string& address, bool v6_only = false,
                     const std::string& interface = "") {
  SocketEntry entry;
  entry.state = SocketState::kListening;
  entry.local = *SocketAddress::Parse(address);
  entry.peer = entry.local.family() == AF_INET ? SocketAddress::AnyV4(0) : SocketAddress::AnyV6(0);
  entry.v6_only = v6_only;
  entry.interface = interface;
  return entry;
}

// The local and the peer's address.
std::string Ends(const SocketEntry& entry) {
  const std::string line = SocketTable({entry}, {.heading = false, .kind = false, .state = false});
  const size_t begin = line.find_first_not_of(' ', line.rfind("0     ") + 1);
  return line.substr(begin, line.find('\n') - begin);
}

TEST(SocketTextTest, AddressesAreWrittenAsSsDoes) {
  EXPECT_EQ(Ends(Listener("0.0.0.0:80")), "0.0.0.0:80 0.0.0.0:*");
  EXPECT_EQ(Ends(Listener("[::]:80")), "*:80 *:*") << "takes IPv4, too";
  EXPECT_EQ(Ends(Listener("[::]:80", true)), "[::]:80 [::]:*");
  EXPECT_EQ(Ends(Listener("[::1]:80", true)), "[::1]:80 [::]:*");
  EXPECT_EQ(Ends(Listener("[fe80::5]:80", true, "eth0")), "[fe80::5]%eth0:80 [::]:*");
  EXPECT_EQ(Ends(Listener("0.0.0.0:80", false, "lo")), "0.0.0.0%lo:80 0.0.0.0:*");
  EXPECT_EQ(Ends(Listener("[::]:80", false, "lo")), "*%lo:80 *:*");
  EXPECT_EQ(Ends(Listener("[::ffff:127.0.0.1]:80")), "[::ffff:127.0.0.1]:80 *:*");
}

TEST(SocketTextTest, ColumnsAreThoseOfSs) {
  SocketEntry entry = Listener("127.0.0.1:22");
  entry.send_queue = 128;
  entry.owners = {{"sshd", 12, 3}, {"a\x1b[2J", 13, 4}};
  EXPECT_EQ(SocketTable({entry}, {.owners = true}),
            "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
            "tcp   LISTEN 0      128        127.0.0.1:22        0.0.0.0:*    "
            "users:((\"sshd\",pid=12,fd=3),(\"a\\x1b[2J\",pid=13,fd=4))\n");
}

TEST(SocketTextTest, UnixSocketsShowTheirInodesAndNoControlBytes) {
  SocketEntry entry;
  entry.kind = SocketKind::kUnixStream;
  entry.state = SocketState::kEstablished;
  entry.inode = 5;
  entry.peer_inode = 6;
  const SocketTextOptions bare = {.heading = false};
  EXPECT_EQ(SocketTable({entry}, bare), "u_str ESTAB 0      0      * 5 * 6\n");
  entry.local = *SocketAddress::UnixAbstract(std::string("a\0\x1b", 3));
  EXPECT_EQ(SocketTable({entry}, bare), "u_str ESTAB 0      0      @a@\\x1b 5 * 6\n");
}

TEST(SocketTextTest, ServicesAreNamedWhereTheyHaveNames) {
  const SocketTextOptions options = {
      .heading = false,
      .service = [](uint16_t port, SocketKind) -> std::string { return port == 80 ? "http" : ""; }};
  const std::string text =
      SocketTable({Listener("127.0.0.1:80"), Listener("127.0.0.1:81")}, options);
  EXPECT_NE(text.find("127.0.0.1:http"), std::string::npos) << text;
  EXPECT_NE(text.find("127.0.0.1:81"), std::string::npos) << text;
}

TEST(SocketTextTest, JsonSaysTheSame) {
  SocketEntry entry = Listener("[::1]:22", true);
  entry.owners = {{"\xff", 12, 3}};
  entry.tcp = TcpDetails{.rtt = 29};
  const auto json = nlohmann::json::parse(SocketJson({entry}, {.owners = true, .details = true}));
  EXPECT_EQ(json["schema"], "spindle.stat/1");
  const auto& socket = json["sockets"][0];
  EXPECT_EQ(socket["netid"], "tcp");
  EXPECT_EQ(socket["state"], "LISTEN");
  EXPECT_EQ(socket["local"]["address"], "::1");
  EXPECT_EQ(socket["local"]["port"], 22);
  EXPECT_EQ(socket["v6only"], true);
  EXPECT_EQ(socket["processes"][0]["pid"], 12);
  EXPECT_EQ(socket["tcp"]["rtt"], 29);
}

}  // namespace
}  // namespace spindle::bench
