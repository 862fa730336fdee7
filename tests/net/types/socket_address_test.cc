#include "net/types/socket_address.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

using Kind = SocketAddress::Kind;

SocketAddress Parsed(std::string_view text) {
  absl::StatusOr<SocketAddress> address = SocketAddress::Parse(text);
  EXPECT_TRUE(address.ok()) << text << ": " << address.status();
  return address.value_or(SocketAddress());
}

SocketAddress ThroughSockaddr(const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t len = address.ToSockaddr(&storage);
  return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), len);
}

// What getsockname(2) says after bind(2); unspecified if bind failed.
SocketAddress Bound(const SocketAddress& address) {
  sockaddr_storage storage;
  socklen_t len = address.ToSockaddr(&storage);
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  SocketAddress bound;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&storage), len) == 0) {
    len = sizeof(storage);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &len), 0);
    bound = SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), len);
  }
  close(fd);
  return bound;
}

TEST(SocketAddressTest, DefaultIsUnspecified) {
  const SocketAddress address;
  EXPECT_TRUE(address.is_unspecified());
  EXPECT_EQ(address.family(), AF_UNSPEC);
  EXPECT_EQ(address.ToString(), "unspecified");
  EXPECT_EQ(ThroughSockaddr(address), address);
  EXPECT_EQ(address.ip(), "");
  EXPECT_EQ(address.unix_path(), "");
}

TEST(SocketAddressTest, ParsesV4) {
  const SocketAddress address = Parsed("192.0.2.7:8080");
  EXPECT_EQ(address.kind(), Kind::kV4);
  EXPECT_EQ(address.family(), AF_INET);
  EXPECT_EQ(address.port(), 8080);
  EXPECT_EQ(address.ip(), "192.0.2.7");
  EXPECT_EQ(address.ToString(), "192.0.2.7:8080");
}

TEST(SocketAddressTest, ParsesV6WithAndWithoutScope) {
  const SocketAddress address = Parsed("[2001:db8::1]:443");
  EXPECT_EQ(address.kind(), Kind::kV6);
  EXPECT_EQ(address.ip(), "2001:db8::1");
  EXPECT_EQ(address.port(), 443);
  EXPECT_EQ(address.scope_id(), 0u);
  EXPECT_EQ(Parsed("[fe80::1%lo]:80").scope_id(), 1u);  // the loopback device is always the first
  EXPECT_EQ(Parsed("[fe80::1%7]:80").scope_id(), 7u);
  EXPECT_EQ(Parsed("[fe80::1%7]:80").ToString(), "[fe80::1%7]:80");
}

TEST(SocketAddressTest, NoHostOrStarMeansAllV4Addresses) {
  EXPECT_EQ(Parsed(":80"), SocketAddress::AnyV4(80));
  EXPECT_EQ(Parsed("*:0"), SocketAddress::AnyV4(0));
  EXPECT_EQ(Parsed("[::]:80"), SocketAddress::AnyV6(80));
}

