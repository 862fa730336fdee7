// Datagrams that leave, or come in, as one: nobody sees it but the counters, whatever fails.

#include <errno.h>
#include <netinet/udp.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/datagram/udp_socket.h"
#include "tests/net/datagram/datagram_world.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

class UdpOffloadTest : public DatagramTest {
 protected:
  // Datagrams of the same size and then one that is shorter, each another text.
  static Strings Run(size_t count, size_t size, size_t last) {
    Strings run;
    for (size_t i = 0; i < count; ++i) {
      run.push_back(std::string(i + 1 < count ? size : last, static_cast<char>('a' + i % 26)));
    }
    return run;
  }
  void SendAll(UdpSocket& socket, const Strings& run, const SocketAddress& to) {
    for (const std::string& data : run) {
      ASSERT_TRUE((to.is_unspecified() ? socket.Send(data) : socket.SendTo(data, to)).ok());
    }
  }
  static bool Offers(const UdpSocket& socket) {
    return socket.send_offload() && socket.receive_offload();
  }
};

// 30 datagrams in one call each way; the receiver sees 30, with and without offload of its own.
TEST_F(UdpOffloadTest, RunsLeaveAndArriveAsOne) {
  const auto receiver = Bind(Noting());
  if (!Offers(*receiver)) GTEST_SKIP() << "the kernel has no UDP_SEGMENT or UDP_GRO";
  const auto plain = Bind(Noting(), {.receive_offload = false});
  RawUdp raw;
  for (const SocketAddress& to : {receiver->local_address(), plain->local_address()}) {
    heard_.clear();
    const auto sender = Bind();
    const Strings run = Run(30, 1200, 7);
    SendAll(*sender, run, to);
    Settle();
    EXPECT_EQ(heard_, run);
    for (const SocketAddress& peer : peers_) EXPECT_EQ(peer.ip(), "127.0.0.1");
    EXPECT_EQ(sender->stats().segmented, 30u);
    EXPECT_EQ(sender->stats().send_calls, 1u);
    EXPECT_EQ(sender->stats().datagrams_sent, 30u);
    EXPECT_EQ(sender->stats().bytes_sent, 29u * 1200 + 7);
  }
  EXPECT_EQ(receiver->stats().coalesced, 30u);
  EXPECT_EQ(receiver->stats().datagrams_received, 30u);
  EXPECT_EQ(plain->stats().coalesced, 0u);
  const auto sender = Bind();
  const Strings run = Run(10, 100, 100);
  SendAll(*sender, run, raw.address());
  Settle();
  EXPECT_EQ(raw.ReceiveAll(), run);
}

TEST_F(UdpOffloadTest, OverIpv6Too) {
  const auto receiver = Bind(Noting(), {}, SocketAddress::AnyV6(0));
  if (!Offers(*receiver)) GTEST_SKIP() << "the kernel has no UDP_SEGMENT or UDP_GRO";
  const uint16_t port = receiver->local_address().port();
  for (const SocketAddress& to :
       {SocketAddress::LoopbackV6(port), SocketAddress::LoopbackV4(port)}) {
    heard_.clear();
    const auto sender = Bind({}, {}, SocketAddress::AnyV6(0));
    const Strings run = Run(30, 1200, 7);
    SendAll(*sender, run, to);
    Settle();
    EXPECT_EQ(heard_, run);
    EXPECT_EQ(sender->stats().segmented, 30u);
  }
  EXPECT_EQ(receiver->stats().coalesced, 60u);
}

