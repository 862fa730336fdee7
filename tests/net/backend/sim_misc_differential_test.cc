// Addresses, options and odd calls, simulated and real: the same calls, the same results.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "tests/net/backend/syscall_script.h"

namespace spindle {
namespace {

constexpr uint32_t kAll = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
constexpr uint32_t kAllEdge = kAll | EPOLLET;

class SimMiscDifferentialTest : public testing::TestWithParam<SocketFamily> {
 protected:
  void Same(const std::function<void(SyscallScript&)>& script) {
    ExpectSameOnBoth(GetParam(), script);
  }
};

// A pair, both ends watched edge-triggered, the first edges taken.
void WatchedPair(SyscallScript& s) {
  s.Pair();
  s.Epoll();
  s.Add("c", kAllEdge);
  s.Add("s", kAllEdge);
  s.Events();
}

TEST_P(SimMiscDifferentialTest, FreshSocketsPollAndFail) {
  Same([](SyscallScript& s) {
    s.Socket("a");
    s.Epoll();
    s.Add("a", kAll);
    s.Events();
    s.Send("a", "x");
    s.Send("a", "");
    s.Recv("a");
    s.Shutdown("a", SHUT_WR);
    s.Events();
    s.Shutdown("a", SHUT_RD);
    s.Events();
    s.Recv("a");
    s.PeerName("a");
    s.Accept("a", "none");
    s.Shutdown("a", 7);
    s.Close("a");
    s.Close("a");
    s.Recv("a");
  });
}

TEST_P(SimMiscDifferentialTest, ListenersRefuseWhatIsForConnections) {
  Same([](SyscallScript& s) {
    s.Socket("l");
    s.Bind("l");
    s.Bind("l");
    s.Listen("l");
    s.Listen("l", 1);
    s.Socket("x");
    s.Bind("x");
    s.Recv("l");
    s.Send("l", "x");
    s.PeerName("l");
    s.Epoll();
    s.Add("l", kAllEdge);
    s.Events();
    s.Shutdown("l", SHUT_WR);
    s.Events();
  });
}

TEST_P(SimMiscDifferentialTest, AddressesAreShared) {
  const int options[] = {0, SO_REUSEADDR, SO_REUSEPORT};
  for (const int first : options) {
    for (const int second : options) {
      for (const bool first_listens : {false, true}) {
        Same([=](SyscallScript& s) {
          if (s.is_unix() && (first == SO_REUSEPORT || second == SO_REUSEPORT)) return;
          s.Socket("a");
          if (first != 0) s.SetInt("a", SOL_SOCKET, first, 1);
          s.Bind("a");
          if (first_listens) s.Listen("a");
          s.Socket("b");
          if (second != 0) s.SetInt("b", SOL_SOCKET, second, 1);
          if (s.BindLike("b", "a") == 0) s.Listen("b");
          s.Listen("a");
        });
      }
    }
  }
}

TEST_P(SimMiscDifferentialTest, AnActiveCloseHoldsTheAddress) {
  for (const bool reuse : {false, true}) {
    Same([reuse](SyscallScript& s) {
      s.Socket("l");
      if (reuse) s.SetInt("l", SOL_SOCKET, SO_REUSEADDR, 1);
      s.Bind("l");
      s.Listen("l");
      s.Socket("c");
      s.Connect("c", "l");
      s.Accept("l", "s");
      s.Socket("b");
      if (reuse) s.SetInt("b", SOL_SOCKET, SO_REUSEADDR, 1);
      s.Socket("other");
      s.Close("s");
      s.Close("c");
      s.BindLike("b", "l");
      if (!s.is_unix()) return;
      s.Close("l");
    });
  }
}

TEST_P(SimMiscDifferentialTest, EmptyTransfers) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Send("c", "");
    s.Events();
    s.Recv("s", 0);
    s.Send("c", "x");
    s.Recv("s", 0);
    s.Recv("s", 1);
    s.Close("c");
    s.Recv("s", 0);
  });
}

TEST_P(SimMiscDifferentialTest, GathersAndSendsFiles) {
  Same([](SyscallScript& s) {
    s.Pair();
    std::string a = "one ", b, c = "two ", d = "three";
    const iovec pieces[] = {
        {a.data(), a.size()}, {b.data(), b.size()}, {c.data(), c.size()}, {d.data(), d.size()}};
    s.Log("gather", s.syscalls().Send(s.fd("c"), pieces));
    s.Recv("s");
    const int file = ::memfd_create("file", 0);
    ASSERT_GE(file, 0);
    ASSERT_EQ(10, ::pwrite(file, "0123456789", 10, 0));
    off_t offset = 3;
    s.Log("sendfile", s.syscalls().SendFile(s.fd("c"), file, &offset, 4));
    s.Log("offset", offset);
    s.Recv("s");
    s.Log("sendfile", s.syscalls().SendFile(s.fd("c"), file, &offset, 99));
    s.Log("offset", offset);
    s.Log("sendfile", s.syscalls().SendFile(s.fd("c"), file, &offset, 99));
    s.Log("bad file", s.syscalls().SendFile(s.fd("c"), -1, &offset, 99));
    s.Recv("s");
    offset = 0;
    s.Shutdown("c", SHUT_WR);
    s.Log("sendfile", s.syscalls().SendFile(s.fd("c"), file, &offset, 4));
    s.Log("offset", offset);
    ::close(file);
  });
}

