#include "net/types/buffer.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "base/live_counter.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

static_assert(!std::is_copy_constructible_v<Buffer>);
static_assert(std::is_nothrow_move_constructible_v<Buffer>);
static_assert(std::is_nothrow_move_assignable_v<Buffer>);

// Each test ends with as many chunks as it began with.
class BufferTest : public testing::Test {
 protected:
  ~BufferTest() override { EXPECT_EQ(LiveCount<Chunk>(), before_) << "leaked"; }

  int64_t LiveChunks() const { return LiveCount<Chunk>() - before_; }

  // A buffer of one segment per text, none of which can be written into.
  static Buffer Chain(std::initializer_list<std::string_view> texts) {
    Buffer buffer;
    for (const std::string_view text : texts) {
      buffer.Append(Chunk::Wrap(text, nullptr), 0, text.size());
    }
    return buffer;
  }

  const int64_t before_ = LiveCount<Chunk>();
};

TEST_F(BufferTest, EmptyOwnsNothing) {
  Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_EQ(buffer.SegmentCount(), 0u);
  EXPECT_EQ(buffer.Front(), "");
  EXPECT_EQ(buffer.Peek(10), "");
  EXPECT_EQ(buffer.ToString(), "");
  EXPECT_FALSE(buffer.TakeChunk());
  buffer.Clear();
  buffer.Consume(0);
  buffer.Append(std::string_view());
  buffer.Prepend("");
  buffer.ReleaseMemory();
  EXPECT_EQ(LiveChunks(), 0);
}

TEST_F(BufferTest, SmallAppendsFillOneChunk) {
  Buffer buffer;
  buffer.Append("hello");
  buffer.Append(", ");
  buffer.Append("world");
  EXPECT_EQ(buffer, "hello, world");
  EXPECT_EQ(buffer.SegmentCount(), 1u);
  EXPECT_EQ(buffer.Front(), "hello, world");
}

TEST_F(BufferTest, StaysContiguousTo64KiBAndChainsBeyond) {
  Buffer buffer;
  const std::string piece(64, 'x');
  while (buffer.size() + piece.size() <= Chunk::kLargeCapacity) buffer.Append(piece);
  EXPECT_EQ(buffer.SegmentCount(), 1u);
  EXPECT_EQ(LiveChunks(), 1);
  for (int i = 0; i < 2000; ++i) buffer.Append(piece);
  EXPECT_LE(buffer.SegmentCount(), 4u);
}

TEST_F(BufferTest, LargeAppendIsSplitIntoChunksOfAMiB) {
  const std::string text(5 << 20, 'x');
  Buffer buffer(text);
  EXPECT_EQ(buffer, text);
  EXPECT_GE(buffer.SegmentCount(), 5u);
  buffer.Consume(2 << 20);
  EXPECT_LE(LiveChunks(), 4);
}

TEST_F(BufferTest, QueueOfSteadyLengthReusesItsChunk) {
  Buffer buffer("0123456789");
  const char* const bytes = buffer.Front().data();
  for (int i = 0; i < 10000; ++i) {
    buffer.Append("abcdefghij");
    buffer.Consume(10);
  }
  EXPECT_EQ(buffer, "abcdefghij");
  EXPECT_GE(buffer.Front().data(), bytes);
  EXPECT_LT(buffer.Front().data(), bytes + Chunk::kSmallCapacity);
}

TEST_F(BufferTest, LongContentIsNotShiftedAgainAndAgain) {
  Buffer buffer(std::string(4000, 'x'));
  const char* expected = buffer.Front().data();
  int jumps = 0;
  for (int i = 0; i < 50000; ++i) {
    buffer.Append("y");
    buffer.Consume(1);
    if (buffer.Front().data() != expected + 1) ++jumps;
    expected = buffer.Front().data();
  }
  EXPECT_LE(jumps, 2);
}

