// What the network, the kernel and the machine's limits do to a socket: it tells, loses nothing
// that it need not lose, does not spin, and lives on.

#include <errno.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/datagram/udp_socket.h"
#include "tests/net/datagram/datagram_world.h"
#include "tests/testing/unique_name.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

class UdpErrorsTest : public DatagramTest {
 protected:
  // Every datagram that was accepted is in one place.
  static void ExpectLedger(const UdpSocket& socket, uint64_t accepted) {
    const UdpStats stats = socket.stats();
    EXPECT_EQ(stats.datagrams_sent + stats.send_errors + stats.discarded + stats.queued, accepted);
  }
};

// To a dead port, then to a live one: both leave, later ones come, the socket stays, and the loop
// rests. With and without the error queue, connected and not.
TEST_F(UdpErrorsTest, DeadPortNeitherClosesNorSpins_U1) {
  for (const bool network_errors : {true, false}) {
    SCOPED_TRACE(network_errors);
    errors_.clear();
    heard_.clear();
    RawUdp live;
    const SocketAddress dead = DeadAddress();
    const auto socket = Bind(Noting(), {.network_errors = network_errors});
    ASSERT_TRUE(socket->SendTo("to nobody", dead).ok());
    ASSERT_TRUE(socket->SendTo("to somebody", live.address()).ok());
    EXPECT_LT(Settle(), 8);
    EXPECT_EQ(live.ReceiveAll(), Strings{"to somebody"});
    ASSERT_TRUE(live.SendTo("answer", socket->local_address()));
    EXPECT_LT(Settle(), 4);
    EXPECT_EQ(heard_, Strings{"answer"});
    EXPECT_EQ(Settle(), 0);
    ASSERT_EQ(errors_.size(), network_errors ? 1u : 0u);
    if (!network_errors) continue;
    EXPECT_EQ(errors_[0].failure, DatagramFailure::kNetwork);
    EXPECT_EQ(errors_[0].error.code(), ECONNREFUSED);
    EXPECT_EQ(errors_[0].peer, dead);
    EXPECT_EQ(errors_[0].reporter.ip(), "127.0.0.1");
    EXPECT_EQ(errors_[0].ToString(),
              "send to " + dead.ToString() + ": Connection refused (ECONNREFUSED), says 127.0.0.1");
    EXPECT_EQ(socket->stats().network_errors, 1u);
    ExpectLedger(*socket, 2);
  }
}

TEST_F(UdpErrorsTest, ConnectedSocketSurvivesADeadPeer_U1) {
  for (const bool network_errors : {true, false}) {
    SCOPED_TRACE(network_errors);
    errors_.clear();
    auto peer = std::make_unique<RawUdp>();
    const SocketAddress address = peer->address();
    const auto socket = Connect(address, Noting(), {.network_errors = network_errors});
    peer.reset();
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(socket->Send("anybody?").ok());
      EXPECT_LT(Settle(), 8);
    }
    EXPECT_EQ(Settle(), 0);
    ASSERT_EQ(errors_.size(), 3u);
    for (const DatagramError& error : errors_) {
      EXPECT_EQ(error.failure, DatagramFailure::kNetwork);
      EXPECT_EQ(error.error.code(), ECONNREFUSED);
      EXPECT_EQ(error.peer, address);
    }
    // The peer is back: nothing of the old errors is in the way.
    RawUdp again(address);
    ASSERT_TRUE(socket->Send("now?").ok());
    Settle();
    EXPECT_EQ(again.ReceiveAll(), Strings{"now?"});
    EXPECT_EQ(errors_.size(), 3u);
    ExpectLedger(*socket, 4);
    EXPECT_EQ(socket->stats().send_errors, 0u);
  }
}

