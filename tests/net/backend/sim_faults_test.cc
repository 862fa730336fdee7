// Each fault on its own: it strikes, it is counted, and it leaves nothing lost.

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <chrono>
#include <string>

#include "gtest/gtest.h"
#include "net/backend/sim_kernel.h"
#include "tests/net/backend/syscall_script.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kAllEdge = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

// A watched pair whose first edges are taken, before the faults set in.
class SimFaultsTest : public testing::TestWithParam<SocketFamily> {
 protected:
  SimFaultsTest() : script_(kernel_, GetParam()) {
    script_.Pair();
    script_.Epoll();
    script_.Add("c", kAllEdge);
    script_.Add("s", kAllEdge);
    Ready();
  }

  std::string Ready() {
    script_.Events();
    return script_.log().back();
  }
  // Lets the fault strike always; then never again.
  void Strike(double SimFaults::*fault) {
    SimFaults faults;
    faults.*fault = 1;
    kernel_.SetFaults(faults);
  }
  void Calm() { kernel_.SetFaults(SimFaults::None()); }

  SimKernel kernel_;
  SyscallScript script_;
};

TEST_P(SimFaultsTest, ShortReadLeavesTheRestForALaterEdge) {
  script_.Send("c", "0123456789");
  EXPECT_EQ("events s:IN|OUT", Ready());
  Strike(&SimFaults::short_read);
  const ssize_t first = script_.Recv("s");
  EXPECT_GT(first, 0);
  EXPECT_LT(first, 10);
  EXPECT_EQ(-EAGAIN, script_.Recv("s"));
  EXPECT_EQ("events -", Ready());
  Calm();
  ASSERT_TRUE(kernel_.AdvanceToNextEvent());
  EXPECT_EQ("events s:IN|OUT", Ready());
  EXPECT_EQ(10 - first, script_.Recv("s"));
  EXPECT_EQ(1u, kernel_.counters().short_reads);
}

TEST_P(SimFaultsTest, WhatCameBeforeTheEndIsNeverHeldBack) {
  script_.Send("c", "0123456789");
  script_.Close("c");
  Strike(&SimFaults::short_read);
  EXPECT_EQ(10, script_.Recv("s"));
  EXPECT_EQ(0, script_.Recv("s"));
  EXPECT_EQ(0u, kernel_.counters().short_reads);
}

TEST_P(SimFaultsTest, TheEndBringsWhatWasHeldBack) {
  script_.Send("c", "0123456789");
  Strike(&SimFaults::eagain_after_ready);
  EXPECT_EQ(-EAGAIN, script_.Recv("s"));
  script_.Close("c");
  EXPECT_EQ(10, script_.Recv("s"));
  EXPECT_EQ(0, script_.Recv("s"));
}

TEST_P(SimFaultsTest, ShortWriteIsFollowedByAnEdge) {
  Strike(&SimFaults::short_write);
  const ssize_t sent = script_.Send("c", "0123456789");
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, 10);
  EXPECT_EQ("events s:IN|OUT", Ready());
  Calm();
  ASSERT_TRUE(kernel_.AdvanceToNextEvent());
  EXPECT_EQ("events c:OUT", Ready());
  EXPECT_EQ(4, script_.Send("c", "rest"));
  EXPECT_EQ(1u, kernel_.counters().short_writes);
}

TEST_P(SimFaultsTest, EagainAfterReadyIsFollowedByAnEdge) {
  script_.Send("c", "x");
  EXPECT_EQ("events s:IN|OUT", Ready());
  Strike(&SimFaults::eagain_after_ready);
  EXPECT_EQ(-EAGAIN, script_.Recv("s"));
  EXPECT_EQ(-EAGAIN, script_.Send("s", "y"));
  Calm();
  EXPECT_EQ(-EAGAIN, script_.Recv("s"));
  EXPECT_EQ(-EAGAIN, script_.Send("s", "y"));
  while (kernel_.AdvanceToNextEvent()) {
  }
  EXPECT_EQ("events s:IN|OUT", Ready());
  EXPECT_EQ(1, script_.Recv("s"));
  EXPECT_EQ(1, script_.Send("s", "y"));
  EXPECT_EQ(2u, kernel_.counters().eagain_after_ready);
}

TEST_P(SimFaultsTest, AcceptFaultsLeaveTheConnectionPending) {
  script_.Add("l", EPOLLIN);
  script_.Socket("d");
  script_.Connect("d", "l");
  Strike(&SimFaults::accept_emfile);
  EXPECT_EQ(-EMFILE, script_.Accept("l", "t"));
  Strike(&SimFaults::accept_enobufs);
  EXPECT_EQ(-ENOBUFS, script_.Accept("l", "t"));
  EXPECT_EQ("events l:IN", Ready());
  Strike(&SimFaults::eagain_after_ready);
  EXPECT_EQ(-EAGAIN, script_.Accept("l", "t"));
  EXPECT_EQ("events -", Ready());
  Calm();
  ASSERT_TRUE(kernel_.AdvanceToNextEvent());
  EXPECT_EQ("events l:IN", Ready());
  EXPECT_LE(0, script_.Accept("l", "t"));
  EXPECT_EQ(1u, kernel_.counters().accept_emfile);
  EXPECT_EQ(1u, kernel_.counters().accept_enobufs);
}

