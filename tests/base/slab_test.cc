#include "base/slab.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

template <size_t kBytes>
struct Blob {
  std::array<unsigned char, kBytes> bytes;
};

struct alignas(64) Line {
  uint64_t value;
};

// Fills a slab with 10,000 objects and returns the cost beyond their size, in parts per million.
template <class T>
uint64_t OverheadPpm() {
  constexpr size_t kCount = 10000;
  Slab<T> slab;
  std::vector<T*> objects;
  for (size_t i = 0; i < kCount; ++i) objects.push_back(slab.New());
  const size_t net = kCount * sizeof(T);
  const uint64_t ppm = (slab.bytes_reserved() - net) * uint64_t{1000000} / net;
  for (T* object : objects) slab.Delete(object);
  return ppm;
}

TEST(Slab, CostsLessThanTwoPercentForTenThousandObjects) {
  EXPECT_LT(OverheadPpm<Blob<200>>(), 20000u);
  EXPECT_LT(OverheadPpm<Blob<512>>(), 20000u);
  EXPECT_LT(OverheadPpm<Blob<1000>>(), 20000u);
  EXPECT_LT(OverheadPpm<Blob<4096>>(), 20000u);
  EXPECT_LT(OverheadPpm<Blob<5000>>(), 20000u);
}

TEST(Slab, CostsLittleMoreForSmallObjects) {
  EXPECT_LT(OverheadPpm<Blob<8>>(), 25000u);
  EXPECT_LT(OverheadPpm<Blob<48>>(), 25000u);
  EXPECT_LT(OverheadPpm<Line>(), 25000u);
}

TEST(Slab, ObjectsLargerThanAnyBlockWork) {
  Slab<Blob<(3 << 20)>> slab;
  auto* first = slab.New();
  auto* second = slab.New();
  first->bytes.fill(1);
  second->bytes.fill(2);
  EXPECT_EQ(first->bytes.back(), 1);
  slab.Delete(first);
  slab.Delete(second);
}

TEST(Slab, RunsConstructorsAndDestructorsWithArguments) {
  const auto shared = std::make_shared<int>(5);
  Slab<std::shared_ptr<int>> slab;
  std::shared_ptr<int>* copy = slab.New(shared);
  EXPECT_EQ(shared.use_count(), 2);
  EXPECT_EQ(slab.live(), 1u);
  slab.Delete(copy);
  EXPECT_EQ(shared.use_count(), 1);
  EXPECT_EQ(slab.live(), 0u);
  slab.Delete(nullptr);
  EXPECT_EQ(slab.live(), 0u);
}

TEST(Slab, HonoursAlignment) {
  Slab<Line> slab;
  std::vector<Line*> lines;
  for (int i = 0; i < 200; ++i) {
    lines.push_back(slab.New());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(lines.back()) % 64, 0u);
  }
  for (Line* line : lines) slab.Delete(line);
}

TEST(Slab, ObjectsStayPutAndKeepTheirContents) {
  // A seeded mix of New and Delete against a model.
  Random random(7);
  Slab<Blob<100>> slab;
  struct Known {
    Blob<100>* object;
    unsigned char fill;
  };
  std::vector<Known> known;
  for (int step = 0; step < 20000; ++step) {
    const bool grow = known.empty() || random.Chance(step < 10000 ? 0.7 : 0.3);
    if (grow) {
      const auto fill = static_cast<unsigned char>(random.Uniform(256));
      Blob<100>* object = slab.New();
      object->bytes.fill(fill);
      known.push_back({object, fill});
    } else {
      const size_t pick = random.Uniform(known.size());
      const auto& bytes = known[pick].object->bytes;
      ASSERT_EQ(std::count(bytes.begin(), bytes.end(), known[pick].fill), 100);
      slab.Delete(known[pick].object);
      std::swap(known[pick], known.back());
      known.pop_back();
    }
    ASSERT_EQ(slab.live(), known.size());
  }
  std::set<Blob<100>*> distinct;
  for (const Known& entry : known) distinct.insert(entry.object);
  EXPECT_EQ(distinct.size(), known.size());
  for (const Known& entry : known) slab.Delete(entry.object);
}

TEST(Slab, EmptyBlocksGoBackToTheAllocatorButForOne) {
  Slab<Blob<100>> slab;
  std::vector<Blob<100>*> objects;
  for (int i = 0; i < 10000; ++i) objects.push_back(slab.New());
  const size_t full = slab.bytes_reserved();
  for (Blob<100>* object : objects) slab.Delete(object);
  const size_t one_block = slab.bytes_reserved();
  EXPECT_GT(one_block, 0u);
  EXPECT_LT(one_block * 20, full);
  // At the border of a block, New and Delete in turn do not reach the allocator.
  slab.Delete(slab.New());
  EXPECT_EQ(slab.bytes_reserved(), one_block);
}

TEST(Slab, FreedSlotsAreReusedBeforeNewBlocksAreMade) {
  Slab<Blob<64>> slab;
  std::vector<Blob<64>*> objects;
  for (int i = 0; i < 1000; ++i) objects.push_back(slab.New());
  const size_t before = slab.bytes_reserved();
  for (size_t i = 0; i < objects.size(); i += 2) slab.Delete(objects[i]);
  for (size_t i = 0; i < objects.size(); i += 2) objects[i] = slab.New();
  EXPECT_EQ(slab.bytes_reserved(), before);
  for (Blob<64>* object : objects) slab.Delete(object);
}

TEST(Slab, DestructorOfAnObjectMayUseTheSlab) {
  struct Node {
    Node(Slab<Node>& slab, Node* child) : slab(slab), child(child) {}
    ~Node() { slab.Delete(child); }
    Slab<Node>& slab;
    Node* child;
  };
  Slab<Node> slab;
  Node* head = nullptr;
  for (int i = 0; i < 1000; ++i) head = slab.New(slab, head);
  slab.Delete(head);
  EXPECT_EQ(slab.live(), 0u);
}

TEST(SlabDeathTest, ObjectsThatOutliveTheirSlabFailACheck) {
  EXPECT_DEATH(
      {
        Slab<int> slab;
        (void)slab.New(1);
      },
      "1 objects alive");
}

#if defined(__SANITIZE_ADDRESS__)
TEST(SlabDeathTest, UseAfterDeleteIsSeenByAddressSanitizer) {
  Slab<Blob<64>> slab;
  Blob<64>* object = slab.New();
  slab.Delete(object);
  EXPECT_DEATH(*static_cast<volatile unsigned char*>(&object->bytes[1]) = 1, "use-after-poison");
}
#endif

}  // namespace
}  // namespace spindle