TEST_F(BufferTest, AppendsAViewOfItself) {
  Buffer buffer("ab");
  for (int i = 0; i < 12; ++i) buffer.Append(buffer.Front());
  EXPECT_EQ(buffer.size(), 2u << 12);
  EXPECT_EQ(buffer.Peek(6), "ababab");
  Buffer wrapping(std::string(100, 'x'));
  wrapping.Append(std::string(100, 'y'));
  wrapping.Consume(150);
  wrapping.Append(wrapping.Front());  // would fit after a shift that overwrites the argument
  EXPECT_EQ(wrapping, std::string(100, 'y'));
  Buffer overlapping(std::string(200, 'x'));
  overlapping.Consume(105);
  overlapping.Append(overlapping.Front().substr(0, 90));
  EXPECT_EQ(overlapping, std::string(185, 'x'));
  Buffer front("abc");
  front.Prepend(front.Front());
  EXPECT_EQ(front, "abcabc");
}

TEST_F(BufferTest, AppendedChunkIsNotCopied) {
  const std::string text = "some external text";
  int released = 0;
  Buffer buffer("say ");
  buffer.Append(Chunk::Wrap(text, [&released] { ++released; }), 5, 13);
  EXPECT_EQ(buffer, "say external");
  EXPECT_EQ(buffer.SegmentCount(), 2u);
  buffer.Consume(4);
  EXPECT_EQ(buffer.Front().data(), text.data() + 5);
  buffer.Consume(7);
  EXPECT_EQ(released, 0);
  buffer.Consume(1);
  EXPECT_EQ(released, 1);
  EXPECT_EQ(LiveChunks(), 0);
}

TEST_F(BufferTest, NeverWritesIntoSharedOrWrappedChunks) {
  std::string text = "external";
  Buffer buffer;
  buffer.Append(Chunk::Wrap(text, nullptr), 0, 4);
  buffer.Append("!");
  buffer.Consume(1);
  buffer.Prepend("E");
  EXPECT_EQ(buffer, "Exte!");
  EXPECT_EQ(text, "external");

  ChunkRef chunk = Chunk::CopyOf("shared");
  Buffer shared;
  shared.Append(chunk, 1, 3);
  shared.Append("XXX");
  shared.Prepend("YYY");
  EXPECT_EQ(shared, "YYYhaXXX");
  EXPECT_EQ(std::string_view(chunk->data(), 6), "shared");
}

TEST_F(BufferTest, EmptyRangeOfAChunkAddsNothing) {
  Buffer buffer;
  buffer.Append(Chunk::CopyOf("abc"), 2, 2);
  buffer.Append(ChunkRef(), 0, 0);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(LiveChunks(), 0);
}

TEST_F(BufferTest, AdjacentRangesOfOneChunkBecomeOneSegment) {
  ChunkRef chunk = Chunk::CopyOf("abcdef");
  Buffer buffer;
  buffer.Append(chunk, 0, 2);
  buffer.Append(chunk, 2, 4);
  EXPECT_EQ(buffer.SegmentCount(), 1u);
  buffer.Append(chunk, 5, 6);
  buffer.Append(chunk, 0, 1);
  EXPECT_EQ(buffer.SegmentCount(), 3u);
  EXPECT_EQ(buffer, "abcdfa");
}

TEST_F(BufferTest, MoveIsAnExchangeOfPointers) {
  Buffer from("hello");
  const char* const bytes = from.Front().data();
  Buffer to = std::move(from);
  EXPECT_EQ(to.Front().data(), bytes);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  from = std::move(to);
  EXPECT_EQ(from.Front().data(), bytes);
  Buffer empty;
  empty.Append(std::move(from));
  EXPECT_EQ(empty.Front().data(), bytes);
  EXPECT_EQ(LiveChunks(), 1);
  Buffer& alias = empty;
  empty = std::move(alias);
  empty.Append(std::move(alias));
  EXPECT_EQ(empty, "hello");
}

