// What a socket does when all goes well, and how it ends. Failures: udp_errors_test.

#include "net/datagram/udp_socket.h"

#include <errno.h>
#include <netinet/in.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop_thread.h"
#include "net/loop/simulation.h"
#include "tests/net/datagram/datagram_world.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

class UdpSocketTest : public DatagramTest {};

int GetInt(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

// The descriptor of the only datagram socket of this process, found by its port.
int FdOf(const UdpSocket& socket) {
  for (const auto& [fd, what] : OpenFds()) {
    sockaddr_storage storage = {};
    socklen_t length = sizeof storage;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) continue;
    if (SocketAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&storage), length) ==
        socket.local_address()) {
      return fd;
    }
  }
  return -1;
}

TEST_F(UdpSocketTest, AnswersOverBothFamilies) {
  for (const SocketAddress& at : {SocketAddress::LoopbackV4(0), SocketAddress::LoopbackV6(0)}) {
    const auto server =
        Bind({.on_datagram =
                  [](UdpSocket& socket, const Datagram& datagram) {
                    EXPECT_TRUE(socket.Reply(datagram, std::string(datagram.data()) + "!").ok());
                  }},
             {}, at);
    EXPECT_NE(server->local_address().port(), 0);
    RawUdp peer(at);
    ASSERT_TRUE(peer.SendTo("one", server->local_address()));
    ASSERT_TRUE(peer.SendTo("two", server->local_address()));
    Settle();
    SocketAddress from;
    EXPECT_EQ(peer.Receive(&from), "one!");
    EXPECT_EQ(from, server->local_address());
    EXPECT_EQ(peer.ReceiveAll(), Strings{"two!"});
  }
}

TEST_F(UdpSocketTest, Ipv6SocketTalksToBothFamilies) {
  const auto socket = Bind(Noting(), {}, SocketAddress::AnyV6(0));
  RawUdp v4;
  RawUdp v6(SocketAddress::LoopbackV6(0));
  const uint16_t port = socket->local_address().port();
  ASSERT_TRUE(v4.SendTo("four", SocketAddress::LoopbackV4(port)));
  ASSERT_TRUE(v6.SendTo("six", SocketAddress::LoopbackV6(port)));
  EXPECT_TRUE(socket->SendTo("to four", v4.address()).ok());
  EXPECT_TRUE(socket->SendTo("to six", v6.address()).ok());
  Settle();
  EXPECT_EQ(heard_, (Strings{"four", "six"}));
  ASSERT_EQ(peers_.size(), 2u);
  EXPECT_EQ(peers_[0].ip(), "::ffff:127.0.0.1");
  EXPECT_TRUE(socket->SendTo("mapped", peers_[0]).ok());
  Settle();
  EXPECT_EQ(v4.ReceiveAll(), (Strings{"to four", "mapped"}));
  EXPECT_EQ(v6.ReceiveAll(), Strings{"to six"});

  const auto only6 = Bind(Noting(), {.dual_stack = false}, SocketAddress::AnyV6(0));
  EXPECT_EQ(only6->SendTo("x", v4.address()).code(), EAFNOSUPPORT);
  v4.SendTo("not for it", SocketAddress::LoopbackV4(only6->local_address().port()));
  Settle();
  EXPECT_EQ(heard_.size(), 2u);
}

// 0, 1, 1472 and 65,507 bytes are datagrams; 65,508 cannot be one, and is refused at once.
TEST_F(UdpSocketTest, EverySizeFromNothingToTheLargestPasses_U2) {
  const auto receiver = Bind(Noting());
  const auto sender = Bind();
  for (const size_t size : {0, 1, 1472, 65507}) {
    const std::string data(size, 'x');
    heard_.clear();
    ASSERT_TRUE(sender->SendTo(data, receiver->local_address()).ok());
    Settle();
    EXPECT_EQ(heard_, Strings{data}) << size;
  }
  EXPECT_EQ(sender->SendTo(std::string(65508, 'x'), receiver->local_address()).code(), EMSGSIZE);
  EXPECT_EQ(sender->queued(), 0u);
  const auto v6 = Bind(Noting(), {}, SocketAddress::LoopbackV6(0));
  heard_.clear();
  ASSERT_TRUE(v6->SendTo(std::string(65527, 'x'), v6->local_address()).ok());
  EXPECT_EQ(v6->SendTo(std::string(65528, 'x'), v6->local_address()).code(), EMSGSIZE);
  Settle();
  EXPECT_EQ(heard_, Strings{std::string(65527, 'x')});
  // To an IPv4 address the limit is that of IPv4.
  EXPECT_EQ(v6->SendTo(std::string(65508, 'x'), receiver->local_address()).code(), EMSGSIZE);
}

