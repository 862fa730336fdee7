// The life of a connection, simulated and real on loopback: the same calls, the same results.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <functional>

#include "gtest/gtest.h"
#include "tests/net/backend/syscall_script.h"

namespace spindle {
namespace {

constexpr uint32_t kAll = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
constexpr uint32_t kAllEdge = kAll | EPOLLET;

class SimKernelDifferentialTest : public testing::TestWithParam<SocketFamily> {
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

TEST_P(SimKernelDifferentialTest, AcceptIsFirstComeFirstServed) {
  Same([](SyscallScript& s) {
    s.Socket("l");
    s.Bind("l");
    s.Listen("l");
    for (const char* name : {"c1", "c2", "c3"}) {
      s.Socket(name);
      s.Connect(name, "l");
      s.Send(name, name);
    }
    for (const char* name : {"s1", "s2", "s3"}) {
      s.Accept("l", name);
      s.Recv(name);
    }
  });
}

TEST_P(SimKernelDifferentialTest, HalfCloseLeavesTheOtherDirection_R4) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Send("c", "request");
    s.Shutdown("c", SHUT_WR);
    s.Events();
    s.Events();
    s.Send("c", "x");
    s.Recv("s");
    s.Recv("s");
    s.Send("s", "reply");
    s.Events();
    s.Recv("c");
    s.Recv("c");
    s.Shutdown("s", SHUT_WR);
    s.Events();
    s.Recv("c");
    s.Recv("s");
    s.Send("s", "x");
    s.PeerName("c");
    s.PeerName("s");
    s.Shutdown("c", SHUT_WR);
    s.Shutdown("s", SHUT_RDWR);
    s.Events();
    s.SoError("c");
    s.Close("c");
    s.Events();
    s.Recv("s");
    s.SoError("s");
  });
}

TEST_P(SimKernelDifferentialTest, BothShutDownAtOnce) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Send("c", "a");
    s.Send("s", "b");
    s.Shutdown("c", SHUT_WR);
    s.Shutdown("s", SHUT_WR);
    s.Events();
    s.Recv("c");
    s.Recv("c");
    s.Recv("s");
    s.Recv("s");
    s.Events();
  });
}

TEST_P(SimKernelDifferentialTest, ShutdownOfReading) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Send("c", "before");
    s.Shutdown("s", SHUT_RD);
    s.Events();
    s.Recv("s");
    s.Recv("s");
    s.Send("c", "after");
    s.Events();
    s.Recv("s");
    s.Recv("s");
    s.Send("s", "reply");
    s.Events();
    s.Recv("c");
    s.Close("c");
    s.Events();
    s.Recv("s");
  });
}

TEST_P(SimKernelDifferentialTest, ShutdownOfBothThenPeerSends) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Shutdown("s", SHUT_RDWR);
    s.Events();
    s.Send("c", "x");
    s.Events();
    s.Recv("s");
    s.Recv("s");
    s.Recv("c");
    s.Recv("c");
    s.Send("c", "x");
    s.Send("c", "x");
    s.Events();
  });
}

TEST_P(SimKernelDifferentialTest, CloseDeliversDataThenTheEnd) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Send("c", "last words");
    s.Close("c");
    s.Events();
    s.Recv("s", 4);
    s.Events();
    s.Recv("s");
    s.Recv("s");
    s.SoError("s");
    s.Events();
    s.PeerName("s");
  });
}

TEST_P(SimKernelDifferentialTest, CloseWithUnreadInputResets) {
  for (const bool read_error_first : {false, true}) {
    Same([read_error_first](SyscallScript& s) {
      WatchedPair(s);
      s.Send("s", "answer");
      s.Send("c", "unread");
      s.Recv("c", 2);
      s.Close("s");
      s.Events();
      s.Events();
      if (read_error_first) s.SoError("c");
      s.Recv("c", 2);
      s.Recv("c");
      s.Recv("c");
      s.Recv("c");
      s.Events();
      s.Send("c", "x");
      s.SoError("c");
      s.PeerName("c");
      s.Shutdown("c", SHUT_WR);
      s.Shutdown("c", SHUT_RDWR);
    });
  }
}

TEST_P(SimKernelDifferentialTest, LingerZeroResets) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Send("c", "data");
    s.Linger("c", 1, 0);
    s.Close("c");
    s.Events();
    s.Send("s", "x");
    s.Send("s", "x");
    s.Recv("s");
    s.Recv("s");
    s.Recv("s");
    s.Events();
  });
}

