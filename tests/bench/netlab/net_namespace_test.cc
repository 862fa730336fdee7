#include "bench/netlab/net_namespace.h"

#include <sys/stat.h>

#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

ino_t Here() {
  struct stat status = {};
  return stat("/proc/thread-self/ns/net", &status) == 0 ? status.st_ino : 0;
}

class NetNamespaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!MayMakeNamespaces()) GTEST_SKIP() << "needs CAP_SYS_ADMIN and CAP_NET_ADMIN";
  }
};

TEST_F(NetNamespaceTest, MakingOneChangesNothingHere) {
  const ino_t here = Here();
  const absl::StatusOr<NetNamespace> space = NetNamespace::Create();
  ASSERT_TRUE(space.ok()) << space.status();
  EXPECT_EQ(Here(), here);
  EXPECT_NE(space->inode(), here);
}

TEST_F(NetNamespaceTest, AScopeBringsThisThreadThereAndBack) {
  const ino_t here = Here();
  const absl::StatusOr<NetNamespace> one = NetNamespace::Create();
  const absl::StatusOr<NetNamespace> two = NetNamespace::Create();
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(one->inode(), two->inode());
  {
    absl::StatusOr<NamespaceScope> outer = NamespaceScope::Enter(*one);
    ASSERT_TRUE(outer.ok()) << outer.status();
    EXPECT_EQ(Here(), one->inode());
    {
      const absl::StatusOr<NamespaceScope> inner = NamespaceScope::Enter(*two);
      ASSERT_TRUE(inner.ok());
      EXPECT_EQ(Here(), two->inode());
    }
    EXPECT_EQ(Here(), one->inode());
    const NamespaceScope moved = *std::move(outer);
    EXPECT_EQ(Here(), one->inode());
  }
  EXPECT_EQ(Here(), here);
}

TEST_F(NetNamespaceTest, OtherThreadsStayAndNewOnesFollow) {
  const absl::StatusOr<NetNamespace> space = NetNamespace::Create();
  ASSERT_TRUE(space.ok());
  ino_t of_new_thread = 0;
  {
    const absl::StatusOr<NamespaceScope> scope = NamespaceScope::Enter(*space);
    ASSERT_TRUE(scope.ok());
    std::thread([&] { of_new_thread = Here(); }).join();
  }
  EXPECT_EQ(of_new_thread, space->inode());
}

}  // namespace
}  // namespace spindle::bench