// An empty datagram is neither an end nor an error, among others and alone.
TEST_F(UdpSocketTest, EmptyDatagramsAreDataBothWays_U2) {
  const auto echo = Bind({.on_datagram = [](UdpSocket& socket, const Datagram& datagram) {
    EXPECT_EQ(datagram.size(), datagram.data().size());
    EXPECT_FALSE(datagram.truncated());
    socket.Reply(datagram, datagram.data());
  }});
  const auto client = Connect(echo->local_address(), Noting());
  for (const std::string_view data : {"", "a", "", "", "bc", ""}) {
    ASSERT_TRUE(client->Send(data).ok());
  }
  Settle();
  EXPECT_EQ(heard_, (Strings{"", "a", "", "", "bc", ""}));
  EXPECT_EQ(echo->stats().datagrams_received, 6u);
  EXPECT_EQ(echo->stats().bytes_received, 3u);
  EXPECT_EQ(echo->stats().datagrams_sent, 6u);
}

TEST_F(UdpSocketTest, TruncationIsSeenWithTheTrueSize_U2) {
  for (const bool offload : {false, true}) {
    std::vector<size_t> sizes;
    const auto receiver = Bind({.on_datagram =
                                    [&](UdpSocket&, const Datagram& datagram) {
                                      heard_.emplace_back(datagram.data());
                                      sizes.push_back(datagram.size());
                                      EXPECT_EQ(datagram.truncated(), datagram.size() > 10);
                                    }},
                               {.max_datagram_size = 10, .receive_offload = offload});
    RawUdp peer;
    heard_.clear();
    for (const size_t size : {0, 9, 10, 11, 5000, 65507}) {
      ASSERT_TRUE(peer.SendTo(std::string(size, 'x'), receiver->local_address()));
    }
    Settle();
    const std::string cut(10, 'x');
    EXPECT_EQ(heard_, (Strings{"", "xxxxxxxxx", cut, cut, cut, cut}));
    EXPECT_EQ(sizes, (std::vector<size_t>{0, 9, 10, 11, 5000, 65507}));
    EXPECT_EQ(receiver->stats().truncated, 3u);
  }
}

// More than a batch, each in its place: what recvmmsg(2) brings is handed out first to last.
TEST_F(UdpSocketTest, OrderIsKeptAcrossBatchesAndTurns) {
  for (const size_t batch : {1, 3, 32}) {
    for (const size_t per_turn : {1, 7, 256}) {
      const auto receiver = Bind(Noting(), {.batch_size = batch, .datagrams_per_turn = per_turn});
      const auto sender = Bind({}, {.batch_size = batch});
      heard_.clear();
      Strings sent;
      for (int i = 0; i < 100; ++i) {
        sent.push_back(std::to_string(i));
        ASSERT_TRUE(sender->SendTo(sent.back(), receiver->local_address()).ok());
      }
      Settle();
      EXPECT_EQ(heard_, sent);
    }
  }
}

// A flood must leave the rest of the loop its turns: no more than the budget in each.
TEST_F(UdpSocketTest, FloodIsTakenByBudget_U2) {
  const auto receiver = Bind(Noting(), {.datagrams_per_turn = 10});
  RawUdp peer;
  for (int i = 0; i < 95; ++i) ASSERT_TRUE(peer.SendTo("", receiver->local_address()));
  for (size_t expected : {10, 20, 30, 40, 50, 60, 70, 80, 90, 95}) {
    ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
    EXPECT_EQ(heard_.size(), expected);
  }
  EXPECT_LE(Settle(), 1);
}

TEST_F(UdpSocketTest, ConnectedSocketHearsItsPeerAlone) {
  RawUdp peer, stranger;
  const auto socket = Connect(peer.address(), Noting());
  EXPECT_EQ(socket->peer_address(), peer.address());
  EXPECT_EQ(socket->local_address().ip(), "127.0.0.1");
  ASSERT_TRUE(stranger.SendTo("stranger", socket->local_address()) || true);
  ASSERT_TRUE(peer.SendTo("peer", socket->local_address()));
  EXPECT_TRUE(socket->Send("hello").ok());
  Settle();
  EXPECT_EQ(heard_, Strings{"peer"});
  EXPECT_EQ(peers_.back(), peer.address());
  SocketAddress from;
  EXPECT_EQ(peer.Receive(&from), "hello");
  EXPECT_EQ(from, socket->local_address());
}

