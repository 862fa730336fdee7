#include "net/types/io_error.h"

#include <cerrno>
#include <set>
#include <sstream>
#include <string>

#include "base/errno_status.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(IoErrorTest, DefaultIsNoError) {
  constexpr IoError error;
  static_assert(error.ok());
  EXPECT_EQ(error.code(), 0);
  EXPECT_EQ(error.op(), IoOp::kNone);
  EXPECT_EQ(error.ToString(), "ok");
  EXPECT_TRUE(error.ToStatus("10.0.0.1:80").ok());
}

TEST(IoErrorTest, NamesOperationTextAndErrno) {
  constexpr IoError error(ECONNRESET, IoOp::kRead);
  static_assert(!error.ok());
  EXPECT_EQ(error.code(), ECONNRESET);
  EXPECT_EQ(error.op(), IoOp::kRead);
  EXPECT_EQ(error.ToString(), "read: Connection reset by peer (ECONNRESET)");
}

TEST(IoErrorTest, WithoutOperationNamesTheErrnoOnly) {
  EXPECT_EQ(IoError(EPIPE).ToString(), "Broken pipe (EPIPE)");
}

TEST(IoErrorTest, CodeZeroIsOkWhateverTheOperation) { EXPECT_TRUE(IoError(0, IoOp::kRead).ok()); }

TEST(IoErrorTest, StatusNamesOperationAndAddressAndKeepsErrno) {
  const absl::Status status = IoError(ECONNREFUSED, IoOp::kConnect).ToStatus("10.0.0.1:80");
  EXPECT_EQ(std::string(status.message()),
            "connect 10.0.0.1:80: Connection refused (ECONNREFUSED)");
  EXPECT_EQ(ErrnoOf(status), ECONNREFUSED);
  EXPECT_EQ(std::string(IoError(EPIPE, IoOp::kWrite).ToStatus("").message()),
            "write: Broken pipe (EPIPE)");
}

TEST(IoErrorTest, EqualIfCodeAndOperationAre) {
  EXPECT_EQ(IoError(EPIPE, IoOp::kWrite), IoError(EPIPE, IoOp::kWrite));
  EXPECT_FALSE(IoError(EPIPE, IoOp::kWrite) == IoError(EPIPE, IoOp::kRead));
  EXPECT_FALSE(IoError(EPIPE, IoOp::kWrite) == IoError(EIO, IoOp::kWrite));
}

TEST(IoErrorTest, StreamsAsItsText) {
  std::ostringstream out;
  out << IoError(EPIPE, IoOp::kWrite);
  EXPECT_EQ(out.str(), "write: Broken pipe (EPIPE)");
}

TEST(IoErrorTest, EveryOperationHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int op = 0; op <= static_cast<int>(IoOp::kClose); ++op) {
    const std::string_view name = IoOpName(static_cast<IoOp>(op));
    EXPECT_NE(name, "unknown");
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(IoOpName(static_cast<IoOp>(255)), "unknown");
}

}  // namespace
}  // namespace spindle
