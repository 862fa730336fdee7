// Buffer at its limits: sizes near 2^31, 2^32 and SIZE_MAX (B1), and views used after they went
// stale (B2; under AddressSanitizer only).

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/live_counter.h"
#include "gtest/gtest.h"
#include "net/types/buffer.h"

namespace spindle {
namespace {

class BufferLimitsTest : public testing::Test {
 protected:
  ~BufferLimitsTest() override { EXPECT_EQ(LiveCount<Chunk>(), before_) << "leaked"; }

  const int64_t before_ = LiveCount<Chunk>();
};

TEST_F(BufferLimitsTest, ReserveOfTooMuchFailsCleanly_B1) {
  for (Buffer& buffer : std::vector<Buffer>(2)) {
    for (const size_t n : {Chunk::kMaxCapacity + 1, (size_t{1} << 31) - 1, size_t{1} << 31,
                           (size_t{1} << 32) - 1, size_t{1} << 32, SIZE_MAX - 1, SIZE_MAX}) {
      EXPECT_TRUE(buffer.Reserve(n).empty()) << n;
    }
    EXPECT_TRUE(buffer.empty());
    buffer.Append("works");
    EXPECT_TRUE(buffer.Reserve(SIZE_MAX).empty());
    EXPECT_EQ(buffer, "works");
  }
}

// One MiB of memory, many times over.
TEST_F(BufferLimitsTest, TotalsAbove4GiB_B1) {
  constexpr size_t kMiB = size_t{1} << 20;
  constexpr size_t kTotal = 5000 * kMiB;
  static_assert(kTotal > size_t{1} << 32);
  ChunkRef chunk = Chunk::Allocate(kMiB);
  std::memset(chunk->data(), '.', kMiB);
  Buffer buffer;
  for (size_t i = 0; i < 5000; ++i) buffer.Append(chunk, 0, kMiB);
  buffer.Append("needle");
  EXPECT_EQ(buffer.size(), kTotal + 6);
  EXPECT_EQ(buffer.Find("needle", kTotal - kMiB), kTotal);
  EXPECT_EQ(buffer.PeekBig16(kTotal), ('n' << 8) + 'e');
  char out[10];
  EXPECT_EQ(buffer.CopyOut(kTotal - 1, out), 7u);
  EXPECT_EQ(std::string_view(out, 7), ".needle");
  std::vector<iovec> iovecs(6000);
  EXPECT_EQ(buffer.FillIovecs(iovecs, (size_t{1} << 32) + 1), 4097u);
  EXPECT_EQ(iovecs[4096].iov_len, 1u);
  EXPECT_EQ(buffer.Peek(size_t{1} << 31).size(), kMiB);  // no chunk is that large
  EXPECT_EQ(buffer.Linearize().size(), kMiB);
  Buffer head;
  EXPECT_EQ(head.MoveFrom(buffer, (size_t{1} << 32) + 5), (size_t{1} << 32) + 5);
  EXPECT_EQ(head.size(), (size_t{1} << 32) + 5);
  EXPECT_EQ(buffer.size(), kTotal + 6 - head.size());
  head.Append(std::move(buffer));
  EXPECT_EQ(head.size(), kTotal + 6);
  head.Consume((size_t{1} << 32) + 7);
  head.Consume(head.size() - 6);
  EXPECT_EQ(head, "needle");
}

using BufferLimitsDeathTest = BufferLimitsTest;

TEST_F(BufferLimitsDeathTest, ConsumeOfMoreThanThereIs_B1) {
  Buffer buffer("abc");
  EXPECT_DEATH(buffer.Consume(4), "4 bytes consumed of 3");
  EXPECT_DEATH(buffer.Consume(SIZE_MAX), "bytes consumed of 3");
  EXPECT_DEATH(Buffer().Consume(1), "1 bytes consumed of 0");
}

TEST_F(BufferLimitsDeathTest, CommitOfMoreThanReserved_B1) {
  Buffer buffer;
  EXPECT_DEATH(buffer.Commit(1), "0 reserved");
  const size_t room = buffer.Reserve(10).size();
  EXPECT_DEATH(buffer.Commit(room + 1), "bytes committed");
  EXPECT_DEATH(buffer.Commit(SIZE_MAX), "bytes committed");
}

TEST_F(BufferLimitsDeathTest, AppendOfARangeOutsideTheChunk_B1) {
  Buffer buffer;
  ChunkRef chunk = Chunk::Allocate(10);
  EXPECT_DEATH(buffer.Append(chunk, 2, 1), "range 2 to 1");
  EXPECT_DEATH(buffer.Append(chunk, 0, chunk->capacity() + 1), "range 0 to");
  EXPECT_DEATH(buffer.Append(chunk, 0, SIZE_MAX), "range 0 to");
  EXPECT_DEATH(buffer.Append(ChunkRef(), 0, 1), "range 0 to 1");
}

#ifdef SPINDLE_HAS_ASAN

char ReadByte(const char* at) { return *static_cast<const volatile char*>(at); }

TEST_F(BufferLimitsDeathTest, StaleViewOfConsumedBytesIsReported_B2) {
  Buffer buffer("0123456789abcdef0123456789abcdef");
  const std::string_view stale = buffer.Front();
  buffer.Consume(16);
  EXPECT_DEATH(ReadByte(stale.data()), "use-after-poison");
  EXPECT_EQ(ReadByte(stale.data() + 16), '0');
  buffer.Consume(16);
  EXPECT_DEATH(ReadByte(stale.data() + 16), "use-after-poison");
  buffer.Append("fresh");
  EXPECT_EQ(ReadByte(stale.data() + 4), 'h');
}

TEST_F(BufferLimitsDeathTest, StaleViewAfterGrowthOrPullUpIsReported_B2) {
  Buffer buffer("0123456789abcdef");
  const std::string_view stale = buffer.Front();
  buffer.Append(std::string(1000, 'x'));
  EXPECT_DEATH(ReadByte(stale.data()), "use-after-free|use-after-poison");
  Buffer chain(std::string(4000, 'x'));
  chain.Append(Chunk::Wrap("tail", nullptr), 0, 4);
  chain.Append(std::string(100, 'y'));
  const std::string_view old = chain.Front();
  chain.Linearize();
  EXPECT_DEATH(ReadByte(old.data()), "use-after-free|use-after-poison");
}

TEST_F(BufferLimitsDeathTest, StaleViewAfterAShiftIsReported_B2) {
  Buffer buffer(std::string(200, 'x'));
  buffer.Consume(184);
  const std::string_view stale = buffer.Front();
  buffer.Append(std::string(100, 'y'));
  EXPECT_DEATH(ReadByte(stale.data()), "use-after-poison");
}

#endif  // SPINDLE_HAS_ASAN

}  // namespace
}  // namespace spindle