TEST_P(SimKernelDifferentialTest, ResetAfterTheEnd) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Shutdown("c", SHUT_WR);
    s.Events();
    s.Linger("c", 1, 0);
    s.Close("c");
    s.Events();
    s.Send("s", "x");
    s.Recv("s");
    s.SoError("s");
    s.Recv("s");
  });
}

TEST_P(SimKernelDifferentialTest, SendToAClosedPeer) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Close("s");
    s.Events();
    s.Send("c", "first");
    s.Events();
    s.Send("c", "second");
    s.Send("c", "third");
    s.Recv("c");
    s.Recv("c");
    s.SoError("c");
    s.Events();
  });
}

TEST_P(SimKernelDifferentialTest, ResetThenSendAndSoError) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Linger("s", 1, 0);
    s.Close("s");
    s.Events();
    s.SoError("c");
    s.Events();
    s.SoError("c");
    s.Send("c", "x");
    s.Recv("c");
    s.Close("c");
  });
}

TEST_P(SimKernelDifferentialTest, RefusedConnectIsSeenOnce) {
  for (const int how : {0, 1, 2}) {
    Same([how](SyscallScript& s) {
      s.Socket("l");
      s.Bind("l");  // Holds the name, does not listen.
      s.Socket("c");
      s.Epoll();
      s.Add("c", kAllEdge);
      s.Events();
      s.Connect("c", "l");
      s.Events();
      if (how == 0) s.SoError("c");
      if (how == 1) s.Recv("c");
      if (how == 2) s.Send("c", "x");
      s.Events();
      s.Connect("c", "l");
      s.Events();
      s.SoError("c");
      s.Listen("l");
      s.Connect("c", "l");
      s.Events();
      s.SoError("c");
      s.Connect("c", "l");
      s.Accept("l", "s");
    });
  }
}

TEST_P(SimKernelDifferentialTest, ClosedListenerResetsWhatItDidNotAccept) {
  Same([](SyscallScript& s) {
    s.Socket("l");
    s.Bind("l");
    s.Listen("l");
    s.Socket("c");
    s.Connect("c", "l");
    s.Epoll();
    s.Add("c", kAllEdge);
    s.Events();
    s.Send("c", "x");
    s.Close("l");
    s.Events();
    s.Recv("c");
    s.Recv("c");
    s.Send("c", "x");
  });
}

TEST_P(SimKernelDifferentialTest, ClientLeavesBeforeAccept) {
  for (const bool reset : {false, true}) {
    Same([reset](SyscallScript& s) {
      s.Socket("l");
      s.Bind("l");
      s.Listen("l");
      s.Socket("c");
      s.Connect("c", "l");
      s.Send("c", "hello");
      if (reset) s.Linger("c", 1, 0);
      s.Close("c");
      s.Epoll();
      s.Add("l", EPOLLIN);
      s.Events();
      s.Accept("l", "s");
      s.Add("s", kAllEdge);
      s.Events();
      s.PeerName("s");
      s.Recv("s");
      s.Recv("s");
      s.Recv("s");
      s.Send("s", "x");
    });
  }
}

TEST_P(SimKernelDifferentialTest, FullPipeThenClose) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.FillUp("c");
    s.Events();
    s.Close("c");
    s.Events();
    s.Drain("s");
    s.Events();
  });
}

TEST_P(SimKernelDifferentialTest, FullPipeThenReset) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.FillUp("c");
    s.Events();
    s.Close("s");
    s.Events();
    s.Send("c", "x");
    s.Send("c", "x");
    s.Events();
  });
}

TEST_P(SimKernelDifferentialTest, ShutdownOfAListener) {
  Same([](SyscallScript& s) {
    s.Socket("l");
    s.Bind("l");
    s.Listen("l");
    s.Epoll();
    s.Add("l", EPOLLIN | EPOLLET);
    s.Socket("c");
    s.Connect("c", "l");
    s.Add("c", kAllEdge);
    s.Events();
    s.Shutdown("l", SHUT_RD);
    s.Events();
    s.Accept("l", "s");
  });
}

INSTANTIATE_TEST_SUITE_P(Families, SimKernelDifferentialTest,
                         testing::Values(SocketFamily::kInet, SocketFamily::kInet6,
                                         SocketFamily::kUnix),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace spindle
