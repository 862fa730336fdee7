#include "net/types/close_reason.h"

#include <cerrno>
#include <set>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace spindle {
namespace {

constexpr CloseKind kLastKind = CloseKind::kIoError;

TEST(CloseReasonTest, DefaultIsNotClosed) {
  EXPECT_EQ(CloseReason().kind, CloseKind::kNone);
  EXPECT_TRUE(CloseReason().error.ok());
  EXPECT_EQ(CloseReason().ToString(), "none");
}

TEST(CloseReasonTest, TextIsNameAndError) {
  const CloseReason reason{.kind = CloseKind::kPeerReset,
                           .error = IoError(ECONNRESET, IoOp::kRead)};
  EXPECT_EQ(reason.name(), "peer_reset");
  EXPECT_EQ(reason.ToString(), "peer_reset: read: Connection reset by peer (ECONNRESET)");
  EXPECT_EQ(CloseReason{CloseKind::kPeerClosed}.ToString(), "peer_closed");
  std::ostringstream out;
  out << reason << " " << CloseKind::kIdleTimeout;
  EXPECT_EQ(out.str(), "peer_reset: read: Connection reset by peer (ECONNRESET) idle_timeout");
}

TEST(CloseReasonTest, EveryKindHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(kLastKind); ++kind) {
    const std::string_view name = CloseKindName(static_cast<CloseKind>(kind));
    EXPECT_NE(name, "unknown");
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(CloseKindName(static_cast<CloseKind>(255)), "unknown");
}

TEST(CloseReasonTest, OnlyFinAndResetAreByThePeer) {
  for (int i = 0; i <= static_cast<int>(kLastKind); ++i) {
    const CloseReason reason{static_cast<CloseKind>(i)};
    const bool expected =
        reason.kind == CloseKind::kPeerClosed || reason.kind == CloseKind::kPeerReset;
    EXPECT_EQ(reason.by_peer(), expected) << reason;
  }
}

TEST(CloseReasonTest, TimeoutsAreThoseNamedSo) {
  for (int i = 0; i <= static_cast<int>(kLastKind); ++i) {
    const CloseReason reason{static_cast<CloseKind>(i)};
    EXPECT_EQ(reason.by_timeout(), reason.name().ends_with("_timeout")) << reason;
  }
}

TEST(CloseReasonTest, EqualIfKindAndErrorAre) {
  const CloseReason reason{CloseKind::kIoError, IoError(EIO, IoOp::kRead)};
  EXPECT_EQ(reason, (CloseReason{CloseKind::kIoError, IoError(EIO, IoOp::kRead)}));
  EXPECT_FALSE(reason == (CloseReason{CloseKind::kIoError, IoError(EIO, IoOp::kWrite)}));
  EXPECT_FALSE(reason == (CloseReason{CloseKind::kPeerReset, IoError(EIO, IoOp::kRead)}));
}

}  // namespace
}  // namespace spindle
