#ifndef SPINDLE_TESTS_TESTING_LEAK_CHECK_H_
#define SPINDLE_TESTS_TESTING_LEAK_CHECK_H_

#include <dirent.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/live_counter.h"
#include "gtest/gtest.h"

namespace spindle {

// The open descriptors of this process and what each is: {5, "socket:[1234]"}. Any thread.
inline std::map<int, std::string> OpenFds() {
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

// Live objects by type, those at zero left out. Any thread.
inline std::map<std::string, int64_t> LiveCounts() {
  std::map<std::string, int64_t> counts;
  for (const LiveCountEntry& entry : NonZeroLiveCounts()) counts[entry.name] = entry.count;
  return counts;
}

// Descriptors and counted objects at one moment, to be compared with a later one.
class LeakCheck {
 public:
  LeakCheck() : fds_(OpenFds()), counts_(LiveCounts()) {}

  // Fails the test if either differs from when this was made. Threads that are ending get time to
  // do so.
  void ExpectUnchanged() const {
    const TimePoint deadline = Clock::now() + std::chrono::seconds(20);
    while ((OpenFds() != fds_ || LiveCounts() != counts_) && Clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_EQ(OpenFds(), fds_) << "descriptors opened or closed";
    EXPECT_EQ(LiveCounts(), counts_) << "objects left alive";
  }

 private:
  const std::map<int, std::string> fds_;
  const std::map<std::string, int64_t> counts_;
};

// A fixture whose tests leave no descriptor and no counted object behind. Members of derived
// fixtures that hold some must be reset in their TearDown, before this one's.
class LeakCheckTest : public ::testing::Test {
 protected:
  void TearDown() override { leaks_.ExpectUnchanged(); }

 private:
  const LeakCheck leaks_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_LEAK_CHECK_H_
