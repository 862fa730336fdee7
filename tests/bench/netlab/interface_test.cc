#include "bench/netlab/interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "bench/netlab/net_namespace.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

// In a namespace of its own, with a TUN device.
class InterfaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!MayMakeNamespaces()) GTEST_SKIP() << "needs CAP_SYS_ADMIN and CAP_NET_ADMIN";
    const absl::StatusOr<NetNamespace> space = NetNamespace::Create();
    ASSERT_TRUE(space.ok()) << space.status();
    scope_.emplace(NamespaceScope::Enter(*space));
    ASSERT_TRUE(scope_->ok());
    absl::StatusOr<OwnedFd> tun = OpenTun("test0");
    if (!tun.ok()) GTEST_SKIP() << tun.status();
    tun_ = *std::move(tun);
  }

  std::optional<absl::StatusOr<NamespaceScope>> scope_;
  OwnedFd tun_;
};

TEST_F(InterfaceTest, ATunDeviceLivesAsLongAsItsDescriptor) {
  EXPECT_NE(if_nametoindex("test0"), 0u);
  tun_.reset();
  EXPECT_EQ(if_nametoindex("test0"), 0u);
}

TEST_F(InterfaceTest, WhatGoesOutCanBeReadOnceItIsUp) {
  const absl::StatusOr<Ipv6> ipv6 = ConfigureInterface("test0", {.ipv4 = "10.1.2.1"});
  ASSERT_TRUE(ipv6.ok()) << ipv6.status();
  EXPECT_EQ(*ipv6, Ipv6::kOff);
  const absl::StatusOr<uint64_t> dropped = DroppedBefore("test0");
  ASSERT_TRUE(dropped.ok()) << dropped.status();
  EXPECT_EQ(*dropped, 0u);
}

TEST_F(InterfaceTest, CountsWhatTheQueueOfTheDeviceCannotHold) {
  ASSERT_TRUE(ConfigureInterface("test0", {.ipv4 = "10.1.2.1", .queue_packets = 2}).ok());
  const OwnedFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in peer = {};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(9);
  inet_pton(AF_INET, "10.1.2.2", &peer.sin_addr);
  for (int i = 0; i < 50; ++i) {
    sendto(socket_fd.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&peer), sizeof peer);
  }
  EXPECT_GT(DroppedBefore("test0").value(), 0u);
}

TEST_F(InterfaceTest, WrongNamesAndAddressesAreErrors) {
  EXPECT_EQ(ErrnoOf(ConfigureInterface("test0", {.ipv4 = "10.1.2"}).status()), EINVAL);
  EXPECT_EQ(ErrnoOf(ConfigureInterface("none0", {.ipv4 = "10.1.2.1"}).status()), ENODEV);
  EXPECT_EQ(ErrnoOf(BringUp("none0")), ENODEV);
  EXPECT_TRUE(absl::IsNotFound(DroppedBefore("none0").status()));
  EXPECT_FALSE(OpenTun("test0").ok()) << "it is in use";
}

}  // namespace
}  // namespace spindle::bench