// The kernel gives up a port that it has picked itself when a socket is disconnected.
TEST_F(UdpSocketTest, PeersChangeAndThePortStays) {
  RawUdp first, second;
  const auto socket = Connect(first.address(), Noting());
  const uint16_t port = socket->local_address().port();
  ASSERT_TRUE(socket->Send("1").ok());
  ASSERT_TRUE(socket->ConnectTo(second.address()).ok());
  ASSERT_TRUE(socket->Send("2").ok());
  ASSERT_TRUE(socket->Disconnect().ok());
  EXPECT_EQ(socket->Send("3").code(), EDESTADDRREQ);
  EXPECT_TRUE(socket->peer_address().is_unspecified());
  EXPECT_EQ(socket->local_address().port(), port);
  ASSERT_TRUE(first.SendTo("a", SocketAddress::LoopbackV4(port)));
  ASSERT_TRUE(second.SendTo("b", SocketAddress::LoopbackV4(port)));
  Settle();
  EXPECT_EQ(heard_, (Strings{"a", "b"}));
  EXPECT_EQ(first.ReceiveAll(), Strings{"1"});
  EXPECT_EQ(second.ReceiveAll(), Strings{"2"});
  EXPECT_EQ(ErrnoOf(socket->ConnectTo(SocketAddress::LoopbackV6(9))), EAFNOSUPPORT);
  EXPECT_FALSE(socket->ConnectTo(SocketAddress()).ok());
}

TEST_F(UdpSocketTest, SendsThatCannotBeAreRefusedAtOnce) {
  const auto socket = Bind();
  EXPECT_EQ(socket->Send("x").code(), EDESTADDRREQ);
  EXPECT_EQ(socket->SendTo("x", SocketAddress()).code(), EDESTADDRREQ);
  EXPECT_EQ(socket->SendTo("x", SocketAddress::LoopbackV4(0)).code(), EDESTADDRREQ);
  EXPECT_EQ(socket->SendTo("x", SocketAddress::LoopbackV6(9)).code(), EAFNOSUPPORT);
  EXPECT_EQ(socket->SendTo("x", *SocketAddress::UnixAbstract("a")).code(), EAFNOSUPPORT);
  EXPECT_EQ(
      socket->SendTo("x", SocketAddress::LoopbackV4(9), {.address = SocketAddress::LoopbackV6(0)})
          .code(),
      EAFNOSUPPORT);
  EXPECT_EQ(socket->SendSegments("x", 0, SocketAddress::LoopbackV4(9)).code(), EINVAL);
  EXPECT_EQ(socket->queued(), 0u);
  EXPECT_EQ(socket->stats().send_calls, 0u);
}

TEST_F(UdpSocketTest, AnswersOfABatchLeaveInOneCall) {
  const auto echo = Bind({.on_datagram = [](UdpSocket& socket, const Datagram& datagram) {
    socket.Reply(datagram, datagram.data());
  }});
  std::vector<std::unique_ptr<RawUdp>> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(std::make_unique<RawUdp>());
    ASSERT_TRUE(peers.back()->SendTo("x", echo->local_address()));
  }
  Settle();
  for (const auto& peer : peers) EXPECT_EQ(peer->ReceiveAll(), Strings{"x"});
  EXPECT_EQ(echo->stats().send_calls, 1u);
  EXPECT_EQ(echo->stats().receive_calls, 1u);
}

TEST_F(UdpSocketTest, FlushSendsAtOnce) {
  RawUdp peer;
  const auto socket = Bind();
  ASSERT_TRUE(socket->SendTo("x", peer.address()).ok());
  EXPECT_EQ(peer.Receive(), std::nullopt);
  EXPECT_EQ(socket->queued(), 1u);
  EXPECT_EQ(socket->queued_bytes(), 65u);
  socket->Flush();
  EXPECT_EQ(peer.Receive(), "x");
  EXPECT_EQ(socket->queued(), 0u);
}

TEST_F(UdpSocketTest, DestructorSendsWhatIsQueued) {
  RawUdp peer;
  auto socket = Bind();
  ASSERT_TRUE(socket->SendTo("last words", peer.address()).ok());
  socket.reset();
  EXPECT_EQ(peer.Receive(), "last words");
}