TEST_F(BufferTest, AppendOfABufferMovesItsChunks) {
  Buffer a = Chain({"a", "b"});
  a.Append(Chain({"c", "d", "e"}));
  EXPECT_EQ(a, "abcde");
  Buffer single = Chain({"1"});
  Buffer many = Chain({"2", "3", "4", "5", "6", "7"});
  single.Append(std::move(many));
  EXPECT_EQ(single, "1234567");
  EXPECT_TRUE(many.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(many.size(), 0u);
  many.Append("again");
  EXPECT_EQ(many, "again");
}

TEST_F(BufferTest, MoveFromSplitsByTheByte) {
  Buffer from = Chain({"abc", "def", "ghi"});
  Buffer to;
  EXPECT_EQ(to.MoveFrom(from, 4), 4u);
  EXPECT_EQ(to, "abcd");
  EXPECT_EQ(from, "efghi");
  EXPECT_EQ(to.MoveFrom(from, 2), 2u);
  EXPECT_EQ(to.SegmentCount(), 2u);  // "def" came in two pieces, and is one again
  EXPECT_EQ(to.MoveFrom(from, SIZE_MAX), 3u);
  EXPECT_EQ(to, "abcdefghi");
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(to.MoveFrom(from, 1), 0u);
  EXPECT_EQ(to.MoveFrom(to, 5), 0u);
  EXPECT_EQ(to, "abcdefghi");
}

TEST_F(BufferTest, HalvesOfASplitChunkAreIndependent) {
  Buffer back("headbody");
  Buffer head;
  head.MoveFrom(back, 4);
  head.Append("XX");
  back.Prepend("YY");
  EXPECT_EQ(head, "headXX");
  EXPECT_EQ(back, "YYbody");
}

TEST_F(BufferTest, PrependUsesTheRoomBeforeTheContent) {
  Buffer buffer("....payload");
  buffer.Consume(4);
  const char* const bytes = buffer.Front().data();
  buffer.Prepend("1234");
  EXPECT_EQ(buffer.Front(), "1234payload");
  EXPECT_EQ(buffer.Front().data(), bytes - 4);
}

TEST_F(BufferTest, PrependShiftsShortContentAndChainsLong) {
  Buffer small("payload");
  small.Prepend("head ");
  small.Prepend("more ");
  EXPECT_EQ(small, "more head payload");
  EXPECT_EQ(small.SegmentCount(), 1u);
  Buffer large(std::string(2000, 'x'));
  large.Prepend("head");
  large.Prepend("more");
  EXPECT_EQ(large, "morehead" + std::string(2000, 'x'));
  EXPECT_EQ(large.SegmentCount(), 2u);
  const std::string huge(3 << 20, 'y');
  large.Prepend(huge);
  EXPECT_EQ(large, huge + "morehead" + std::string(2000, 'x'));
}

TEST_F(BufferTest, ConsumeAcrossSegments) {
  Buffer buffer = Chain({"abc", "def", "ghi"});
  buffer.Consume(3);
  EXPECT_EQ(buffer.Front(), "def");
  buffer.Consume(4);
  EXPECT_EQ(buffer, "hi");
  EXPECT_EQ(LiveChunks(), 1);
  buffer.Consume(2);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(LiveChunks(), 0);
}

TEST_F(BufferTest, EmptiedBufferKeepsItsOwnChunkUpTo64KiB) {
  Buffer buffer("hello");
  const char* const bytes = buffer.Front().data();
  buffer.Consume(5);
  EXPECT_EQ(LiveChunks(), 1);
  buffer.Append("again");
  EXPECT_EQ(buffer.Front().data(), bytes);
  buffer.Clear();
  buffer.ReleaseMemory();
  EXPECT_EQ(LiveChunks(), 0);

  buffer.Append(std::string(65536, 'x'));
  buffer.Clear();
  EXPECT_EQ(LiveChunks(), 1);
  buffer.Append(std::string(100000, 'x'));
  buffer.Clear();
  EXPECT_LE(LiveChunks(), 1);
  EXPECT_LE(buffer.TakeChunk()->capacity(), Buffer::kMaxKeptCapacity);
  buffer.Append(Chunk::Allocate(200000), 0, 1);
  buffer.Clear();
  EXPECT_EQ(LiveChunks(), 0);
}

TEST_F(BufferTest, ReleaseMemoryLeavesContentAlone) {
  Buffer buffer("hello");
  buffer.ReleaseMemory();
  EXPECT_EQ(buffer, "hello");
}

TEST_F(BufferTest, EmptiedBufferDropsASharedChunk) {
  ChunkRef chunk = Chunk::CopyOf("shared");
  Buffer buffer;
  buffer.Append(chunk, 0, 6);
  buffer.Consume(6);
  EXPECT_TRUE(chunk->unique());
}

TEST_F(BufferTest, ReadBlockComesBackAfterUse) {
  ChunkRef block = Chunk::Allocate(65536);
  char* const bytes = block->data();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(block && block->unique() && block->writable());
    std::memset(block->data(), 'x', block->capacity());  // all of it is accessible again
    Buffer buffer;
    buffer.Append(std::move(block), 0, 1000);
    buffer.Consume(1000);
    block = buffer.TakeChunk();
    EXPECT_EQ(block->data(), bytes);
  }
}