TEST_P(SimMiscDifferentialTest, ReadAndWriteAreRecvAndSend) {
  Same([](SyscallScript& s) {
    s.Pair();
    char data[8];
    s.Log("write", s.syscalls().Write(s.fd("c"), "abc", 3));
    s.Log("read", s.syscalls().Read(s.fd("s"), data, 2));
    s.Log("read", s.syscalls().Read(s.fd("s"), data, 2));
    s.Log("read", s.syscalls().Read(s.fd("s"), data, 2));
  });
}

TEST_P(SimMiscDifferentialTest, TheEndFreesAPortThatNobodyChose) {
  Same([](SyscallScript& s) {
    if (s.is_unix()) return;
    s.Pair();
    s.Socket("b");
    s.Socket("d");
    s.BindLike("b", "c");
    s.Linger("s", 1, 0);
    s.Close("s");
    s.BindLike("b", "c");
    // One that was chosen is kept until the close.
    s.Socket("x");
    s.Bind("x");
    sockaddr_storage chosen;
    socklen_t length = sizeof chosen;
    s.Log("name",
          s.syscalls().GetSockName(s.fd("x"), reinterpret_cast<sockaddr*>(&chosen), &length));
    s.Close("x");
    s.BindTo("d", &chosen, length);
    s.Connect("d", "l");
    s.Accept("l", "t");
    s.Linger("t", 1, 0);
    s.Close("t");
    s.Socket("e");
    s.BindLike("e", "d");
  });
}

TEST_P(SimMiscDifferentialTest, OptionsReadBack) {
  Same([](SyscallScript& s) {
    s.Pair();
    for (const int option :
         {SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_REUSEADDR, SO_KEEPALIVE, SO_ERROR, 9999}) {
      s.GetInt("c", SOL_SOCKET, option);
    }
    s.SetInt("c", SOL_SOCKET, SO_KEEPALIVE, 7);
    s.GetInt("c", SOL_SOCKET, SO_KEEPALIVE);
    s.SetInt("c", SOL_SOCKET, SO_TYPE, 7);
    s.SetInt("c", SOL_SOCKET, 9999, 7);
    s.SetInt("c", SOL_SOCKET, SO_SNDBUF, 20000);
    s.GetInt("c", SOL_SOCKET, SO_SNDBUF);
    s.SetInt("c", SOL_SOCKET, SO_RCVBUF, 20000);
    s.GetInt("c", SOL_SOCKET, SO_RCVBUF);
    s.SetInt("c", SOL_SOCKET, SO_SNDBUF, 1);
    s.GetInt("c", SOL_SOCKET, SO_SNDBUF);
    s.SetInt("c", SOL_SOCKET, SO_RCVBUF, 1);
    s.GetInt("c", SOL_SOCKET, SO_RCVBUF);
    for (const int option :
         {TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT, TCP_CORK}) {
      s.SetInt("c", IPPROTO_TCP, option, 1);
      s.GetInt("c", IPPROTO_TCP, option);
    }
    s.SetInt("c", IPPROTO_TCP, 999, 1);
    s.Linger("c", 1, 5);
    linger linger;
    socklen_t length = sizeof linger;
    s.Log("linger", s.syscalls().GetSockOpt(s.fd("c"), SOL_SOCKET, SO_LINGER, &linger, &length));
    s.Log("on", linger.l_onoff);
    s.Log("seconds", linger.l_linger);
    const char small = 1;
    s.Log("short", s.syscalls().SetSockOpt(s.fd("c"), SOL_SOCKET, SO_KEEPALIVE, &small, 1));
    s.Log("no socket", s.syscalls().SetSockOpt(-1, SOL_SOCKET, SO_KEEPALIVE, &small, 1));
    s.Epoll();
    s.GetInt("ep", SOL_SOCKET, SO_ERROR);
    s.Recv("ep");
  });
}

INSTANTIATE_TEST_SUITE_P(Families, SimMiscDifferentialTest,
                         testing::Values(SocketFamily::kInet, SocketFamily::kInet6,
                                         SocketFamily::kUnix),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace spindle