// Not one datagram more after PauseReceiving, not even of those that came in the same batch.
TEST_F(UdpSocketTest, PauseHoldsInTheMiddleOfABatch) {
  const auto socket = Bind({.on_datagram = [this](UdpSocket& self, const Datagram& datagram) {
    heard_.emplace_back(datagram.data());
    if (heard_.size() % 2 == 0) self.PauseReceiving();
  }});
  RawUdp peer;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(peer.SendTo(std::to_string(i), socket->local_address()));
  }
  Settle();
  EXPECT_EQ(heard_, (Strings{"0", "1"}));
  EXPECT_FALSE(socket->receiving());
  ASSERT_TRUE(peer.SendTo("5", socket->local_address()));
  EXPECT_LE(Settle(), 2) << "a paused socket must not keep the loop busy";
  socket->ResumeReceiving();
  Settle();
  EXPECT_EQ(heard_, (Strings{"0", "1", "2", "3"}));
  socket->ResumeReceiving();
  Settle();
  EXPECT_EQ(heard_, (Strings{"0", "1", "2", "3", "4", "5"}));
}

// The view stays readable, and nothing more comes.
TEST_F(UdpSocketTest, DestroyedInItsOwnCallback_D1) {
  std::unique_ptr<UdpSocket> socket;
  std::string seen;
  socket = Bind({.on_datagram = [&](UdpSocket& self, const Datagram& datagram) {
    self.Reply(datagram, "bye");
    socket.reset();
    heard_.emplace_back(datagram.data());
    seen = datagram.peer().ip();
  }});
  RawUdp peer;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(peer.SendTo("x", socket->local_address()));
  Settle();
  EXPECT_EQ(heard_, Strings{"x"});
  EXPECT_EQ(seen, "127.0.0.1");
  EXPECT_EQ(peer.ReceiveAll(), Strings{"bye"});
}

TEST_F(UdpSocketTest, DestroyedByAnotherSocketsCallback_D1) {
  std::unique_ptr<UdpSocket> sockets[2];
  int calls = 0;
  for (int i = 0; i < 2; ++i) {
    sockets[i] = Bind({.on_datagram = [&, i](UdpSocket&, const Datagram&) {
      ++calls;
      sockets[1 - i].reset();
    }});
  }
  RawUdp peer;
  for (const auto& socket : sockets) ASSERT_TRUE(peer.SendTo("x", socket->local_address()));
  Settle();
  EXPECT_EQ(calls, 1);
}

TEST_F(UdpSocketTest, LoopThatGoesFirstClosesTheSocket) {
  const auto socket = Bind(Noting());
  const UdpHandle handle = socket->handle();
  RawUdp peer;
  ASSERT_TRUE(socket->SendTo("x", peer.address()).ok());
  loop_.reset();
  EXPECT_EQ(peer.Receive(), "x");
  EXPECT_EQ(socket->SendTo("x", peer.address()).code(), EBADF);
  EXPECT_EQ(socket->SendSegments("x", 1, peer.address()).code(), EBADF);
  EXPECT_FALSE(socket->SetTtl(3).ok());
  EXPECT_FALSE(socket->ConnectTo(peer.address()).ok());
  EXPECT_FALSE(socket->Disconnect().ok());
  EXPECT_FALSE(socket->JoinGroup(*SocketAddress::FromIp("239.1.1.1", 0)).ok());
  EXPECT_EQ(socket->stats().datagrams_sent, 1u);
  socket->Flush();
  socket->ResumeReceiving();
  EXPECT_FALSE(handle.SendTo("x", peer.address()));
}

