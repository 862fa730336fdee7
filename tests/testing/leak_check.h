#ifndef SPINDLE_TESTS_TESTING_LEAK_CHECK_H_
#define SPINDLE_TESTS_TESTING_LEAK_CHECK_H_

#include <cstdint>
#include <map>
#include <string>

#include "gtest/gtest.h"

namespace spindle {

// The open descriptors of this process and what each is: {5, "socket:[1234]"}. Any thread.
std::map<int, std::string> OpenFds();

// Live objects by type, those at zero left out. Any thread.
std::map<std::string, int64_t> LiveCounts();

// Descriptors and counted objects at one moment, to be compared with a later one.
class LeakCheck {
 public:
  LeakCheck();
  ~LeakCheck();

  // Fails the test if either differs from when this was made. Threads that are ending get time to
  // do so.
  void ExpectUnchanged() const;

 private:
  const std::map<int, std::string> fds_;
  const std::map<std::string, int64_t> counts_;
};

// A fixture whose tests leave no descriptor and no counted object behind. Members of derived
// fixtures that hold some must be reset in their TearDown, before this one's.
class LeakCheckTest : public ::testing::Test {
 public:
  ~LeakCheckTest() override;

 protected:
  void TearDown() override;

 private:
  const LeakCheck leaks_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_LEAK_CHECK_H_