TEST_P(SimFaultsTest, EintrDoesNothing) {
  script_.Adopt("e", kernel_.EventFd());
  Strike(&SimFaults::eintr);
  EXPECT_EQ(-EINTR, script_.Send("c", "x"));
  EXPECT_EQ(-EINTR, script_.Recv("s"));
  EXPECT_EQ(-EINTR, script_.Accept("l", "t"));
  uint64_t one = 1;
  EXPECT_EQ(-EINTR, kernel_.Write(script_.fd("e"), &one, sizeof one));
  EXPECT_EQ(-EINTR, kernel_.Read(script_.fd("e"), &one, sizeof one));
  epoll_event event;
  EXPECT_EQ(-EINTR, kernel_.EpollWait(script_.fd("ep"), std::span(&event, 1), -1));
  Calm();
  EXPECT_EQ(-EAGAIN, script_.Recv("s"));
  EXPECT_EQ(6u, kernel_.counters().eintr);
}

TEST_P(SimFaultsTest, ConnectGoesOnWhenInterrupted) {
  script_.Socket("d");
  Strike(&SimFaults::eintr);
  EXPECT_EQ(-EINTR, script_.Connect("d", "l"));
  Calm();
  EXPECT_EQ(0, script_.Connect("d", "l"));
  EXPECT_LE(0, script_.Accept("l", "t"));
}

TEST_P(SimFaultsTest, SpuriousReadinessLeavesRealEdges) {
  Strike(&SimFaults::spurious_readiness);
  std::string seen;
  for (int i = 0; i < 50; ++i) seen += Ready();
  EXPECT_NE(std::string::npos, seen.find("s:IN|OUT")) << seen;
  EXPECT_NE(std::string::npos, seen.find("c:IN|OUT")) << seen;
  EXPECT_GT(kernel_.counters().spurious_readiness, 10u);
  EXPECT_EQ(-EAGAIN, script_.Recv("s"));
  Calm();
  script_.Send("c", "x");
  EXPECT_EQ("events s:IN|OUT", Ready());
}

TEST_P(SimFaultsTest, ReadyListIsShuffledAndCut) {
  script_.Del("c");
  script_.Del("s");
  script_.Add("c", EPOLLOUT);
  script_.Add("s", EPOLLOUT);
  script_.Adopt("e", kernel_.EventFd());
  script_.Add("e", EPOLLOUT);
  Strike(&SimFaults::cut_ready);
  EXPECT_EQ("events c:OUT", Ready());
  EXPECT_EQ("events s:OUT", Ready());
  EXPECT_EQ("events e:OUT", Ready());
  EXPECT_EQ("events c:OUT", Ready());
  EXPECT_EQ(4u, kernel_.counters().cut_ready);
  Strike(&SimFaults::shuffle_ready);
  std::string firsts;
  for (int i = 0; i < 30; ++i) {
    script_.EventsInOrder(3);
    firsts += script_.log().back().substr(7, 1);
  }
  for (const char* name : {"c", "s", "e"}) EXPECT_NE(std::string::npos, firsts.find(name));
  EXPECT_EQ(30u, kernel_.counters().shuffled_ready);
}

INSTANTIATE_TEST_SUITE_P(Families, SimFaultsTest,
                         testing::Values(SocketFamily::kInet, SocketFamily::kUnix),
                         [](const auto& info) { return NameOf(info.param); });

// What only TCP can suffer.
class SimTcpFaultsTest : public SimFaultsTest {};

TEST_P(SimTcpFaultsTest, AbortedConnectionIsGoneAndItsClientReset_A2) {
  script_.Socket("d");
  script_.Connect("d", "l");
  Strike(&SimFaults::accept_aborted);
  EXPECT_EQ(-ECONNABORTED, script_.Accept("l", "t"));
  Calm();
  EXPECT_EQ(-EAGAIN, script_.Accept("l", "t"));
  EXPECT_EQ(-ECONNRESET, script_.Recv("d"));
  EXPECT_EQ(1u, kernel_.counters().accept_aborted);
}

TEST_P(SimTcpFaultsTest, ResetStrikesTransfersAndArrivals) {
  Strike(&SimFaults::reset);
  EXPECT_EQ(-ECONNRESET, script_.Recv("c"));
  EXPECT_EQ(-ECONNRESET, script_.Send("s", "x"));
  EXPECT_EQ(-EPIPE, script_.Send("s", "x"));
  EXPECT_EQ(1u, kernel_.counters().resets);
  EXPECT_EQ(2u, kernel_.counters().rst_received);
}

TEST_P(SimTcpFaultsTest, ConnectIsRefused) {
  Strike(&SimFaults::connect_refused);
  script_.Socket("d");
  EXPECT_EQ(-EINPROGRESS, script_.Connect("d", "l"));
  EXPECT_EQ(ECONNREFUSED, script_.SoError("d"));
  EXPECT_EQ(1u, kernel_.counters().connect_refused);
}

TEST_P(SimTcpFaultsTest, ConnectIsLate) {
  Strike(&SimFaults::connect_late);
  script_.Socket("d");
  EXPECT_EQ(-EINPROGRESS, script_.Connect("d", "l"));
  kernel_.Advance(milliseconds(999));
  EXPECT_EQ(-EALREADY, script_.Connect("d", "l"));
  kernel_.Advance(milliseconds(1));
  EXPECT_EQ(0, script_.Connect("d", "l"));
  EXPECT_EQ(1u, kernel_.counters().connect_late);
}

TEST_P(SimTcpFaultsTest, AConnectingSocketIsNeverSpuriouslyWritable) {
  script_.Listen("l", 0);
  for (const char* name : {"d", "e"}) {
    script_.Socket(name);
    script_.Connect(name, "l");
  }
  for (const char* name : {"c", "s"}) script_.Del(name);
  script_.Add("e", kAllEdge);  // Its SYN was dropped.
  EXPECT_EQ("events -", Ready());
  Strike(&SimFaults::spurious_readiness);
  for (int i = 0; i < 100; ++i) EXPECT_EQ("events -", Ready());
}

INSTANTIATE_TEST_SUITE_P(Families, SimTcpFaultsTest, testing::Values(SocketFamily::kInet),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace spindle
