#include "net/types/interest.h"

#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(InterestTest, UnionAndIntersection) {
  static_assert((Interest::kRead | Interest::kWrite) == Interest::kReadWrite);
  static_assert((Interest::kReadWrite & Interest::kWrite) == Interest::kWrite);
  static_assert((Interest::kRead & Interest::kWrite) == Interest::kNone);
  Interest set = Interest::kRead;
  set |= Interest::kPeerClosed;
  EXPECT_TRUE(Has(set, Interest::kPeerClosed));
  set &= ~Interest::kRead;
  EXPECT_EQ(set, Interest::kPeerClosed);
}

TEST(InterestTest, HasMeansAllOf) {
  EXPECT_TRUE(Has(Interest::kReadWrite, Interest::kRead));
  EXPECT_TRUE(Has(Interest::kReadWrite, Interest::kReadWrite));
  EXPECT_FALSE(Has(Interest::kRead, Interest::kReadWrite));
  EXPECT_FALSE(Has(Interest::kNone, Interest::kRead));
  EXPECT_TRUE(Has(Interest::kNone, Interest::kNone));
}

TEST(InterestTest, ComplementKnowsOnlyTheFourConditions) {
  EXPECT_EQ(~Interest::kNone, Interest::kReadWrite | Interest::kPeerClosed | Interest::kPriority);
  EXPECT_EQ(~~Interest::kPriority, Interest::kPriority);
  EXPECT_EQ(~Interest::kReadWrite & Interest::kReadWrite, Interest::kNone);
}

}  // namespace
}  // namespace spindle
