// The simulated epoll against the real one on loopback: the same calls, the same results.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <functional>

#include "gtest/gtest.h"
#include "tests/net/backend/syscall_script.h"

namespace spindle {
namespace {

constexpr uint32_t kAll = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
constexpr uint32_t kAllEdge = kAll | EPOLLET;

class SimEpollDifferentialTest : public testing::TestWithParam<SocketFamily> {
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

TEST_P(SimEpollDifferentialTest, ConnectAndAcceptMakeEdges) {
  for (const uint32_t mode : {uint32_t{0}, uint32_t{EPOLLET}}) {
    Same([mode](SyscallScript& s) {
      s.Epoll();
      s.Socket("l");
      s.Bind("l");
      s.Add("l", EPOLLIN | mode);
      s.Listen("l");
      s.Events();
      s.Accept("l", "none");
      s.Socket("c");
      s.Add("c", kAll | mode);
      s.Events();
      s.Connect("c", "l");
      s.Events();
      s.Events();
      s.Connect("c", "l");
      s.Connect("c", "l");
      s.Events();
      s.Socket("d");
      s.Connect("d", "l");
      s.Events();
      s.Accept("l", "s");
      s.Events();
      s.Accept("l", "t");
      s.Accept("l", "none");
      s.Add("s", kAll | mode);
      s.Events();
      s.Events();
      s.PeerName("c");
      s.PeerName("s");
      s.GetInt("l", SOL_SOCKET, SO_ACCEPTCONN);
      s.GetInt("c", SOL_SOCKET, SO_ACCEPTCONN);
    });
  }
}

TEST_P(SimEpollDifferentialTest, EveryArrivalIsAnEdge) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Send("c", "abc");
    s.Events();
    s.Events();
    s.Recv("s", 1);
    s.Events();
    s.Send("c", "d");
    s.Events();
    s.Recv("s", 2);
    s.Recv("s", 9);
    s.Recv("s", 9);
    s.Events();
    s.Send("c", "e");
    s.Send("c", "f");
    s.Events();
    s.Events();
  });
}

TEST_P(SimEpollDifferentialTest, LevelTriggeredReportsUntilDrained) {
  Same([](SyscallScript& s) {
    s.Pair();
    s.Epoll();
    s.Add("s", EPOLLIN | EPOLLRDHUP);
    s.Events();
    s.Send("c", "abc");
    s.Events();
    s.Recv("s", 2);
    s.Events();
    s.Recv("s", 2);
    s.Events();
    s.Close("c");
    s.Events();
    s.Events();
    s.Recv("s");
    s.Events();
  });
}

TEST_P(SimEpollDifferentialTest, OneShotReportsOncePerModify) {
  for (const uint32_t mode : {uint32_t{EPOLLONESHOT}, uint32_t{EPOLLONESHOT | EPOLLET}}) {
    Same([mode](SyscallScript& s) {
      s.Pair();
      s.Epoll();
      s.Add("s", EPOLLIN | mode);
      s.Send("c", "a");
      s.Events();
      s.Send("c", "b");
      s.Events();
      s.Mod("s", EPOLLIN | mode);
      s.Events();
      s.Recv("s");
      s.Mod("s", EPOLLIN | mode);
      s.Events();
      s.Close("c");
      s.Events();
      s.Events();
      s.Mod("s", mode);
      s.Events();
    });
  }
}

TEST_P(SimEpollDifferentialTest, ModifyReportsWhatIsReady) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Mod("c", EPOLLOUT | EPOLLET);
    s.Events();
    s.Mod("c", EPOLLIN | EPOLLET);
    s.Events();
    s.Send("s", "x");
    s.Mod("c", EPOLLOUT | EPOLLET);
    s.Events();
    s.Mod("c", 0);
    s.Events();
    s.Close("s");
    s.Events();
    s.Events();
  });
}

TEST_P(SimEpollDifferentialTest, InterestFiltersEdges) {
  Same([](SyscallScript& s) {
    s.Pair();
    s.Epoll();
    s.Add("c", EPOLLOUT | EPOLLET);
    s.Epoll("ep2");
    s.Add("c", EPOLLRDHUP | EPOLLET, "ep2");
    s.Epoll("ep3");
    s.Add("c", EPOLLIN | EPOLLET, "ep3");
    for (const char* set : {"ep", "ep2", "ep3"}) s.Events(set);
    s.Send("s", "x");
    for (const char* set : {"ep", "ep2", "ep3"}) s.Events(set);
    s.Shutdown("s", SHUT_WR);
    for (const char* set : {"ep", "ep2", "ep3"}) s.Events(set);
    s.Close("s");
    for (const char* set : {"ep", "ep2", "ep3"}) s.Events(set);
  });
}