TEST_F(BufferTest, TakeChunkEmptiesTheBuffer) {
  Buffer buffer = Chain({"abc", "def"});
  ChunkRef chunk = buffer.TakeChunk();
  EXPECT_EQ(chunk->data()[0], 'a');
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(LiveChunks(), 1);
}

TEST_F(BufferTest, PeekMakesContiguousWhatIsNot) {
  Buffer buffer = Chain({"abc", "def", "ghi"});
  EXPECT_EQ(buffer.Peek(2), "ab");
  EXPECT_EQ(buffer.SegmentCount(), 3u);
  EXPECT_EQ(buffer.Peek(4), "abcd");
  EXPECT_EQ(buffer.Front(), "abcd");
  EXPECT_EQ(buffer.Peek(SIZE_MAX), "abcdefghi");
  EXPECT_EQ(buffer.Linearize(), "abcdefghi");
  EXPECT_EQ(buffer.SegmentCount(), 1u);
  EXPECT_EQ(buffer.Peek(0), "");
}

TEST_F(BufferTest, PeekOfAGrowingLengthDoesNotReallocateEachTime) {
  Buffer buffer("x");
  const std::string piece(100, 'y');
  for (int i = 0; i < 3000; ++i) buffer.Append(Chunk::Wrap(piece, nullptr), 0, piece.size());
  const char* bytes = nullptr;
  int moves = 0;
  for (size_t n = 1; n <= buffer.size(); n += 50) {
    const std::string_view view = buffer.Peek(n);
    ASSERT_EQ(view.size(), n);
    if (view.data() != bytes) ++moves;
    bytes = view.data();
  }
  EXPECT_LE(moves, 7);
}

TEST_F(BufferTest, ReserveAndCommit) {
  Buffer buffer("ab");
  std::span<char> room = buffer.Reserve(3);
  ASSERT_GE(room.size(), 3u);
  EXPECT_EQ(buffer, "ab");
  std::memcpy(room.data(), "cde", 3);
  buffer.Commit(3);
  EXPECT_EQ(buffer, "abcde");
  room = buffer.Reserve(100000);
  ASSERT_GE(room.size(), 100000u);
  buffer.Commit(0);
  EXPECT_EQ(buffer, "abcde");
  room = Buffer().Reserve(0);
  EXPECT_TRUE(room.empty());
}

