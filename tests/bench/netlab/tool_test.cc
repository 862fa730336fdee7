#include "bench/netlab/tool.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

TEST(RunTool, ReturnsWhatTheProgramPrints) {
  const absl::StatusOr<std::string> out =
      RunTool({"sh", "-c", "echo \"$1\"; echo two", "sh", "a b"});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(*out, "a b\ntwo\n");
}

TEST(RunTool, AFailureIsTheFirstLineOfWhatItSaid) {
  const absl::Status status =
      RunTool({"sh", "-c", "echo result; echo why >&2; echo more >&2; exit 3"}).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_TRUE(status.message().find(": why") != absl::string_view::npos) << status;
  EXPECT_TRUE(status.message().find("more >&2; exit 3: why") != absl::string_view::npos) << status;
}

TEST(RunTool, WhatIsNotInstalledIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(RunTool({"no-such-program-here"}).status()));
}

}  // namespace
}  // namespace spindle::bench
