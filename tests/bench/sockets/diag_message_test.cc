#include "bench/sockets/diag_message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <string>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "tests/bench/sockets/diag_bytes.h"

namespace spindle::bench {
namespace {

constexpr uint32_t kSequence = 7;
constexpr DiagQuestion kTcp4 = {.family = DiagFamily::kV4};
constexpr DiagQuestion kTcp6 = {.family = DiagFamily::kV6};
constexpr DiagQuestion kUnix = {.family = DiagFamily::kUnix};

inet_diag_msg Listener(uint8_t family, const char* address, uint16_t port) {
  inet_diag_msg message = {};
  message.idiag_family = family;
  message.idiag_state = 10;
  message.idiag_rqueue = 3;
  message.idiag_wqueue = 128;
  message.idiag_inode = 4242;
  message.idiag_uid = 1000;
  message.id.idiag_sport = htons(port);
  inet_pton(family, address, message.id.idiag_src);
  return message;
}

std::string SocketMessage(const std::string& body, uint16_t flags = NLM_F_MULTI) {
  return NetlinkMessage(SOCK_DIAG_BY_FAMILY, kSequence, body, flags);
}

std::string Done() { return NetlinkMessage(NLMSG_DONE, kSequence, Bytes(int32_t{0})); }

TEST(DiagMessageTest, AListenerIsReadWithAllThatItSays) {
  inet_diag_msg message = Listener(AF_INET6, "fe80::5", 80);
  message.id.idiag_if = 3;
  const std::string datagram =
      SocketMessage(Bytes(message) + Attribute(INET_DIAG_SKV6ONLY, "\x01") +
                    Attribute(INET_DIAG_CONG, std::string("cubic\0", 6)) +
                    Attribute(999, "what is this?")) +
      SocketMessage(Bytes(Listener(AF_INET6, "::", 443)) +
                    Attribute(INET_DIAG_SKV6ONLY, std::string(1, '\0'))) +
      Done();
  DiagAnswer answer;
  ASSERT_TRUE(AddDiagDatagram(datagram, kTcp6, kSequence, answer).ok());
  EXPECT_TRUE(answer.done);
  EXPECT_FALSE(answer.interrupted);
  ASSERT_EQ(answer.sockets.size(), 2u);
  const SocketEntry& first = answer.sockets[0];
  EXPECT_EQ(first.kind, SocketKind::kTcp);
  EXPECT_EQ(first.state, SocketState::kListening);
  EXPECT_EQ(first.local.ToString(), "[fe80::5]:80");
  EXPECT_EQ(first.peer.ToString(), "[::]:0");
  EXPECT_EQ(first.receive_queue, 3u);
  EXPECT_EQ(first.send_queue, 128u);
  EXPECT_EQ(first.interface_index, 3u);
  EXPECT_EQ(first.inode, 4242u);
  EXPECT_EQ(first.uid, 1000u);
  EXPECT_EQ(first.congestion, "cubic");
  EXPECT_TRUE(first.v6_only);
  EXPECT_FALSE(answer.sockets[1].v6_only);
}

TEST(DiagMessageTest, AnAnswerMayComeInManyDatagrams) {
  DiagAnswer answer;
  for (uint16_t port = 1; port <= 3; ++port) {
    EXPECT_FALSE(answer.done);
    ASSERT_TRUE(AddDiagDatagram(SocketMessage(Bytes(Listener(AF_INET, "127.0.0.1", port))), kTcp4,
                                kSequence, answer)
                    .ok());
  }
  ASSERT_TRUE(AddDiagDatagram(Done(), kTcp4, kSequence, answer).ok());
  EXPECT_TRUE(answer.done);
  ASSERT_EQ(answer.sockets.size(), 3u);
  EXPECT_EQ(answer.sockets[2].local.ToString(), "127.0.0.1:3");
}

// A shorter structure is an older kernel's, a longer one a newer's.
TEST(DiagMessageTest, TcpInfoOfOtherKernelsIsReadAsFarAsItGoes) {
  tcp_info info = {};
  info.tcpi_rtt = 29;
  info.tcpi_snd_cwnd = 10;
  info.tcpi_bytes_acked = 77;
  info.tcpi_snd_wnd = 65536;
  for (const size_t size :
       {size_t{0}, offsetof(tcp_info, tcpi_pacing_rate), sizeof info, sizeof info + 100}) {
    std::string bytes = Bytes(info);
    bytes.resize(size);
    DiagAnswer answer;
    ASSERT_TRUE(AddDiagDatagram(SocketMessage(Bytes(Listener(AF_INET, "127.0.0.1", 1)) +
                                              Attribute(INET_DIAG_INFO, bytes)),
                                kTcp4, kSequence, answer)
                    .ok());
    ASSERT_EQ(answer.sockets.size(), 1u);
    const TcpDetails& tcp = answer.sockets[0].tcp.value();
    EXPECT_EQ(tcp.rtt, size == 0 ? 0u : 29u);
    EXPECT_EQ(tcp.bytes_acked, size < sizeof info ? 0u : 77u);
    EXPECT_EQ(tcp.send_window, size < sizeof info ? 0u : 65536u);
  }
}

TEST(DiagMessageTest, AUnixSocketHasANameQueuesAndAPeer) {
  unix_diag_msg message = {};
  message.udiag_family = AF_UNIX;
  message.udiag_type = SOCK_SEQPACKET;
  message.udiag_state = 10;
  message.udiag_ino = 99;
  const unix_diag_rqlen queues = {2, 16};
  const auto read = [&](std::string_view name) {
    DiagAnswer answer;
    const std::string body = Bytes(message) + Attribute(UNIX_DIAG_NAME, name) +
                             Attribute(UNIX_DIAG_PEER, Bytes(uint32_t{98})) +
                             Attribute(UNIX_DIAG_RQLEN, Bytes(queues));
    EXPECT_TRUE(AddDiagDatagram(SocketMessage(body), kUnix, kSequence, answer).ok());
    return answer.sockets.at(0);
  };
  const SocketEntry path = read("/run/x");
  EXPECT_EQ(path.kind, SocketKind::kUnixSeqpacket);
  EXPECT_EQ(path.local.ToString(), "unix:/run/x");
  EXPECT_EQ(path.inode, 99u);
  EXPECT_EQ(path.peer_inode, 98u);
  EXPECT_EQ(path.receive_queue, 2u);
  EXPECT_EQ(path.send_queue, 16u);
  EXPECT_EQ(read(std::string("\0abs", 4)).local.ToString(), "unix:@abs");
  EXPECT_TRUE(read("").local.is_unspecified());
  // Longer than any name can be.
  EXPECT_EQ(read(std::string(500, 'x')).local.unix_path().size(), SocketAddress::kMaxUnixPath);
}

TEST(DiagMessageTest, AnInterruptedAnswerSaysSoWhereverTheFlagIs) {
  DiagAnswer answer;
  ASSERT_TRUE(AddDiagDatagram(SocketMessage(Bytes(Listener(AF_INET, "127.0.0.1", 1)),
                                            NLM_F_MULTI | NLM_F_DUMP_INTR) +
                                  Done(),
                              kTcp4, kSequence, answer)
                  .ok());
  EXPECT_TRUE(answer.interrupted);
  answer = DiagAnswer();
  ASSERT_TRUE(AddDiagDatagram(NetlinkMessage(NLMSG_DONE, kSequence, Bytes(int32_t{0}),
                                             NLM_F_MULTI | NLM_F_DUMP_INTR),
                              kTcp4, kSequence, answer)
                  .ok());
  EXPECT_TRUE(answer.interrupted);
  EXPECT_TRUE(answer.done);
}

TEST(DiagMessageTest, ErrorsComeAloneOrAtTheEnd) {
  nlmsgerr error = {};
  error.error = -ENOENT;
  DiagAnswer answer;
  EXPECT_EQ(ErrnoOf(AddDiagDatagram(NetlinkMessage(NLMSG_ERROR, kSequence, Bytes(error), 0), kTcp4,
                                    kSequence, answer)),
            ENOENT);
  EXPECT_TRUE(answer.done);
  answer = DiagAnswer();
  EXPECT_EQ(ErrnoOf(AddDiagDatagram(NetlinkMessage(NLMSG_DONE, kSequence, Bytes(int32_t{-ENOMEM})),
                                    kTcp4, kSequence, answer)),
            ENOMEM);
  // The smallest number is an error like any other.
  answer = DiagAnswer();
  EXPECT_EQ(ErrnoOf(AddDiagDatagram(NetlinkMessage(NLMSG_ERROR, kSequence, Bytes(INT32_MIN), 0),
                                    kTcp4, kSequence, answer)),
            INT32_MAX);
  // The end without a word is an end.
  answer = DiagAnswer();
  EXPECT_TRUE(
      AddDiagDatagram(NetlinkMessage(NLMSG_DONE, kSequence, ""), kTcp4, kSequence, answer).ok());
  EXPECT_TRUE(answer.done);
}

TEST(DiagMessageTest, OtherConversationsAndKindsAreSkipped) {
  const std::string body = Bytes(Listener(AF_INET, "127.0.0.1", 1));
  const std::string datagram =
      NetlinkMessage(SOCK_DIAG_BY_FAMILY, kSequence - 1, body, NLM_F_MULTI | NLM_F_DUMP_INTR) +
      NetlinkMessage(NLMSG_DONE, kSequence - 1, Bytes(int32_t{0})) +
      NetlinkMessage(NLMSG_NOOP, kSequence, "") + NetlinkMessage(1234, kSequence, "odd");
  DiagAnswer answer;
  ASSERT_TRUE(AddDiagDatagram(datagram, kTcp4, kSequence, answer).ok());
  EXPECT_TRUE(answer.sockets.empty());
  EXPECT_FALSE(answer.done);
  EXPECT_FALSE(answer.interrupted);
}

TEST(DiagMessageTest, WhatIsCutOffIsAnErrorAndNothingIsReadBeyondIt) {
  const std::string whole = SocketMessage(Bytes(Listener(AF_INET, "127.0.0.1", 1)));
  for (size_t size = 1; size < whole.size(); ++size) {
    const std::string part = whole.substr(0, size);
    DiagAnswer answer;
    EXPECT_TRUE(absl::IsDataLoss(AddDiagDatagram(part, kTcp4, kSequence, answer))) << size;
    EXPECT_TRUE(answer.sockets.empty());
  }
  const std::string body = Bytes(Listener(AF_INET, "127.0.0.1", 1));
  for (const int64_t claimed : {int64_t{0}, int64_t{15}, int64_t{100'000}, int64_t{UINT32_MAX}}) {
    DiagAnswer answer;
    EXPECT_TRUE(absl::IsDataLoss(
        AddDiagDatagram(NetlinkMessage(SOCK_DIAG_BY_FAMILY, kSequence, body, 0, claimed), kTcp4,
                        kSequence, answer)))
        << claimed;
  }
  // A message that is whole, of a socket that is not.
  DiagAnswer answer;
  EXPECT_TRUE(absl::IsDataLoss(
      AddDiagDatagram(SocketMessage(body.substr(0, 40)), kTcp4, kSequence, answer)));
  EXPECT_TRUE(absl::IsDataLoss(
      AddDiagDatagram(NetlinkMessage(NLMSG_ERROR, kSequence, "xy"), kTcp4, kSequence, answer)));
}

TEST(DiagMessageTest, AttributesThatAreOddAreLeftOut) {
  const std::string body = Bytes(Listener(AF_INET6, "::1", 1));
  const std::string cong = Attribute(INET_DIAG_CONG, "bbr");
  const auto read = [&](const std::string& attributes) {
    DiagAnswer answer;
    EXPECT_TRUE(AddDiagDatagram(SocketMessage(body + attributes), kTcp6, kSequence, answer).ok());
    return answer.sockets.at(0);
  };
  EXPECT_EQ(read(cong).congestion, "bbr") << "without its NUL";
  EXPECT_EQ(read(Attribute(INET_DIAG_SKV6ONLY, "") + cong).congestion, "bbr");
  EXPECT_EQ(read(Attribute(INET_DIAG_SKV6ONLY, "\x01", 3) + cong).congestion, "") << "no length";
  EXPECT_EQ(read(Attribute(INET_DIAG_SKV6ONLY, "\x01", 60'000)).v6_only, false) << "too long";
  EXPECT_EQ(read("ab").congestion, "") << "half a header";
}

}  // namespace
}  // namespace spindle::bench