TEST_P(SimEpollDifferentialTest, ControlFailsAsDocumented) {
  Same([](SyscallScript& s) {
    s.Pair();
    s.Epoll();
    s.Mod("c", kAll);
    s.Del("c");
    s.Add("c", kAll);
    s.Add("c", kAll);
    s.Add("missing", kAll);
    s.Add("ep", kAll);
    s.Add("c", kAll, "s");
    s.Add("c", kAll, "missing");
    s.Del("c");
    s.Del("c");
    s.Log("bad operation", s.syscalls().EpollCtl(s.fd("ep"), 9, s.fd("c"), nullptr));
    s.Log("null event", s.syscalls().EpollCtl(s.fd("ep"), EPOLL_CTL_ADD, s.fd("c"), nullptr));
    s.Log("no room", s.syscalls().EpollWait(s.fd("ep"), {}, 0));
  });
}

TEST_P(SimEpollDifferentialTest, CloseEndsTheRegistrationAndFreesTheNumber) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    const int before = s.fd("c");
    s.Send("s", "x");
    s.Close("c");
    s.Events();
    s.Socket("d");
    s.Note(s.fd("d") == before ? "same number" : "other number");
    s.Events();
    s.Add("d", kAllEdge);
    s.Events();
  });
}

TEST_P(SimEpollDifferentialTest, NothingIsWritableUntilThePeerReads) {
  for (const uint32_t mode : {uint32_t{0}, uint32_t{EPOLLET}}) {
    Same([mode](SyscallScript& s) {
      s.Pair();
      s.Epoll();
      s.Add("c", EPOLLOUT | mode);
      s.Events();
      s.FillUp("c");
      s.Events();
      s.Drain("s");
      s.Events();
      s.Send("c", "x");
      s.Recv("s");
      s.FillUp("c");
      s.Drain("s");
      s.Events();
    });
  }
}

TEST_P(SimEpollDifferentialTest, ReadingIsAnEdgeForTheWriterWhereItIs) {
  Same([](SyscallScript& s) {
    WatchedPair(s);
    s.Send("c", "abc");
    s.Send("c", "def");
    s.Events();
    s.Recv("s", 2);
    s.Events();
    s.Recv("s", 2);
    s.Events();
    s.Recv("s", 9);
    s.Events();
  });
}

TEST_P(SimEpollDifferentialTest, ReadyListRotates) {
  Same([](SyscallScript& s) {
    s.Pair();
    s.Socket("d");
    s.Connect("d", "l");
    s.Accept("l", "t");
    s.Socket("e");
    s.Connect("e", "l");
    s.Accept("l", "u");
    s.Epoll();
    for (const char* name : {"s", "t", "u"}) s.Add(name, EPOLLIN);
    s.Send("e", "x");
    s.Send("c", "x");
    s.Send("d", "x");
    for (int i = 0; i < 5; ++i) s.EventsInOrder(1);
    s.EventsInOrder(2);
    s.Recv("t");
    s.EventsInOrder(3);
    s.Send("d", "x");
    s.EventsInOrder(2);
    s.EventsInOrder(2);
  });
}

TEST_P(SimEpollDifferentialTest, EdgesKeepTheirOrder) {
  Same([](SyscallScript& s) {
    s.Pair();
    s.Socket("d");
    s.Connect("d", "l");
    s.Accept("l", "t");
    s.Epoll();
    s.Add("t", EPOLLIN | EPOLLET);
    s.Add("s", EPOLLIN | EPOLLET);
    s.Send("c", "x");
    s.Send("d", "x");
    s.EventsInOrder(1);
    s.Send("c", "x");
    s.EventsInOrder(1);
    s.EventsInOrder(1);
    s.EventsInOrder(1);
  });
}

INSTANTIATE_TEST_SUITE_P(Families, SimEpollDifferentialTest,
                         testing::Values(SocketFamily::kInet, SocketFamily::kInet6,
                                         SocketFamily::kUnix),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace spindle