TEST_F(UdpSocketTest, OptionsReachTheKernel) {
  const auto socket = Bind({}, {.broadcast = true,
                                .send_buffer = 20000,
                                .receive_buffer = 30000,
                                .ttl = 7,
                                .type_of_service = 0x2e << 2,
                                .multicast_ttl = 9,
                                .multicast_loop = false});
  const int fd = FdOf(*socket);
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_TTL), 7);
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_TOS), 0x2e << 2);
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_MULTICAST_TTL), 9);
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_MULTICAST_ALL), 0);
  EXPECT_EQ(GetInt(fd, SOL_SOCKET, SO_BROADCAST), 1);
  EXPECT_EQ(GetInt(fd, SOL_SOCKET, SO_SNDBUF), 40000);  // socket(7): doubled.
  EXPECT_EQ(GetInt(fd, SOL_SOCKET, SO_RCVBUF), 60000);
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_RECVERR), 0) << "nobody wants to hear of errors";
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_PKTINFO), 0) << "bound to one address";
  ASSERT_TRUE(socket->SetTtl(8).ok());
  ASSERT_TRUE(socket->SetTypeOfService(4).ok());
  ASSERT_TRUE(socket->SetMulticastTtl(10).ok());
  ASSERT_TRUE(socket->SetMulticastLoop(true).ok());
  ASSERT_TRUE(socket->SetBroadcast(false).ok());
  ASSERT_TRUE(socket->SetSendBuffer(50000).ok());
  ASSERT_TRUE(socket->SetReceiveBuffer(50000).ok());
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_TTL), 8);
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_TOS), 4);
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_MULTICAST_TTL), 10);
  EXPECT_EQ(GetInt(fd, IPPROTO_IP, IP_MULTICAST_LOOP), 1);
  EXPECT_EQ(GetInt(fd, SOL_SOCKET, SO_BROADCAST), 0);
  EXPECT_EQ(GetInt(fd, SOL_SOCKET, SO_SNDBUF), 100000);
  EXPECT_EQ(GetInt(fd, SOL_SOCKET, SO_RCVBUF), 100000);
  EXPECT_FALSE(socket->SetMulticastInterface(1u << 30).ok());

  const auto v6 = Bind(Noting(), {.ttl = 7, .type_of_service = 8}, SocketAddress::AnyV6(0));
  const int fd6 = FdOf(*v6);
  EXPECT_EQ(GetInt(fd6, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 7);
  EXPECT_EQ(GetInt(fd6, IPPROTO_IPV6, IPV6_TCLASS), 8);
  EXPECT_EQ(GetInt(fd6, IPPROTO_IPV6, IPV6_V6ONLY), 0);
  EXPECT_EQ(GetInt(fd6, IPPROTO_IPV6, IPV6_RECVERR), 1);
  EXPECT_EQ(GetInt(fd6, IPPROTO_IP, IP_RECVERR), 1) << "of its IPv4 datagrams";
  EXPECT_EQ(GetInt(fd6, IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
}

TEST_F(UdpSocketTest, SetUpFailuresNameTheAddressAndLeaveNothing) {
  const auto taken = Bind();
  const LeakCheck leaks;
  const auto again = UdpSocket::Bind(*loop_, taken->local_address(), {});
  EXPECT_EQ(ErrnoOf(again.status()), EADDRINUSE) << again.status();
  EXPECT_NE(again.status().message().find(taken->local_address().ToString()), std::string::npos);
  EXPECT_EQ(ErrnoOf(UdpSocket::Bind(*loop_, *SocketAddress::Parse("192.0.2.1:1"), {}).status()),
            EADDRNOTAVAIL);
  EXPECT_FALSE(UdpSocket::Bind(*loop_, SocketAddress(), {}).ok());
  EXPECT_FALSE(UdpSocket::Connect(*loop_, SocketAddress(), {}).ok());
  for (const UdpOptions& bad :
       {UdpOptions{.max_datagram_size = 0}, UdpOptions{.batch_size = 0},
        UdpOptions{.batch_size = 1025}, UdpOptions{.datagrams_per_turn = 0}}) {
    EXPECT_EQ(UdpSocket::Bind(*loop_, SocketAddress::LoopbackV4(0), {}, bad).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(ErrnoOf(UdpSocket::Bind(*loop_, SocketAddress::LoopbackV4(0), {}, {.ttl = 0}).status()),
            EINVAL);
  leaks.ExpectUnchanged();
}

// Whichever system call of a set-up fails: an error or a socket that works, and nothing left open.
TEST_F(UdpSocketTest, EveryPointOfASetUpMayFail_Z1) {
  RawUdp peer;
  const UdpOptions options = {.broadcast = true, .send_buffer = 20000, .ttl = 9};
  for (uint64_t n = 0;; ++n) {
    const LeakCheck leaks;
    faulty_.FailNth(n);
    auto socket = n % 2 == 0 ? UdpSocket::Bind(*loop_, SocketAddress::AnyV6(0), Noting(), options)
                             : UdpSocket::Connect(*loop_, peer.address(), Noting(), options);
    const bool failed = faulty_.failed();
    faulty_.Clear();
    if (socket.ok()) {
      EXPECT_TRUE((*socket)->SendTo("x", peer.address()).ok());
      Settle();
      EXPECT_EQ(peer.ReceiveAll(), Strings{"x"});
      socket->reset();
    }
    leaks.ExpectUnchanged();
    if (!failed && n > 20) break;
  }
}

TEST_F(UdpSocketTest, TakesASocketThatWasMadeElsewhere) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_storage storage;
  const socklen_t length = SocketAddress::LoopbackV4(0).ToSockaddr(&storage);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&storage), length), 0);
  auto socket = UdpSocket::Take(*loop_, OwnedFd(fd), Noting());
  ASSERT_TRUE(socket.ok()) << socket.status();
  RawUdp peer;
  ASSERT_TRUE(peer.SendTo("x", (*socket)->local_address()));
  Settle();
  EXPECT_EQ(heard_, Strings{"x"});
  EXPECT_TRUE((*socket)->peer_address().is_unspecified());

  const int connected = dup(peer.fd());
  const socklen_t to = (*socket)->local_address().ToSockaddr(&storage);
  ASSERT_EQ(::connect(connected, reinterpret_cast<sockaddr*>(&storage), to), 0);
  auto second = UdpSocket::Take(*loop_, OwnedFd(connected), {});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->peer_address(), (*socket)->local_address());
  EXPECT_TRUE((*second)->Send("y").ok());
  Settle();
  EXPECT_EQ(heard_, (Strings{"x", "y"}));

  for (const int other : {::socket(AF_INET, SOCK_STREAM, 0), dup(0)}) {
    EXPECT_FALSE(UdpSocket::Take(*loop_, OwnedFd(other), {}).ok());
  }
}

