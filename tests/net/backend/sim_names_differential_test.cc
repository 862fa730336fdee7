// Addresses and names, simulated and real: the same calls, the same results.

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "net/backend/sim_kernel.h"
#include "tests/net/backend/syscall_script.h"

namespace spindle {
namespace {

constexpr uint32_t kAllEdge = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

sockaddr_in V4(uint32_t ip, uint16_t network_port = 0) {
  sockaddr_in in = {};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(ip);
  in.sin_port = network_port;
  return in;
}

sockaddr_in6 V6(const in6_addr& ip, uint16_t network_port = 0) {
  sockaddr_in6 in = {};
  in.sin6_family = AF_INET6;
  in.sin6_addr = ip;
  in.sin6_port = network_port;
  return in;
}

in6_addr Mapped(uint32_t ip) {
  in6_addr mapped = {};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  const uint32_t network = htonl(ip);
  std::memcpy(&mapped.s6_addr[12], &network, sizeof network);
  return mapped;
}

TEST(SimNamesDifferentialTest, EndsKnowTheirAddresses) {
  for (const auto family : {SocketFamily::kInet, SocketFamily::kInet6, SocketFamily::kUnix}) {
    ExpectSameOnBoth(family, [](SyscallScript& s) {
      s.Socket("a");
      s.Names("a");
      s.Pair();
      for (const char* name : {"l", "c", "s"}) s.Names(name);
      sockaddr_storage storage;
      socklen_t length = 3;  // Too short: cut, and the true length told.
      s.Log("short",
            s.syscalls().GetSockName(s.fd("l"), reinterpret_cast<sockaddr*>(&storage), &length));
      if (!s.is_unix()) s.Log("length", length);
      s.Shutdown("c", SHUT_RDWR);
      s.Names("s");
      s.Close("s");
      s.Names("c");
    });
  }
}

TEST(SimNamesDifferentialTest, WildcardsMeanLoopback) {
  ExpectSameOnBoth(SocketFamily::kInet, [](SyscallScript& s) {
    s.Socket("l");
    const sockaddr_in any = V4(INADDR_ANY);
    s.BindTo("l", &any, sizeof any);
    s.Listen("l");
    s.Names("l");
    s.Socket("c");
    const sockaddr_in to = V4(INADDR_ANY, s.PortOf("l"));
    s.ConnectTo("c", &to, sizeof to);
    s.Accept("l", "s");
    s.Names("c");
    s.Names("s");
    s.Socket("d");
    const sockaddr_in other = V4(INADDR_LOOPBACK + 7, s.PortOf("l"));
    s.ConnectTo("d", &other, sizeof other);
    s.Accept("l", "t");
    s.Names("d");
    s.Names("t");
  });
}

TEST(SimNamesDifferentialTest, DualStackListenersTakeBoth) {
  for (const int v6_only : {0, 1}) {
    ExpectSameOnBoth(SocketFamily::kInet6, [v6_only](SyscallScript& s) {
      s.Socket("l");
      s.SetInt("l", IPPROTO_IPV6, IPV6_V6ONLY, v6_only);
      const sockaddr_in6 any = V6(in6addr_any);
      s.BindTo("l", &any, sizeof any);
      s.SetInt("l", IPPROTO_IPV6, IPV6_V6ONLY, 1);
      s.Listen("l");
      s.SocketOf("c", AF_INET);
      const sockaddr_in v4 = V4(INADDR_LOOPBACK, s.PortOf("l"));
      s.ConnectTo("c", &v4, sizeof v4);
      s.SoError("c");
      s.Accept("l", "s");
      s.Names("c");
      s.Names("s");
      s.Socket("d");
      const sockaddr_in6 mapped = V6(Mapped(INADDR_LOOPBACK), s.PortOf("l"));
      s.ConnectTo("d", &mapped, sizeof mapped);
      s.SoError("d");
      s.Names("d");
      s.SocketOf("x", AF_INET);
      s.BindTo("x", &v4, sizeof v4);
    });
  }
}

TEST(SimNamesDifferentialTest, WrongAddressesAreRefused) {
  ExpectSameOnBoth(SocketFamily::kInet, [](SyscallScript& s) {
    const sockaddr_in6 v6 = V6(in6addr_loopback, htons(1));
    const sockaddr_in v4 = V4(INADDR_LOOPBACK, htons(1));
    s.Socket("a");
    s.BindTo("a", &v6, sizeof v6);
    s.BindTo("a", &v4, sizeof v4 - 1);
    s.ConnectTo("a", &v6, sizeof v6);
    s.ConnectTo("a", &v4, sizeof v4 - 1);
    s.SocketOf("b", AF_INET6);
    s.BindTo("b", &v4, sizeof v4);
    s.BindTo("b", &v6, 10);
    s.ConnectTo("b", &v6, 10);
    s.SocketOf("u", AF_UNIX);
    s.BindTo("u", &v4, sizeof v4);
    s.ConnectTo("u", &v4, sizeof v4);
    s.Log("no such family", s.syscalls().Socket(12345, SOCK_STREAM, 0));
    s.Log("no such type", s.syscalls().Socket(AF_INET, 77, 0));
  });
}

TEST(SimNamesDifferentialTest, SelfConnect_C1) {
  for (const auto family : {SocketFamily::kInet, SocketFamily::kInet6}) {
    ExpectSameOnBoth(family, [](SyscallScript& s) {
      s.Socket("a");
      s.Bind("a");
      s.Epoll();
      s.Add("a", kAllEdge);
      s.Events();
      s.Connect("a", "a");
      s.Events();
      s.SoError("a");
      s.Connect("a", "a");
      s.Names("a");
      s.Send("a", "to myself");
      s.Events();
      s.Recv("a", 3);
      s.Recv("a");
      s.Shutdown("a", SHUT_WR);
      s.Events();
      s.Recv("a");
      s.Send("a", "x");
      s.Events();
      s.Close("a");
    });
  }
}

TEST(SimNamesDifferentialTest, UnixBacklogIsFullAtOneMore_C2) {
  ExpectSameOnBoth(SocketFamily::kUnix, [](SyscallScript& s) {
    s.Socket("l");
    s.Bind("l");
    s.Listen("l", 1);
    for (const char* name : {"a", "b", "c"}) {
      s.Socket(name);
      s.Connect(name, "l");
    }
    s.Accept("l", "s");
    s.Connect("c", "l");
    s.Close("l");
  });
}

TEST(SimNamesDifferentialTest, UnixPathsOutliveTheirSockets_X1) {
  // By a relative name: a sandbox may have long ones.
  ASSERT_EQ(0, ::chdir(testing::TempDir().c_str()));
  const std::string path = "names_" + std::to_string(::getpid());
  sockaddr_un un = {};
  un.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof un.sun_path);
  std::memcpy(un.sun_path, path.data(), path.size());
  ExpectSameOnBoth(SocketFamily::kUnix, [&](SyscallScript& s) {
    ::unlink(path.c_str());
    s.Socket("a");
    s.Socket("c");
    s.ConnectTo("c", &un, sizeof un);
    s.BindTo("a", &un, sizeof un);
    s.ConnectTo("c", &un, sizeof un);
    s.Listen("a");
    s.ConnectTo("c", &un, sizeof un);
    s.Accept("a", "s");
    s.Names("c");
    s.Socket("b");
    s.BindTo("b", &un, sizeof un);
    s.Close("a");
    s.BindTo("b", &un, sizeof un);
    s.Socket("d");
    s.ConnectTo("d", &un, sizeof un);
    if (auto* sim = dynamic_cast<SimKernel*>(&s.syscalls())) sim->UnlinkPath(path);
    ::unlink(path.c_str());
    s.BindTo("b", &un, sizeof un);
    s.Send("c", "x");
    s.Recv("s");
    ::unlink(path.c_str());
  });
}

}  // namespace
}  // namespace spindle