// A socket that does not receive hears of errors all the same, and does not stay awake for them.
TEST_F(UdpErrorsTest, PausedSocketIsToldOfErrors_U1) {
  for (const bool network_errors : {true, false}) {
    errors_.clear();
    auto peer = std::make_unique<RawUdp>();
    const auto socket = Connect(peer->address(), Noting(), {.network_errors = network_errors});
    peer.reset();
    socket->PauseReceiving();
    ASSERT_TRUE(socket->Send("x").ok());
    EXPECT_LT(Settle(), 8);
    ASSERT_EQ(errors_.size(), 1u);
    EXPECT_EQ(errors_[0].error.code(), ECONNREFUSED);
    EXPECT_EQ(Settle(), 0);
  }
}

// A pending error must not be taken for that of the next datagram, whose own peer is healthy: not
// in the middle of a batch, and not over and over.
TEST_F(UdpErrorsTest, DeadPeersInABatchCostTheOthersNothing_U1) {
  RawUdp live;
  const SocketAddress dead = DeadAddress();
  for (const size_t batch : {1, 4, 32}) {
    errors_.clear();
    const auto socket = Bind(Noting(), {.batch_size = batch});
    Strings sent;
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(socket->SendTo("lost", dead).ok());
      sent.push_back(std::to_string(i));
      ASSERT_TRUE(socket->SendTo(sent.back(), live.address()).ok());
    }
    EXPECT_LT(Settle(), 10);
    EXPECT_EQ(live.ReceiveAll(), sent);
    EXPECT_EQ(socket->stats().send_errors, 0u);
    ExpectLedger(*socket, 60);
    // The kernel limits the rate of what it reports.
    EXPECT_GT(errors_.size(), 0u);
    for (const DatagramError& error : errors_) EXPECT_EQ(error.peer, dead);
  }
}

TEST_F(UdpErrorsTest, ErrorsOverIpv6NameTheirPeers_U1) {
  const auto socket = Bind(Noting(), {}, SocketAddress::AnyV6(0));
  SocketAddress dead;
  {
    RawUdp gone(SocketAddress::LoopbackV6(0));
    dead = gone.address();
  }
  ASSERT_TRUE(socket->SendTo("x", dead).ok());
  Settle();
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_EQ(errors_[0].peer, dead);
  EXPECT_EQ(errors_[0].reporter.ip(), "::1");
  // IPv4 datagrams of the same socket.
  const SocketAddress dead4 = DeadAddress();
  ASSERT_TRUE(socket->SendTo("x", dead4).ok());
  Settle();
  ASSERT_EQ(errors_.size(), 2u);
  EXPECT_EQ(errors_[1].error.code(), ECONNREFUSED);
  EXPECT_EQ(errors_[1].peer.ToString(),
            "[::ffff:" + dead4.ip() + "]:" + std::to_string(dead4.port()));
}

// on_error answers each error with another datagram to the dead port.
TEST_F(UdpErrorsTest, AnsweringErrorsDoesNotHoldTheLoop_U1) {
  const SocketAddress dead = DeadAddress();
  int told = 0;
  const auto socket = Bind({.on_error = [&](UdpSocket& self, const DatagramError&) {
    ++told;
    self.SendTo("again", dead);
  }});
  ASSERT_TRUE(socket->SendTo("once", dead).ok());
  int turns = 0;
  for (; turns < 50 && told < 20; ++turns) ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
  EXPECT_LE(told, turns) << "one at a time, with other work in between";
}

TEST_F(UdpErrorsTest, DestroyedInOnError_D1) {
  const SocketAddress dead = DeadAddress();
  std::unique_ptr<UdpSocket> socket;
  socket = Bind({.on_error = [&](UdpSocket&, const DatagramError& error) {
    const DatagramError copy = error;
    socket.reset();
    EXPECT_EQ(error.peer, copy.peer) << "the error outlives the socket";
    errors_.push_back(error);
  }});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(socket->SendTo("x", dead).ok());
  Settle();
  EXPECT_EQ(errors_.size(), 1u);
  EXPECT_EQ(errors_[0].peer, dead);
}

