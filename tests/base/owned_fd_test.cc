#include "base/owned_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "gtest/gtest.h"

namespace spindle {
namespace {

int OpenNull() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(OwnedFd, ClosesAtEndOfScope) {
  int raw = -1;
  {
    const OwnedFd fd(OpenNull());
    raw = fd.get();
    ASSERT_TRUE(fd.valid());
    EXPECT_TRUE(IsOpen(raw));
  }
  EXPECT_FALSE(IsOpen(raw));
}

TEST(OwnedFd, EmptyByDefault) {
  const OwnedFd fd;
  EXPECT_FALSE(fd);
  EXPECT_EQ(fd.get(), -1);
}

TEST(OwnedFd, DescriptorZeroIsValid) {
  OwnedFd fd(0);
  EXPECT_TRUE(fd);
  EXPECT_EQ(fd.release(), 0);
}

TEST(OwnedFd, ReleaseGivesUpOwnership) {
  int raw = -1;
  {
    OwnedFd fd(OpenNull());
    raw = fd.release();
    EXPECT_FALSE(fd);
  }
  EXPECT_TRUE(IsOpen(raw));
  ::close(raw);
}

TEST(OwnedFd, MoveTransfersAndMoveAssignmentClosesTheOld) {
  OwnedFd a(OpenNull());
  OwnedFd b(OpenNull());
  const int from_a = a.get();
  const int from_b = b.get();
  b = std::move(a);
  EXPECT_EQ(b.get(), from_a);
  EXPECT_FALSE(IsOpen(from_b));
  const OwnedFd c(std::move(b));
  EXPECT_EQ(c.get(), from_a);
  EXPECT_TRUE(IsOpen(from_a));
}

TEST(OwnedFd, SelfMoveKeepsTheDescriptor) {
  OwnedFd fd(OpenNull());
  OwnedFd& alias = fd;
  fd = std::move(alias);
  ASSERT_TRUE(fd.valid());
  EXPECT_TRUE(IsOpen(fd.get()));
}

TEST(OwnedFd, ResetKeepsErrno) {
  OwnedFd fd(OpenNull());
  ::close(fd.get());  // so that the close inside fails with EBADF
  errno = ENOENT;
  fd.reset();
  EXPECT_EQ(errno, ENOENT);
}

TEST(OwnedFdDeathTest, ResetToItselfFailsACheck) {
  OwnedFd fd(OpenNull());
  EXPECT_DEATH(fd.reset(fd.get()), "reset to itself");
}

}  // namespace
}  // namespace spindle
