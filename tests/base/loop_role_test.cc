#include "base/loop_role.h"

#include <thread>

#include "gtest/gtest.h"

namespace spindle {
namespace {

template <class Fn>
void OnAnotherThread(Fn fn) {
  std::thread(fn).join();
}

// Shows that clang accepts guarded members behind the assertion; without it this does not compile
// under -Wthread-safety -Werror.
class Guarded {
 public:
  LoopRole& role() { return role_; }
  int Touch() {
    role_.AssertHeld();
    return ++value_;
  }

 private:
  LoopRole role_;
  int value_ ABSL_GUARDED_BY(role_) = 0;
};

TEST(LoopRole, AnyThreadMayActWhileNobodyIsBound) {
  Guarded guarded;
  EXPECT_FALSE(guarded.role().IsBound());
  EXPECT_FALSE(guarded.role().HeldByThisThread());
  EXPECT_EQ(guarded.Touch(), 1);
  OnAnotherThread([&guarded] {
    EXPECT_EQ(guarded.Touch(), 2);
    EXPECT_FALSE(guarded.role().HeldByThisThread());
  });
}

TEST(LoopRole, BelongsToTheBoundThreadOnly) {
  LoopRole role;
  role.BindToThisThread();
  role.BindToThisThread();
  role.AssertHeld();
  EXPECT_TRUE(role.HeldByThisThread());
  OnAnotherThread([&role] {
    EXPECT_FALSE(role.HeldByThisThread());
    EXPECT_TRUE(role.IsBound());
  });
  role.Unbind();
}

TEST(LoopRole, AThreadThatNeverBoundAnythingIsNotTheOwner) {
  LoopRole role;
  OnAnotherThread([&role] { role.BindToThisThread(); });
  OnAnotherThread([&role] { EXPECT_FALSE(role.HeldByThisThread()); });
}

TEST(LoopRole, LaterThreadIsNotMistakenForADeadOwner) {
  LoopRole role;
  OnAnotherThread([&role] { role.BindToThisThread(); });  // ends without Unbind
  for (int i = 0; i < 10; ++i) {
    OnAnotherThread([&role] {  // on the dead owner's stack, as a rule
      LoopRole own;
      own.BindToThisThread();
      EXPECT_FALSE(role.HeldByThisThread());
    });
  }
}

TEST(LoopRole, MayMoveToAnotherThreadAfterUnbind) {
  LoopRole role;
  OnAnotherThread([&role] {
    role.BindToThisThread();
    role.Unbind();
  });
  EXPECT_FALSE(role.IsBound());
  role.BindToThisThread();
  EXPECT_TRUE(role.HeldByThisThread());
}

TEST(LoopRole, OneThreadMayHoldSeveralRoles) {
  LoopRole a;
  LoopRole b;
  a.BindToThisThread();
  b.BindToThisThread();
  a.AssertHeld();
  b.AssertHeld();
  a.Unbind();
  EXPECT_FALSE(a.HeldByThisThread());
  EXPECT_TRUE(b.HeldByThisThread());
}

class LoopRoleDeathTest : public testing::Test {
 protected:
  LoopRoleDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(LoopRoleDeathTest, UseOnTheWrongThreadFails) {
  LoopRole role;
  role.BindToThisThread();
  EXPECT_DEATH(OnAnotherThread([&role] { role.AssertHeld(); }), "another thread than the loop's");
  EXPECT_DEATH(OnAnotherThread([&role] { role.BindToThisThread(); }), "already runs");
  EXPECT_DEATH(OnAnotherThread([&role] { role.Unbind(); }), "may give it up");
}

TEST_F(LoopRoleDeathTest, UnbindTwiceFails) {
  LoopRole role;
  role.BindToThisThread();
  role.Unbind();
  EXPECT_DEATH(role.Unbind(), "may give it up");
}

}  // namespace
}  // namespace spindle
