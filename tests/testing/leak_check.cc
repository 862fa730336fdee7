#include "tests/testing/leak_check.h"

#include <dirent.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/clock.h"
#include "base/live_counter.h"

namespace spindle {

std::map<int, std::string> OpenFds() {
  std::map<int, std::string> open;
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return open;
  while (const dirent* entry = readdir(folder)) {
    char* end = nullptr;
    const long fd = std::strtol(entry->d_name, &end, 10);
    if (end == entry->d_name || fd == dirfd(folder)) continue;
    char target[256];
    const std::string path = std::string("/proc/self/fd/") + entry->d_name;
    const ssize_t length = readlink(path.c_str(), target, sizeof target);
    open[static_cast<int>(fd)] =
        length < 0 ? "?" : std::string(target, static_cast<size_t>(length));
  }
  closedir(folder);
  return open;
}

std::map<std::string, int64_t> LiveCounts() {
  std::map<std::string, int64_t> counts;
  for (const LiveCountEntry& entry : NonZeroLiveCounts()) counts[entry.name] = entry.count;
  return counts;
}

LeakCheck::LeakCheck() : fds_(OpenFds()), counts_(LiveCounts()) {}

LeakCheck::~LeakCheck() = default;

void LeakCheck::ExpectUnchanged() const {
  const TimePoint deadline = Clock::now() + std::chrono::seconds(20);
  while ((OpenFds() != fds_ || LiveCounts() != counts_) && Clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(OpenFds(), fds_) << "descriptors opened or closed";
  EXPECT_EQ(LiveCounts(), counts_) << "objects left alive";
}

LeakCheckTest::~LeakCheckTest() = default;

void LeakCheckTest::TearDown() { leaks_.ExpectUnchanged(); }

}  // namespace spindle