TEST(SocketAddressTest, RefusesMalformedText) {
  for (const std::string_view text :
       std::initializer_list<std::string_view>{"",
                                               ":",
                                               "80",
                                               "127.0.0.1",
                                               "127.0.0.1:",
                                               "127.0.0.1:65536",
                                               "127.0.0.1:-1",
                                               "127.0.0.1:+1",
                                               "127.0.0.1: 80",
                                               "127.0.0.1:80 ",
                                               "127.0.0.1:000080",
                                               "127.0.0.1:8o",
                                               "127.0.0:80",
                                               "127.0.0.256:80",
                                               "1.2.3.4%1:80",
                                               "::1:80",
                                               "[::1]",
                                               "[::1]80",
                                               "[::1:80",
                                               "::1]:80",
                                               "[127.0.0.1]:80",
                                               "[]:80",
                                               "[[::1]]:80",
                                               "[fe80::1%]:80",
                                               "[fe80::1%0]:80",
                                               "[fe80::1%nosuchdevice]:80",
                                               "[fe80::1%4294967296]:80",
                                               "localhost:80",
                                               "unix",
                                               "unix:",
                                               "unspecified",
                                               "unix:a\\b",
                                               "unix:\\x4",
                                               "unix:\\xg0",
                                               "unix:\\x+1",
                                               "unix:\\",
                                               std::string_view("unix:a\0b", 8),
                                               std::string_view("127.0.0.1\0:80", 13),
                                               std::string_view("[fe80::1%lo\0]:80", 16)}) {
    const absl::StatusOr<SocketAddress> address = SocketAddress::Parse(text);
    ASSERT_FALSE(address.ok()) << text << " gave " << *address;
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(SocketAddressTest, ErrorQuotesTheTextPrintably) {
  EXPECT_EQ(std::string(SocketAddress::Parse("a\n:80").status().message()),
            "address \"a\\x0a:80\": neither an IP address with a port nor \"unix:\" and a name");
}

TEST(SocketAddressTest, FromIpTakesNoBracketsAndNoPort) {
  EXPECT_EQ(SocketAddress::FromIp("::1", 80).value(), SocketAddress::LoopbackV6(80));
  EXPECT_EQ(SocketAddress::FromIp("127.0.0.1", 80).value(), SocketAddress::LoopbackV4(80));
  EXPECT_FALSE(SocketAddress::FromIp("[::1]", 80).ok());
  EXPECT_FALSE(SocketAddress::FromIp("127.0.0.1:80", 80).ok());
  EXPECT_FALSE(SocketAddress::FromIp("", 80).ok());
}

TEST(SocketAddressTest, TextAndSockaddrRoundTrip) {
  std::string bytes;
  for (int c = 255; c >= 0; --c) bytes.push_back(static_cast<char>(c));
  const std::vector<SocketAddress> addresses = {
      SocketAddress::LoopbackV4(0),
      SocketAddress::AnyV4(65535),
      SocketAddress::LoopbackV6(1),
      Parsed("[fe80::1%3]:80"),
      Parsed("[::ffff:1.2.3.4]:80"),
      Parsed("unix:/tmp/a:80"),
      Parsed("unix:relative"),
      Parsed("unix:@"),
      Parsed("unix:@name"),
      Parsed("unix:\\x40path"),
      SocketAddress::UnixPath("a\\b\nc").value(),
      SocketAddress::UnixPath(std::string(107, 'x')).value(),
      SocketAddress::UnixPath(std::string(108, 'x')).value(),
      SocketAddress::UnixPath(bytes.substr(0, 107)).value(),
      SocketAddress::UnixAbstract(bytes.substr(149, 107)).value(),
      SocketAddress::UnixAbstract("@x").value(),
      SocketAddress::UnixAbstract(std::string(107, '\0')).value(),
  };
  for (const SocketAddress& address : addresses) {
    EXPECT_EQ(Parsed(address.ToString()), address);
    EXPECT_EQ(ThroughSockaddr(address), address);
  }
}

TEST(SocketAddressTest, PathThatLooksAbstractIsNot) {
  const SocketAddress path = SocketAddress::UnixPath("@name").value();
  EXPECT_EQ(path.ToString(), "unix:\\x40name");
  EXPECT_FALSE(path == SocketAddress::UnixAbstract("name").value());
}

TEST(SocketAddressTest, UnixNameLimits_X1) {
  EXPECT_TRUE(SocketAddress::UnixPath(std::string(107, 'x')).ok());
  EXPECT_TRUE(SocketAddress::UnixPath(std::string(108, 'x')).ok());
  EXPECT_FALSE(SocketAddress::UnixPath(std::string(109, 'x')).ok());
  EXPECT_FALSE(SocketAddress::UnixPath("").ok());
  EXPECT_FALSE(SocketAddress::UnixPath(std::string_view("a\0b", 3)).ok());
  EXPECT_TRUE(SocketAddress::UnixAbstract(std::string(107, 'x')).ok());
  EXPECT_FALSE(SocketAddress::UnixAbstract(std::string(108, 'x')).ok());
}

TEST(SocketAddressTest, KernelAgreesOnUnixPathsOf107And108Bytes_X1) {
  char directory[] = "/tmp/spindle_address_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  for (const size_t size : {107u, 108u}) {
    std::string path = std::string(directory) + "/";
    path.resize(size, 'x');
    const SocketAddress address = SocketAddress::UnixPath(path).value();
    EXPECT_EQ(Bound(address), address) << size;
    EXPECT_EQ(unlink(path.c_str()), 0) << size;
  }
  EXPECT_EQ(rmdir(directory), 0);
}

TEST(SocketAddressTest, KernelAgreesOnAbstractNamesWithNul_X1) {
  const std::string pid = std::to_string(getpid());
  for (std::string name : {pid, pid + std::string("\0a", 2), std::string("\0", 1) + pid}) {
    const SocketAddress address = SocketAddress::UnixAbstract(name).value();
    EXPECT_EQ(Bound(address), address);
  }
  const std::string longest = pid + std::string(107 - pid.size(), '\0');
  const SocketAddress address = SocketAddress::UnixAbstract(longest).value();
  EXPECT_EQ(Bound(address), address);
}

TEST(SocketAddressTest, UnboundUnixSocketIsUnnamed) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  sockaddr_storage storage;
  socklen_t len = sizeof(storage);
  ASSERT_EQ(getpeername(fds[0], reinterpret_cast<sockaddr*>(&storage), &len), 0);
  const SocketAddress peer =
      SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), len);
  EXPECT_EQ(peer.kind(), Kind::kUnixUnnamed);
  EXPECT_EQ(peer.family(), AF_UNIX);
  EXPECT_TRUE(peer.is_unix());
  EXPECT_EQ(peer.ToString(), "unix:");
  EXPECT_EQ(ThroughSockaddr(peer), peer);
  close(fds[0]);
  close(fds[1]);
}

