// Random operations on buffers, compared with std::string: lengths, offsets and sizes around 2^31,
// 2^32 and SIZE_MAX among them (B1). Under AddressSanitizer a view that has gone stale inside the
// buffer's own code is a report (B2).

#include "tests/net/types/buffer_model.h"

#include <cstdint>

#include "base/live_counter.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

class BufferModelTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(BufferModelTest, EqualsAString_B1_B2) {
  const int64_t chunks = LiveCount<Chunk>();
  {
    Random random(GetParam());
    testing::BufferModel model([&random](uint64_t limit) { return random.Uniform(limit); },
                               [] { return false; });
    model.Run(20000);
  }
  EXPECT_EQ(LiveCount<Chunk>(), chunks) << "leaked";
}

INSTANTIATE_TEST_SUITE_P(Seeds, BufferModelTest, ::testing::Range(uint64_t{1}, uint64_t{11}));

}  // namespace
}  // namespace spindle