// What the kernel refuses (EPERM of a filter, ENETUNREACH, EINVAL) costs that datagram alone.
TEST_F(UdpErrorsTest, RefusedDatagramsAreTheOnlyOnesLost) {
  RawUdp live;
  const auto socket = Bind(Noting());
  const SocketAddress unreachable = *SocketAddress::Parse("255.255.255.255:9");  // EACCES.
  ASSERT_TRUE(socket->SendTo("before", live.address()).ok());
  ASSERT_TRUE(socket->SendTo("refused", unreachable).ok());
  ASSERT_TRUE(socket->SendTo("", unreachable).ok());
  ASSERT_TRUE(socket->SendTo("after", live.address()).ok());
  EXPECT_LT(Settle(), 5);
  EXPECT_EQ(live.ReceiveAll(), (Strings{"before", "after"}));
  ASSERT_EQ(errors_.size(), 2u);
  for (const DatagramError& error : errors_) {
    EXPECT_EQ(error.failure, DatagramFailure::kSend);
    EXPECT_EQ(error.error.code(), EACCES);
    EXPECT_EQ(error.peer, unreachable);
  }
  EXPECT_EQ(socket->stats().send_errors, 2u);
  ExpectLedger(*socket, 4);
}

// sendmmsg(2) says how many it took, and no more: the rest is neither lost nor sent twice.
TEST_F(UdpErrorsTest, PartOfABatchIsTaken) {
  RawUdp live;
  const auto socket = Bind(Noting());
  Strings sent;
  for (const size_t most : {1, 2, 5}) {
    faulty_.SetMaxMessages(most);
    for (int i = 0; i < 20; ++i) {
      sent.push_back(std::string(static_cast<size_t>(i), 'x'));
      ASSERT_TRUE(socket->SendTo(sent.back(), live.address()).ok());
    }
    Settle();
  }
  EXPECT_EQ(live.ReceiveAll(), sent);
  ExpectLedger(*socket, 60);
}

// ENOBUFS and ENOMEM leave the socket writable: waiting for that would spin.
TEST_F(UdpErrorsTest, ShortageOfTheKernelDropsAndDoesNotSpin) {
  RawUdp live;
  const auto socket = Bind(Noting());
  for (const int error : {ENOBUFS, ENOMEM, EPERM}) {
    errors_.clear();
    faulty_.FailAll(SysCall::kSendMany, error);
    ASSERT_TRUE(socket->SendTo("a", live.address()).ok());
    ASSERT_TRUE(socket->SendTo("bc", live.address()).ok());
    EXPECT_LT(Settle(), 5);
    faulty_.Clear();
    ASSERT_EQ(errors_.size(), 2u);
    EXPECT_EQ(errors_[0].error, IoError(error, IoOp::kWrite));
    EXPECT_EQ(errors_[0].peer, live.address());
  }
  // Once only: it is tried again at once, and nothing is lost.
  errors_.clear();
  faulty_.FailNext(SysCall::kSendMany, EINTR);
  ASSERT_TRUE(socket->SendTo("c", live.address()).ok());
  Settle();
  EXPECT_EQ(live.ReceiveAll(), Strings{"c"});
  EXPECT_TRUE(errors_.empty());
}

// More errors than are kept: sending waits for them to be told, and none is lost.
TEST_F(UdpErrorsTest, EveryErrorIsTold) {
  const auto socket = Bind(Noting(), {.batch_size = 8});
  faulty_.FailAll(SysCall::kSendMany, EPERM);
  const SocketAddress somewhere = DeadAddress();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(socket->SendTo("x", somewhere).ok());
  Settle();
  EXPECT_EQ(errors_.size(), 300u);
  EXPECT_EQ(socket->stats().send_errors, 300u);
}