TEST(SocketAddressTest, KernelAgreesOnIp) {
  const SocketAddress bound = Bound(SocketAddress::LoopbackV4(0));
  EXPECT_EQ(bound.ip(), "127.0.0.1");
  EXPECT_NE(bound.port(), 0);
}

// The copies on the heap have exactly `len` bytes, so that AddressSanitizer sees a read beyond.
TEST(SocketAddressTest, FromSockaddrNeverReadsBeyondTheLength) {
  for (const int family : {AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX, AF_PACKET, 0xffff}) {
    for (size_t len = 0; len <= sizeof(sockaddr_storage); ++len) {
      for (const size_t misalignment : {0u, 1u}) {
        std::vector<char> bytes(misalignment + len, 'x');
        if (len >= sizeof(sa_family_t)) {
          const auto value = static_cast<sa_family_t>(family);
          std::memcpy(bytes.data() + misalignment, &value, sizeof(value));
        }
        const SocketAddress address = SocketAddress::FromSockaddr(
            reinterpret_cast<const sockaddr*>(bytes.data() + misalignment),
            static_cast<socklen_t>(len));
        EXPECT_EQ(address.kind() == Kind::kV4, family == AF_INET && len >= sizeof(sockaddr_in));
        EXPECT_EQ(address.kind() == Kind::kV6, family == AF_INET6 && len >= sizeof(sockaddr_in6));
        EXPECT_EQ(address.is_unix(), family == AF_UNIX && len >= 2 && len <= 110) << len;
      }
    }
  }
  EXPECT_TRUE(SocketAddress::FromSockaddr(nullptr, 16).is_unspecified());
}

TEST(SocketAddressTest, WithPortChangesIpAddressesOnly) {
  EXPECT_EQ(SocketAddress::LoopbackV4(1).WithPort(2), SocketAddress::LoopbackV4(2));
  EXPECT_EQ(SocketAddress::LoopbackV6(1).WithPort(2), SocketAddress::LoopbackV6(2));
  EXPECT_EQ(Parsed("unix:/a").WithPort(2), Parsed("unix:/a"));
  EXPECT_EQ(Parsed("unix:/a").WithPort(2).port(), 0);
}

