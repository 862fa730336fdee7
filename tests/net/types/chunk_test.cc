#include "net/types/chunk.h"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/live_counter.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

class ChunkTest : public testing::Test {
 protected:
  ~ChunkTest() override { EXPECT_EQ(LiveCount<Chunk>(), before_) << "leaked"; }

  const int64_t before_ = LiveCount<Chunk>();
};

TEST_F(ChunkTest, AllocateGivesAtLeastTheCapacityAlignedAndWritable) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{215}, size_t{216}, size_t{217}, size_t{4056}, size_t{65496},
        size_t{65536}, size_t{131000}, size_t{1} << 20}) {
    ChunkRef chunk = Chunk::Allocate(size);
    ASSERT_TRUE(chunk);
    EXPECT_GE(chunk->capacity(), size);
    EXPECT_LE(chunk->capacity(), size + (size < 100000 ? 16 : 4096));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(chunk->data()) % 16, 0u);
    EXPECT_TRUE(chunk->writable());
    EXPECT_TRUE(chunk->unique());
    std::memset(chunk->data(), 'x', chunk->capacity());
  }
}

TEST_F(ChunkTest, NamedCapacitiesAreNotRounded) {
  for (const size_t size : {Chunk::kSmallCapacity, Chunk::kMediumCapacity, Chunk::kLargeCapacity}) {
    EXPECT_EQ(Chunk::Allocate(size)->capacity(), size);
  }
}

TEST_F(ChunkTest, SixtyFourKiBIsALargeChunk) {
  EXPECT_EQ(Chunk::Allocate(65536)->capacity(), Chunk::kLargeCapacity);
}

// More than a thread keeps, freed by the thread that made them and by another, and at its end.
TEST_F(ChunkTest, LargeBlocksAreUsedAgainByAnyThread) {
  std::vector<ChunkRef> chunks;
  for (int round = 0; round < 3; ++round) {
    for (char c = 0; c < 20; ++c) {
      chunks.push_back(Chunk::Allocate(65536));
      ASSERT_TRUE(chunks.back()->unique());
      std::memset(chunks.back()->data(), c, chunks.back()->capacity());
    }
    for (char c = 0; c < 20; ++c) {
      EXPECT_EQ(chunks[c]->data()[0], c);
      EXPECT_EQ(chunks[c]->data()[Chunk::kLargeCapacity - 1], c);
    }
    if (round != 1) chunks.clear();
    std::thread([moved = std::move(chunks)]() mutable {
      thread_local ChunkRef until_the_end;  // outlives what the thread keeps
      until_the_end = Chunk::Allocate(65536);
      moved.clear();
    }).join();
    chunks.clear();
  }
}

TEST_F(ChunkTest, TooLargeCapacityGivesNull_B1) {
  EXPECT_FALSE(Chunk::Allocate(Chunk::kMaxCapacity + 1));
  EXPECT_FALSE(Chunk::Allocate(size_t{1} << 31));
  EXPECT_FALSE(Chunk::Allocate(size_t{1} << 32));
  EXPECT_FALSE(Chunk::Allocate(SIZE_MAX - 31));
  EXPECT_FALSE(Chunk::Allocate(SIZE_MAX));
}

TEST_F(ChunkTest, LargestCapacityIsNotExceeded_B1) {
  ChunkRef chunk = Chunk::Allocate(Chunk::kMaxCapacity);
  if (!chunk) GTEST_SKIP() << "no GiB of address space";
  EXPECT_EQ(chunk->capacity(), Chunk::kMaxCapacity);
}

TEST_F(ChunkTest, CopyOfHoldsACopy) {
  std::string text = "hello";
  ChunkRef chunk = Chunk::CopyOf(text);
  text = "xxxxx";
  EXPECT_EQ(std::string_view(chunk->data(), 5), "hello");
  EXPECT_TRUE(Chunk::CopyOf({}));
}