// The kernel takes no more: datagrams wait, up to the limit; then sends are refused; on_drained
// tells when all have left.
TEST_F(UdpErrorsTest, FullKernelQueueHoldsDatagramsUpToTheLimit) {
  RawUdp live;
  const auto socket = Bind(Noting(), {.send_limit = 10 * (1000 + 64)});
  faulty_.FailAll(SysCall::kSendMany, EAGAIN);
  Strings sent;
  IoError error;
  while (true) {
    const std::string data(1000, static_cast<char>('a' + sent.size()));
    error = socket->SendTo(data, live.address());
    if (!error.ok()) break;
    sent.push_back(data);
    ASSERT_LE(sent.size(), 10u);
  }
  EXPECT_EQ(error, IoError(ENOBUFS, IoOp::kWrite));
  EXPECT_EQ(sent.size(), 10u);
  // Here the socket counts as writable all the time: asking for that again would spin.
  EXPECT_LT(Settle(), 8);
  EXPECT_EQ(socket->queued(), 10u);
  EXPECT_EQ(socket->queued_bytes(), 10u * 1064);
  EXPECT_EQ(drained_, 0);
  EXPECT_EQ(socket->stats().send_refused, 1u);
  socket->Flush();  // The kernel has not said that there is room.
  EXPECT_EQ(live.Receive(), std::nullopt);
  faulty_.Clear();
  ASSERT_TRUE(RunUntil([&] { return drained_ == 1; }));
  EXPECT_EQ(live.ReceiveAll(), sent);
  EXPECT_TRUE(errors_.empty());
  ExpectLedger(*socket, 10);
}

// What waits for one peer must never reach another.
TEST_F(UdpErrorsTest, ChangeOfPeersCancelsWhatWaits) {
  RawUdp first, second, third;
  const auto socket = Connect(first.address(), Noting());
  faulty_.FailAll(SysCall::kSendMany, EAGAIN);
  ASSERT_TRUE(socket->Send("for the first").ok());
  ASSERT_TRUE(socket->SendTo("for the third", third.address()).ok());
  ASSERT_TRUE(socket->ConnectTo(second.address()).ok());
  ASSERT_TRUE(socket->Send("for the second").ok());
  faulty_.Clear();
  ASSERT_TRUE(RunUntil([&] { return drained_ == 1; }));
  EXPECT_TRUE(first.ReceiveAll().empty());
  EXPECT_EQ(second.ReceiveAll(), Strings{"for the second"});
  EXPECT_EQ(third.ReceiveAll(), Strings{"for the third"});
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_EQ(errors_[0].error.code(), ECANCELED);
  EXPECT_EQ(errors_[0].peer, first.address());
  ExpectLedger(*socket, 3);
}