// What may not be put together is not: other sizes, other peers, other sources, empty ones, more
// than the kernel cuts apart.
TEST_F(UdpOffloadTest, OnlyTheLastMayBeShorter) {
  const auto receiver = Bind(Noting(), {.max_datagram_size = 65535});
  const auto other = Bind(Noting());
  if (!Offers(*receiver)) GTEST_SKIP() << "the kernel has no UDP_SEGMENT or UDP_GRO";
  const auto sender = Bind({}, {.batch_size = 256});
  Strings sent;
  const auto send = [&](const std::string& data) {
    sent.push_back(data);
    ASSERT_TRUE(sender->SendTo(data, receiver->local_address()).ok());
  };
  for (const size_t size : {5, 5, 3, 5, 5, 6, 0, 0, 6, 6, 1, 1, 1}) send(std::string(size, 's'));
  for (int i = 0; i < 100; ++i) send(std::string(10, 't'));    // Above 64 segments.
  for (int i = 0; i < 8; ++i) send(std::string(10'000, 'u'));  // Above 65,507 bytes.
  Settle();
  EXPECT_EQ(heard_, sent);
  heard_.clear();
  for (int i = 0; i < 4; ++i) {
    const SocketAddress& to = i % 2 == 0 ? receiver->local_address() : other->local_address();
    ASSERT_TRUE(sender->SendTo(std::to_string(i), to).ok());
  }
  const uint64_t before = sender->stats().segmented;
  Settle();
  EXPECT_EQ(sender->stats().segmented, before);
  EXPECT_EQ(heard_.size(), 4u);
}

// A chain that is longer than max_datagram_size is no truncation: its parts are not.
TEST_F(UdpOffloadTest, SmallBuffersLoseNothingOfAChain_U2) {
  const auto receiver = Bind(Noting(), {.max_datagram_size = 1000});
  if (!Offers(*receiver)) GTEST_SKIP() << "the kernel has no UDP_SEGMENT or UDP_GRO";
  const auto sender = Connect(receiver->local_address());
  const Strings run = Run(32, 1000, 999);
  SendAll(*sender, run, {});
  Settle();
  EXPECT_EQ(heard_, run);
  EXPECT_EQ(receiver->stats().coalesced, 32u);
  EXPECT_EQ(receiver->stats().truncated, 0u);
  // And parts that are too long are cut, each by itself.
  heard_.clear();
  const Strings longer = Run(10, 1001, 3);
  SendAll(*sender, longer, {});
  Settle();
  ASSERT_EQ(heard_.size(), 10u);
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(heard_[i], longer[i].substr(0, 1000));
  EXPECT_EQ(heard_[9], longer[9]);
  EXPECT_EQ(receiver->stats().truncated, 9u);
}

// The budget counts datagrams, not what the kernel has put together; and a pause holds inside.
TEST_F(UdpOffloadTest, BudgetAndPauseHoldInsideAChain_U2) {
  const auto receiver = Bind({.on_datagram =
                                  [this](UdpSocket& self, const Datagram& datagram) {
                                    heard_.emplace_back(datagram.data());
                                    if (heard_.size() == 25) self.PauseReceiving();
                                  }},
                             {.datagrams_per_turn = 10});
  if (!Offers(*receiver)) GTEST_SKIP() << "the kernel has no UDP_SEGMENT or UDP_GRO";
  const auto sender = Connect(receiver->local_address());
  const Strings run = Run(32, 50, 50);
  SendAll(*sender, run, {});
  sender->Flush();
  for (const size_t expected : {10, 20, 25, 25, 25}) {
    ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
    EXPECT_EQ(heard_.size(), expected);
  }
  receiver->ResumeReceiving();
  Settle();
  EXPECT_EQ(heard_, run);
}

TEST_F(UdpOffloadTest, SegmentsOfOneBlock) {
  const auto receiver = Bind(Noting());
  const auto sender = Connect(receiver->local_address());
  const std::string block = std::string(1000, 'a') + std::string(1000, 'b') + "c";
  ASSERT_TRUE(sender->SendSegments(block, 1000).ok());
  ASSERT_TRUE(sender->SendSegments("whole", 1000, receiver->local_address()).ok());
  ASSERT_TRUE(sender->SendSegments("", 1000).ok());
  Settle();
  EXPECT_EQ(heard_, (Strings{std::string(1000, 'a'), std::string(1000, 'b'), "c", "whole"}));
  // All or nothing.
  const auto small = Connect(receiver->local_address(), {}, {.send_limit = 500});
  faulty_.FailAll(SysCall::kSendMany, EAGAIN);
  ASSERT_TRUE(small->Send("x").ok());
  EXPECT_EQ(small->SendSegments(std::string(400, 'x'), 100).code(), ENOBUFS);
  EXPECT_EQ(small->queued(), 1u);
  EXPECT_EQ(sender->SendSegments(std::string(100'000, 'x'), 70'000).code(), EMSGSIZE);
  faulty_.Clear();
}

// Fails as a device without checksum offload does: every message that is put together.
class NoSegments : public FaultySyscalls {
 public:
  explicit NoSegments(int error) : error_(error) {}
  int SendMany(int fd, std::span<mmsghdr> messages) override {
    for (size_t i = 0; i < messages.size(); ++i) {
      if (messages[i].msg_hdr.msg_iovlen < 2) continue;
      return i == 0 ? -error_ : FaultySyscalls::SendMany(fd, messages.first(i));
    }
    return FaultySyscalls::SendMany(fd, messages);
  }

 private:
  const int error_;
};

TEST_F(UdpOffloadTest, DoesWithoutWhereTheDeviceCannot) {
  for (const int error : {EIO, EINVAL, EMSGSIZE}) {
    NoSegments calls(error);
    const auto loop = *EventLoop::Create({.syscalls = &calls});
    auto made = UdpSocket::Bind(*loop, SocketAddress::LoopbackV4(0), Noting());
    ASSERT_TRUE(made.ok());
    UdpSocket& socket = **made;
    if (!Offers(socket)) GTEST_SKIP() << "the kernel has no UDP_SEGMENT or UDP_GRO";
    RawUdp raw;
    Strings sent;
    for (size_t size = 10; size > 4; --size) {
      for (const std::string& data : Run(5, size, size)) {
        sent.push_back(data);
        ASSERT_TRUE(socket.SendTo(data, raw.address()).ok());
      }
      socket.Flush();
    }
    EXPECT_EQ(raw.ReceiveAll(), sent) << error;
    EXPECT_FALSE(socket.send_offload());
    EXPECT_EQ(socket.stats().offload_failures, error == EIO ? 1u : 3u);
    EXPECT_EQ(socket.stats().segmented, 0u);
    EXPECT_TRUE(errors_.empty());
  }
}

// A peer that cannot be sent to is not the offload's fault.
TEST_F(UdpOffloadTest, StaysAfterErrorsThatAreNotItsOwn) {
  const auto socket = Bind(Noting());
  if (!Offers(*socket)) GTEST_SKIP() << "the kernel has no UDP_SEGMENT or UDP_GRO";
  for (const int error : {EIO, EINVAL, EPERM}) {
    errors_.clear();
    faulty_.FailAll(SysCall::kSendMany, error);
    SendAll(*socket, Run(4, 10, 10), socket->local_address());
    Settle();
    faulty_.Clear();
    EXPECT_EQ(errors_.size(), 4u) << error;
  }
  EXPECT_TRUE(socket->send_offload());
  EXPECT_EQ(socket->stats().offload_failures, 0u);
}

TEST_F(UdpOffloadTest, OptionsTurnItOff) {
  RawUdp raw;
  const auto socket = Bind({}, {.send_offload = false, .receive_offload = false});
  EXPECT_FALSE(socket->send_offload());
  EXPECT_FALSE(socket->receive_offload());
  SendAll(*socket, Run(5, 10, 10), raw.address());
  Settle();
  EXPECT_EQ(raw.ReceiveAll().size(), 5u);
  EXPECT_EQ(socket->stats().segmented, 0u);
}

// A kernel that knows neither.
TEST_F(UdpOffloadTest, OldKernelsGoOneByOne) {
  faulty_.SetHook(
      [](const SysCallInfo& info) { return info.call == SysCall::kGetSockOpt ? ENOPROTOOPT : 0; });
  const auto socket = Bind();
  faulty_.Clear();
  EXPECT_FALSE(socket->send_offload());
  RawUdp raw;
  SendAll(*socket, Run(5, 10, 10), raw.address());
  Settle();
  EXPECT_EQ(raw.ReceiveAll().size(), 5u);
  EXPECT_EQ(socket->stats().segmented, 0u);
}

}  // namespace
}  // namespace spindle