TEST_F(UdpSocketTest, HandlesAreForOtherThreadsAndForLater) {
  RawUdp peer;
  auto socket = Bind(Noting());
  const UdpHandle handle = socket->handle();
  EXPECT_TRUE(handle);
  EXPECT_FALSE(UdpHandle());
  EXPECT_FALSE(UdpHandle().SendTo("x", peer.address()));
  std::vector<int> results;
  std::thread other([&] {
    EXPECT_TRUE(handle.SendTo("from afar", peer.address(), {},
                              [&](IoError error) { results.push_back(error.code()); }));
    EXPECT_TRUE(handle.SendTo("nowhere", SocketAddress(), {},
                              [&](IoError error) { results.push_back(error.code()); }));
    EXPECT_TRUE(handle.Run([&](UdpSocket& self) { EXPECT_EQ(&self, socket.get()); }));
  });
  other.join();
  ASSERT_TRUE(RunUntil([&] { return results.size() == 2; }));
  Settle();
  EXPECT_EQ(peer.Receive(), "from afar");
  EXPECT_EQ(results, (std::vector<int>{0, EDESTADDRREQ}));
  std::thread late([&] {
    EXPECT_TRUE(handle.SendTo("late", peer.address(), {},
                              [&](IoError error) { results.push_back(error.code()); }));
  });
  late.join();
  socket.reset();
  ASSERT_TRUE(RunUntil([&] { return results.size() == 3; }));
  EXPECT_EQ(results.back(), EBADF);
  EXPECT_EQ(peer.Receive(), std::nullopt);
}

// While its loop runs on another thread and is busy with it.
TEST_F(UdpSocketTest, DestroyedFromAnotherThread) {
  auto thread = *EventLoopThread::Start();
  for (int round = 0; round < 50; ++round) {
    std::unique_ptr<UdpSocket> socket;
    thread->ref().CallAndWait([&] {
      socket = *UdpSocket::Bind(thread->loop(), SocketAddress::LoopbackV4(0),
                                {.on_datagram = [](UdpSocket& self, const Datagram& datagram) {
                                  self.Reply(datagram, datagram.data());
                                }});
      // It talks to itself for ever.
      socket->SendTo("ball", socket->local_address());
    });
    socket.reset();
  }
}

TEST_F(UdpSocketTest, SimulatedMachinesHaveNone) {
  Simulation simulation((SimOptions()));
  EventLoop& loop = simulation.AddLoop("loop");
  EXPECT_EQ(ErrnoOf(UdpSocket::Bind(loop, SocketAddress::LoopbackV4(0), {}).status()),
            ESOCKTNOSUPPORT);
}

TEST_F(UdpSocketTest, KernelDropsAreCounted) {
  const auto socket = Bind(Noting(), {.receive_buffer = 1});
  RawUdp peer;
  for (int i = 0; i < 200; ++i) peer.SendTo(std::string(1000, 'x'), socket->local_address());
  Settle();
  const UdpStats stats = socket->stats();
  EXPECT_GT(stats.kernel_drops, 0u);
  EXPECT_EQ(stats.kernel_drops + stats.datagrams_received, 200u);
}

}  // namespace
}  // namespace spindle