// The same with a kernel that really takes no more: a Unix peer that does not read.
TEST_F(UdpErrorsTest, WaitsForAKernelThatTakesNoMore) {
  RawUdp reader(*SocketAddress::UnixAbstract(UniqueName("spindle-full-")));
  const auto socket = Connect(reader.address(), Noting(), {.send_limit = 100'000});
  int accepted = 0;
  while (socket->Send(std::to_string(accepted)).ok()) ++accepted;
  EXPECT_LT(Settle(), 8);
  EXPECT_GT(socket->queued(), 100u);
  EXPECT_GT(socket->stats().send_waits, 0u);
  EXPECT_EQ(drained_, 0);
  std::vector<std::string> heard;
  while (heard.size() < static_cast<size_t>(accepted)) {
    for (const std::string& data : reader.ReceiveAll()) heard.push_back(data);
    ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
  }
  for (int i = 0; i < accepted; ++i) EXPECT_EQ(heard[static_cast<size_t>(i)], std::to_string(i));
  Settle();
  EXPECT_EQ(drained_, 1);
  ExpectLedger(*socket, static_cast<uint64_t>(accepted));
  EXPECT_TRUE(errors_.empty());
}

// The watch for writability cannot be set: the socket tries again after a while.
TEST_F(UdpErrorsTest, WatchThatFailsIsMadeUpForByATimer) {
  RawUdp live;
  const auto socket = Bind(Noting());
  faulty_.FailNext(SysCall::kSendMany, EAGAIN);
  faulty_.FailNext(SysCall::kEpollCtl, ENOMEM);
  ASSERT_TRUE(socket->SendTo("x", live.address()).ok());
  Settle();
  ASSERT_TRUE(RunUntil([&] { return drained_ == 1; }));
  EXPECT_EQ(live.ReceiveAll(), Strings{"x"});
}

TEST_F(UdpErrorsTest, DestroyedInOnDrained_D1) {
  RawUdp live;
  std::unique_ptr<UdpSocket> socket;
  socket = Bind({.on_drained = [&](UdpSocket&) {
    ++drained_;
    socket.reset();
  }});
  faulty_.FailNext(SysCall::kSendMany, EAGAIN);
  ASSERT_TRUE(socket->SendTo("x", live.address()).ok());
  ASSERT_TRUE(RunUntil([&] { return drained_ == 1; }));
  EXPECT_EQ(socket, nullptr);
  EXPECT_EQ(live.ReceiveAll(), Strings{"x"});
}

// What is discarded at the end is counted.
TEST_F(UdpErrorsTest, EndDiscardsWhatTheKernelDoesNotTake) {
  RawUdp live;
  auto socket = Bind(Noting());
  faulty_.FailAll(SysCall::kSendMany, EAGAIN);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(socket->SendTo("x", live.address()).ok());
  loop_.reset();
  EXPECT_EQ(socket->stats().discarded, 5u);
  ExpectLedger(*socket, 5);
  faulty_.Clear();
}

// ---- Receiving.

TEST_F(UdpErrorsTest, ReceiveGoesOnAfterAShortage) {
  const auto socket = Bind(Noting());
  RawUdp peer;
  faulty_.FailAll(SysCall::kRecvMany, ENOMEM);
  ASSERT_TRUE(peer.SendTo("x", socket->local_address()));
  EXPECT_LT(Settle(), 5) << "waits for a timer";
  EXPECT_EQ(errors_.size(), 1u);
  EXPECT_EQ(errors_[0].failure, DatagramFailure::kReceive);
  EXPECT_EQ(errors_[0].ToString(), "receive: Cannot allocate memory (ENOMEM)");
  faulty_.Clear();
  ASSERT_TRUE(RunUntil([&] { return heard_.size() == 1; }));
}

TEST_F(UdpErrorsTest, InterruptedAndSpuriousReceives) {
  const auto socket = Bind(Noting());
  RawUdp peer;
  faulty_.FailNext(SysCall::kRecvMany, EINTR, 3);
  ASSERT_TRUE(peer.SendTo("x", socket->local_address()));
  Settle();
  EXPECT_EQ(heard_, Strings{"x"});
  EXPECT_TRUE(errors_.empty());
}

// An error that never goes away: told now and then, by a timer, not in every turn.
TEST_F(UdpErrorsTest, LastingReceiveErrorDoesNotSpin_U1) {
  for (const bool network_errors : {true, false}) {
    errors_.clear();
    const auto socket = Bind(Noting(), {.network_errors = network_errors});
    RawUdp peer;
    faulty_.FailAll(SysCall::kRecvMany, EIO);
    ASSERT_TRUE(peer.SendTo("x", socket->local_address()));
    EXPECT_LT(Settle(), 10);
    faulty_.Clear();
    heard_.clear();
    ASSERT_TRUE(RunUntil([&] { return heard_.size() == 1; }));
  }
}

// An error of the error queue itself, or one of the socket that is in no queue, is cleared too.
TEST_F(UdpErrorsTest, ErrorWithoutAnEntryIsClearedAndTold_U1) {
  const SocketAddress dead = DeadAddress();
  const auto socket = Bind(Noting());
  faulty_.FailNext(SysCall::kRecvError, ENOMEM);
  ASSERT_TRUE(socket->SendTo("x", dead).ok());
  EXPECT_LT(Settle(), 10);
  EXPECT_FALSE(errors_.empty());
  EXPECT_EQ(errors_[0].error.code(), ECONNREFUSED);
}

}  // namespace
}  // namespace spindle
