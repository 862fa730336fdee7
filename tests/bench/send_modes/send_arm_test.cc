#include "bench/send_modes/send_arm.h"

#include <limits>

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max();

TEST(SendArm, NamesSayWhatIsUnderWay) {
  struct Case {
    std::string_view name;
    size_t window;
    size_t pipeline;
    bool over_loops;
  };
  for (const Case& expected : {Case{"sequential", 1, 1, false}, Case{"parallel", kAll, 1, false},
                               Case{"parallel-loops", kAll, 1, true}, Case{"window-4", 4, 1, false},
                               Case{"pipeline-16", kAll, 16, false}}) {
    const absl::StatusOr<SendArm> arm = ParseSendArm(expected.name);
    ASSERT_TRUE(arm.ok()) << arm.status();
    EXPECT_EQ(arm->name, expected.name);
    EXPECT_EQ(arm->mode.window, expected.window);
    EXPECT_EQ(arm->mode.pipeline, expected.pipeline);
    EXPECT_EQ(arm->over_loops, expected.over_loops);
  }
}

TEST(SendArm, OtherNamesAreRefused) {
  for (const std::string_view name :
       {"", "seq", "Parallel", "window", "window-", "window-0", "window--1", "window-4x",
        "pipeline-99999999999999999999", "parallel-4", " sequential"}) {
    EXPECT_FALSE(ParseSendArm(name).ok()) << name;
  }
}

}  // namespace
}  // namespace spindle::bench
