#include "net/types/internal/segment_ring.h"

#include <deque>

#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle::internal {
namespace {

Segment Numbered(uint32_t number) { return {Chunk::CopyOf("x"), number, number + number % 3}; }

TEST(SegmentRingTest, BehavesAsADeque) {
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    SegmentRing ring;
    std::deque<uint32_t> model;
    for (uint32_t i = 0; i < 500; ++i) {
      const uint64_t pick = random.Uniform(round % 2 == 0 ? 5 : 4);
      if (pick == 0 || pick == 4) {
        ring.PushBack(Numbered(i));
        model.push_back(i);
      } else if (pick == 1) {
        ring.PushFront(Numbered(i));
        model.push_front(i);
      } else if (pick == 2 && !model.empty()) {
        ASSERT_EQ(ring.PopFront().begin, model.front());
        model.pop_front();
      } else if (!model.empty()) {
        ASSERT_EQ(ring.PopBack().begin, model.back());
        model.pop_back();
      }
      ASSERT_EQ(ring.count(), model.size());
      ASSERT_EQ(ring.empty(), model.empty());
      uint64_t bytes = 0;
      for (size_t k = 0; k < model.size(); ++k) {
        ASSERT_EQ(ring[k].begin, model[k]);
        bytes += model[k] % 3;
      }
      ASSERT_EQ(ring.bytes(), bytes);
      if (model.empty()) continue;
      ASSERT_EQ(ring.front().begin, model.front());
      ASSERT_EQ(ring.back().begin, model.back());
    }
  }
}

TEST(SegmentRingTest, PoppedAndDroppedChunksAreReleased) {
  int released = 0;
  {
    SegmentRing ring;
    for (int i = 0; i < 20; ++i) {
      ring.PushBack({Chunk::Wrap(std::string_view("x"), [&released] { ++released; }), 0, 1});
    }
    ring.PopFront();
    ring.PopBack();
    EXPECT_EQ(released, 2);
  }
  EXPECT_EQ(released, 20);
}

TEST(SegmentRingTest, TailroomIsThatOfOwnUnsharedChunksOnly) {
  Segment segment{Chunk::Allocate(100), 0, 10};
  EXPECT_EQ(segment.tailroom(), segment.chunk->capacity() - 10);
  const ChunkRef shared = segment.chunk;
  EXPECT_EQ(segment.tailroom(), 0u);
  EXPECT_EQ(Segment().tailroom(), 0u);
  EXPECT_EQ((Segment{Chunk::Wrap(std::string_view("abc"), nullptr), 0, 1}).tailroom(), 0u);
}

}  // namespace
}  // namespace spindle::internal
