#include "bench/report/write_file.h"

#include <errno.h>

#include <string>

#include "base/errno_status.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

TEST(WriteFile, ReplacesAFileAndReadsItBack) {
  const std::string path = ::testing::TempDir() + "/write_file_test";
  const std::string text("with\0zero\xff", 10);
  ASSERT_TRUE(WriteFile("something longer than that", path).ok());
  ASSERT_TRUE(WriteFile(text, path).ok());
  const absl::StatusOr<std::string> read = ReadFile(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, text);
  EXPECT_EQ(ReadFile(path, 9).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(WriteFile, AFullDiskIsAnError) {
  const absl::Status status = WriteFile("x", "/dev/full");
  EXPECT_EQ(ErrnoOf(status), ENOSPC);
  EXPECT_NE(std::string(status.message()).find("/dev/full"), std::string::npos);
}

TEST(WriteFile, AFolderThatIsNotThereIsAnError) {
  EXPECT_EQ(ErrnoOf(WriteFile("x", "/nowhere/file")), ENOENT);
  EXPECT_EQ(ErrnoOf(ReadFile("/nowhere/file").status()), ENOENT);
}

}  // namespace
}  // namespace spindle::bench