TEST(SocketAddressTest, Loopback) {
  EXPECT_TRUE(SocketAddress::LoopbackV4(0).is_loopback());
  EXPECT_TRUE(Parsed("127.255.0.9:1").is_loopback());
  EXPECT_TRUE(SocketAddress::LoopbackV6(0).is_loopback());
  EXPECT_TRUE(Parsed("[::ffff:127.0.0.1]:1").is_loopback());
  EXPECT_FALSE(SocketAddress::AnyV4(0).is_loopback());
  EXPECT_FALSE(SocketAddress::AnyV6(0).is_loopback());
  EXPECT_FALSE(Parsed("128.0.0.1:1").is_loopback());
  EXPECT_FALSE(Parsed("[::ffff:128.0.0.1]:1").is_loopback());
  EXPECT_FALSE(Parsed("unix:/a").is_loopback());
}

TEST(SocketAddressTest, CopiesAndMovesKeepTheValue) {
  for (const SocketAddress& address :
       {SocketAddress(), SocketAddress::LoopbackV4(80), Parsed("[fe80::1%3]:80"), Parsed("unix:/a"),
        Parsed("unix:@b")}) {
    SocketAddress copy = address;
    EXPECT_EQ(copy, address);
    for (const char* other : {"1.2.3.4:5", "unix:/c"}) {
      SocketAddress target = Parsed(other);
      target = copy;
      EXPECT_EQ(target, address);
      target = Parsed(other);
      target = std::move(copy);
      EXPECT_EQ(target, address);
      copy = std::move(target);
    }
    const SocketAddress moved = std::move(copy);
    EXPECT_EQ(moved, address);
  }
  SocketAddress self = Parsed("unix:/a");
  SocketAddress& alias = self;
  self = alias;
  self = std::move(alias);
  EXPECT_EQ(self, Parsed("unix:/a"));
}

TEST(SocketAddressTest, CopiesShareTheUnixName) {
  const SocketAddress address = Parsed("unix:/a/long/path/that/no/small/string/holds/in/place");
  const SocketAddress copy = address;
  EXPECT_EQ(copy.unix_path().data(), address.unix_path().data());
}

TEST(SocketAddressTest, HashAgreesWithEquality) {
  const std::vector<SocketAddress> distinct = {SocketAddress(),
                                               SocketAddress::LoopbackV4(1),
                                               SocketAddress::LoopbackV4(2),
                                               SocketAddress::AnyV4(1),
                                               SocketAddress::AnyV6(1),
                                               Parsed("[fe80::1%1]:1"),
                                               Parsed("[fe80::1%2]:1"),
                                               Parsed("unix:/a"),
                                               Parsed("unix:@/a"),
                                               Parsed("unix:b")};
  for (size_t i = 0; i < distinct.size(); ++i) {
    for (size_t j = 0; j < distinct.size(); ++j) {
      EXPECT_EQ(distinct[i] == distinct[j], i == j);
      EXPECT_EQ(absl::HashOf(distinct[i]) == absl::HashOf(distinct[j]), i == j);
    }
  }
  EXPECT_EQ(absl::HashOf(Parsed("unix:/a")), absl::HashOf(distinct[7]));
}

TEST(SocketAddressTest, HashOfHostIgnoresThePortOnly) {
  const SocketAddress a = Parsed("192.0.2.7:1");
  EXPECT_EQ(a.HashOfHost(), a.WithPort(2).HashOfHost());
  EXPECT_NE(a.HashOfHost(), Parsed("192.0.2.8:1").HashOfHost());
  EXPECT_NE(Parsed("[fe80::1%1]:1").HashOfHost(), Parsed("[fe80::1%2]:1").HashOfHost());
  EXPECT_NE(Parsed("unix:/a").HashOfHost(), Parsed("unix:/b").HashOfHost());
}

TEST(SocketAddressTest, StreamsAsItsText) {
  std::ostringstream out;
  out << SocketAddress::LoopbackV4(80);
  EXPECT_EQ(out.str(), "127.0.0.1:80");
}

}  // namespace
}  // namespace spindle
