#include "bench/load/message_frame.h"

#include <string>

#include "gtest/gtest.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"

namespace spindle::bench {
namespace {

std::string Framed(const std::string& payload) {
  return std::string(FrameHeader(static_cast<uint32_t>(payload.size())).view()) + payload;
}

TEST(MessageFrame, HeaderIsTheLengthInNetworkOrder) {
  EXPECT_EQ(FrameHeader(0x01020304).view(), std::string_view("\x01\x02\x03\x04", 4));
}

TEST(FrameCounter, CountsWholeMessagesAndConsumesThem) {
  FrameCounter counter;
  Buffer input(Framed("abc") + Framed("") + Framed(std::string(100000, 'x')));
  EXPECT_EQ(counter.Feed(input), 3u);
  EXPECT_TRUE(input.empty());
  EXPECT_TRUE(counter.at_boundary());
}

TEST(FrameCounter, BytesOfOneMessageMayComeOneByOne) {
  const std::string stream = Framed("hello") + Framed("") + Framed("x");
  FrameCounter counter;
  Buffer input;
  uint64_t ended = 0;
  for (size_t i = 0; i < stream.size(); ++i) {
    input.Append(stream.substr(i, 1));
    ended += counter.Feed(input);
    EXPECT_LT(input.size(), kFrameHeaderBytes) << "after byte " << i;
    // Ends: 4 + 5, then 4, then 4 + 1 bytes.
    EXPECT_EQ(ended, i < 8 ? 0u : i < 12 ? 1u : i < 17 ? 2u : 3u) << "after byte " << i;
  }
  EXPECT_EQ(ended, 3u);
}

TEST(FrameCounter, LargestLengthIsTakenInPieces) {
  FrameCounter counter;
  Buffer input(FrameHeader(UINT32_MAX).view());
  EXPECT_EQ(counter.Feed(input), 0u);
  EXPECT_FALSE(counter.at_boundary());
  const ChunkRef block = Chunk::CopyOf(std::string(1 << 20, 'x'));
  for (int i = 0; i < 4095; ++i) {
    input.Append(block, 0, 1 << 20);
    EXPECT_EQ(counter.Feed(input), 0u);
  }
  input.Append(block, 0, 1 << 20);  // One byte too many: 2^32 in all.
  EXPECT_EQ(counter.Feed(input), 1u);
  EXPECT_EQ(input.size(), 1u) << "the first byte of the next header";
}

}  // namespace
}  // namespace spindle::bench
