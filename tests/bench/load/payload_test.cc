#include "bench/load/payload.h"

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

TEST(Payload, SameSeedGivesSameBytes) {
  const Payload a(7, 100), b(7, 100), other(8, 100);
  EXPECT_EQ(a.Message(3, 5), b.Message(3, 5));
  EXPECT_NE(a.Message(3, 5), other.Message(3, 5));
  EXPECT_EQ(a.Message(3, 5).size(), 100u);
}

TEST(Payload, NeighboursDiffer) {
  const Payload payload(1, 16);
  for (uint64_t connection = 0; connection < 64; ++connection) {
    for (uint64_t number = 0; number < 64; ++number) {
      const auto message = payload.Message(connection, number);
      EXPECT_NE(message, payload.Message(connection, number + 1));
      EXPECT_NE(message, payload.Message(connection + 1, number));
    }
  }
}

TEST(Payload, EveryMessageLiesWithinTheBlock) {
  const Payload payload(1, 1);
  for (uint64_t number = 0; number < 5000; ++number) {
    EXPECT_EQ(payload.Message(number, number * number).size(), 1u);
  }
}

}  // namespace
}  // namespace spindle::bench