TEST_F(BufferTest, ReserveBehindContentThatCannotGrow) {
  Buffer buffer(std::string(10000, 'x'));
  std::span<char> room = buffer.Reserve(60000);
  ASSERT_GE(room.size(), 60000u);
  EXPECT_EQ(buffer.SegmentCount(), 1u);
  EXPECT_EQ(buffer.size(), 10000u);
  iovec out[4];
  EXPECT_EQ(buffer.FillIovecs(out), 1u);
  // Reserved and never committed: every way on from here.
  Buffer moved;
  moved.Append("1");
  Buffer clone = buffer.Clone();
  moved.Append(std::move(buffer));
  EXPECT_EQ(moved.size(), 10001u);
  moved.Append(Chunk::CopyOf("2"), 0, 1);
  EXPECT_EQ(moved.size(), 10002u);
  EXPECT_EQ(moved.SegmentCount(), 3u);
  clone.Reserve(60000);
  clone.Consume(10000);
  EXPECT_TRUE(clone.empty());
  clone.Append("3");
  EXPECT_EQ(clone, "3");
  clone.Append(std::string(10000, 'x'));
  clone.Reserve(60000);
  clone.Prepend(std::string(3000, 'y'));
  EXPECT_EQ(clone.Peek(13001).size(), 13001u);
  room = clone.Reserve(1);
  room[0] = 'z';
  clone.Commit(1);
  EXPECT_EQ(clone, std::string(3000, 'y') + "3" + std::string(10000, 'x') + "z");
}

TEST_F(BufferTest, CopyOut) {
  const Buffer buffer = Chain({"abc", "def", "ghi"});
  char out[5];
  EXPECT_EQ(buffer.CopyOut(2, out), 5u);
  EXPECT_EQ(std::string_view(out, 5), "cdefg");
  EXPECT_EQ(buffer.CopyOut(7, out), 2u);
  EXPECT_EQ(std::string_view(out, 2), "hi");
  EXPECT_EQ(buffer.CopyOut(9, out), 0u);
  EXPECT_EQ(buffer.CopyOut(SIZE_MAX, out), 0u);
  EXPECT_EQ(buffer.CopyOut(0, {}), 0u);
}

TEST_F(BufferTest, FillIovecsIsBoundedByEntriesAndBytes) {
  const Buffer buffer = Chain({"abc", "def", "ghi"});
  iovec out[5];
  EXPECT_EQ(buffer.FillIovecs(out), 3u);
  EXPECT_EQ(out[2].iov_len, 3u);
  EXPECT_EQ(buffer.FillIovecs(std::span(out, 2)), 2u);
  EXPECT_EQ(buffer.FillIovecs(out, 4), 2u);
  EXPECT_EQ(out[1].iov_len, 1u);
  EXPECT_EQ(buffer.FillIovecs(out, 3), 1u);
  EXPECT_EQ(buffer.FillIovecs(out, 0), 0u);
  EXPECT_EQ(buffer.FillIovecs({}), 0u);
  EXPECT_EQ(Buffer().FillIovecs(out), 0u);
}

TEST_F(BufferTest, ForEachSegmentVisitsInOrder) {
  std::vector<std::string_view> pieces;
  const Buffer buffer = Chain({"abc", "def"});
  buffer.ForEachSegment([&pieces](std::string_view piece) { pieces.push_back(piece); });
  EXPECT_EQ(pieces, (std::vector<std::string_view>{"abc", "def"}));
}

