#include "base/process_usage.h"

#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>

#include "base/clock.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(ProcessUsage, MemoryThatIsTouchedIsResident) {
  constexpr size_t kSize = 64 << 20;
  const uint64_t before = ResidentBytes();
  const auto memory = std::make_unique_for_overwrite<char[]>(kSize);
  std::memset(memory.get(), 1, kSize);
  EXPECT_GE(ResidentBytes(), before + kSize * 9 / 10);
}

TEST(ProcessUsage, DescriptorsAreCounted) {
  const uint64_t before = OpenDescriptors();
  const int fd = dup(0);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(OpenDescriptors(), before + 1);
  close(fd);
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(ProcessUsage, WorkTakesProcessorTime) {
  const Duration before = ProcessorTime();
  while (ProcessorTime() < before + std::chrono::milliseconds(10)) {
  }
  EXPECT_LT(ProcessorTime(), before + std::chrono::hours(1));
}

}  // namespace
}  // namespace spindle