TEST_F(ChunkTest, CopiesShareAndMovesDoNotCount) {
  ChunkRef a = Chunk::Allocate(1);
  ChunkRef b = a;
  EXPECT_EQ(a, b);
  EXPECT_FALSE(a->unique());
  ChunkRef c = std::move(b);
  EXPECT_FALSE(b);  // NOLINT(bugprone-use-after-move): that is what is tested
  c.reset();
  EXPECT_TRUE(a->unique());
  EXPECT_EQ(LiveCount<Chunk>(), before_ + 1);
  a = ChunkRef();
  EXPECT_EQ(LiveCount<Chunk>(), before_);
}

TEST_F(ChunkTest, SelfAssignmentKeepsTheReference) {
  ChunkRef a = Chunk::CopyOf("a");
  ChunkRef& alias = a;
  a = alias;
  a = std::move(alias);
  ASSERT_TRUE(a);
  EXPECT_TRUE(a->unique());
}

TEST_F(ChunkTest, WrapReleasesOnceWithTheLastReference) {
  const std::string text = "static";
  int released = 0;
  ChunkRef a = Chunk::Wrap(text, [&released] { ++released; });
  EXPECT_EQ(a->data(), text.data());
  EXPECT_EQ(a->capacity(), text.size());
  EXPECT_FALSE(a->writable());
  EXPECT_EQ(a->own_capacity(), 0u);
  ChunkRef b = a;
  a.reset();
  EXPECT_EQ(released, 0);
  b.reset();
  EXPECT_EQ(released, 1);
}

TEST_F(ChunkTest, WrapTakesBytesNullReleaseAndNothing) {
  const std::byte bytes[3] = {};
  EXPECT_EQ(Chunk::Wrap(std::span(bytes), [] {})->capacity(), 3u);
  EXPECT_EQ(Chunk::Wrap(std::string_view("abc"), nullptr)->capacity(), 3u);
  EXPECT_EQ(Chunk::Wrap(std::string_view(), nullptr)->capacity(), 0u);
}

TEST_F(ChunkTest, WrapOfTooMuchReleasesAtOnce_B1) {
  int released = 0;
  const std::string_view huge("", Chunk::kMaxCapacity + 1);  // never read
  EXPECT_FALSE(Chunk::Wrap(huge, [&released] { ++released; }));
  EXPECT_EQ(released, 1);
}

TEST_F(ChunkTest, ReleaseMayDropOtherChunks) {
  int released = 0;
  ChunkRef inner = Chunk::Wrap(std::string_view("in"), [&released] { ++released; });
  ChunkRef outer =
      Chunk::Wrap(std::string_view("out"), [inner = std::move(inner)]() mutable { inner.reset(); });
  outer.reset();
  EXPECT_EQ(released, 1);
}

// For ThreadSanitizer, too: the bytes written by one holder are read by the others, and the last
// one to let go writes again.
TEST_F(ChunkTest, ReferencesMayBeDroppedByManyThreads) {
  for (int round = 0; round < 500; ++round) {
    std::atomic<int> released{0};
    std::string text = "shared";
    {
      ChunkRef own = Chunk::CopyOf("own");
      ChunkRef wrapped = Chunk::Wrap(text, [&released, &text] {
        text[0] = 'S';
        released.fetch_add(1);
      });
      std::vector<std::thread> threads;
      for (int i = 0; i < 3; ++i) {
        threads.emplace_back([own, wrapped]() mutable {
          EXPECT_EQ(wrapped->data()[1], 'h');
          wrapped.reset();
          if (own->unique() && own->writable()) own->data()[0] = 'O';
        });
      }
      own.reset();
      wrapped.reset();
      for (std::thread& thread : threads) thread.join();
    }
    ASSERT_EQ(released.load(), 1);
    ASSERT_EQ(text, "Shared");
  }
}

}  // namespace
}  // namespace spindle