TEST_F(BufferTest, FindAcrossSegments) {
  const Buffer buffer = Chain({"ab\r", "\n\r", "\n", "abab", "c"});
  EXPECT_EQ(buffer.Find("\r\n"), 2u);
  EXPECT_EQ(buffer.Find("\r\n", 3), 4u);
  EXPECT_EQ(buffer.Find("\r\n\r\n"), 2u);
  EXPECT_EQ(buffer.Find("ababc"), 6u);
  EXPECT_EQ(buffer.Find("abc"), 8u);
  EXPECT_EQ(buffer.Find("c", 10), 10u);
  EXPECT_EQ(buffer.Find("cd"), std::nullopt);
  EXPECT_EQ(buffer.Find("\r\n", 5), std::nullopt);
  EXPECT_EQ(buffer.Find('\n', 4), 5u);
  EXPECT_EQ(buffer.Find('x'), std::nullopt);
  EXPECT_EQ(buffer.Find('a', SIZE_MAX), std::nullopt);
}

TEST_F(BufferTest, FindOfNothingAndBeyondTheEnd) {
  const Buffer buffer = Chain({"ab", "c"});
  EXPECT_EQ(buffer.Find("", 0), 0u);
  EXPECT_EQ(buffer.Find("", 3), 3u);
  EXPECT_EQ(buffer.Find("", 4), std::nullopt);
  EXPECT_EQ(buffer.Find("c", 3), std::nullopt);
  EXPECT_EQ(buffer.Find("c", SIZE_MAX), std::nullopt);
  EXPECT_EQ(buffer.Find("abcd"), std::nullopt);
  EXPECT_EQ(Buffer().Find("a"), std::nullopt);
}

TEST_F(BufferTest, BigEndianIntegers) {
  Buffer buffer;
  buffer.AppendBig16(0x0102);
  buffer.AppendBig32(0x03040506);
  buffer.AppendBig64(0x0708090a0b0c0d0e);
  EXPECT_EQ(buffer, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe");
  EXPECT_EQ(buffer.PeekBig16(1), 0x0203);
  EXPECT_EQ(buffer.PeekBig32(10), 0x0b0c0d0eu);
  EXPECT_EQ(buffer.PeekBig32(11), std::nullopt);
  EXPECT_EQ(buffer.PeekBig64(SIZE_MAX), std::nullopt);
  EXPECT_EQ(buffer.ReadBig16(), 0x0102);
  EXPECT_EQ(buffer.ReadBig32(), 0x03040506u);
  EXPECT_EQ(buffer.ReadBig64(), 0x0708090a0b0c0d0eu);
  EXPECT_EQ(buffer.ReadBig16(), std::nullopt);
}

TEST_F(BufferTest, BigEndianIntegersAcrossSegments) {
  Buffer buffer = Chain({"\1", "\2\3", "\4\5\6\7", "\x8"});
  EXPECT_EQ(buffer.PeekBig16(), 0x0102);
  EXPECT_EQ(buffer.PeekBig64(), 0x0102030405060708u);
  EXPECT_EQ(buffer.ReadBig32(), 0x01020304u);
  EXPECT_EQ(buffer.ReadBig64(), std::nullopt);
  EXPECT_EQ(buffer.size(), 4u);
}

TEST_F(BufferTest, CloneSharesChunksAndIsIndependent) {
  Buffer buffer("abc");
  buffer.Append(Chain({"def"}));
  Buffer clone = buffer.Clone();
  EXPECT_EQ(clone.Front().data(), buffer.Front().data());
  buffer.Append("1");
  clone.Append("2");
  clone.Consume(1);
  clone.Prepend("X");
  EXPECT_EQ(buffer, "abcdef1");
  EXPECT_EQ(clone, "Xbcdef2");
  Buffer emptied("x");
  emptied.Clear();
  EXPECT_FALSE(emptied.Clone().TakeChunk());
}

TEST_F(BufferTest, ComparesWithText) {
  EXPECT_TRUE(Chain({"ab", "c"}) == "abc");
  EXPECT_FALSE(Chain({"ab", "c"}) == "abd");
  EXPECT_FALSE(Chain({"ab", "c"}) == "ab");
  EXPECT_FALSE(Chain({"ab", "c"}) == "abcd");
  EXPECT_TRUE(Buffer() == "");
}

}  // namespace
}  // namespace spindle
