#include "bench/cli/stall.h"

#include <string>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/strings.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(StallTest, OnceAndAgain) {
  const auto once = ParseStall("500ms@10s");
  ASSERT_TRUE(once.ok()) << once.status();
  EXPECT_EQ(once->length, milliseconds(500));
  EXPECT_EQ(once->start, seconds(10));
  EXPECT_EQ(once->every, Duration(0));
  const auto again = ParseStall("1ms@0/1.5s");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->start, Duration(0));
  EXPECT_EQ(again->every, milliseconds(1500));
}

TEST(StallTest, RefusesWithTheTextInTheMessage) {
  for (const std::string text : {"", "500ms", "@", "500ms@", "@1s", "500@1s", "500ms@1s/", "0@1s",
                                 "500ms@1s/500ms", "500ms@1s/0", "1s@1s@1s"}) {
    const auto stall = ParseStall(text);
    ASSERT_EQ(stall.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(FromAbsl(stall.status().message()).find("\"" + text + "\""), std::string::npos);
  }
}

}  // namespace
}  // namespace spindle::bench
