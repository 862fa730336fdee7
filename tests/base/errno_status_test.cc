#include "base/errno_status.h"

#include <cerrno>

#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(ErrnoStatus, NamesOperationAddressTextAndSymbol) {
  const absl::Status status = ErrnoStatus("bind 10.0.0.1:80", EADDRINUSE);
  EXPECT_EQ(status.message(), "bind 10.0.0.1:80: Address already in use (EADDRINUSE)");
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
}

TEST(ErrnoStatus, KeepsTheErrno) {
  for (int value = 1; value < 134; ++value) {
    const absl::Status status = ErrnoStatus("connect", value);
    EXPECT_FALSE(status.ok()) << value;
    EXPECT_EQ(ErrnoOf(status), value);
    const absl::Status copy = status;
    EXPECT_EQ(ErrnoOf(copy), value);
  }
}

TEST(ErrnoStatus, OtherStatusesHaveNoErrno) {
  EXPECT_EQ(ErrnoOf(absl::OkStatus()), 0);
  EXPECT_EQ(ErrnoOf(absl::UnavailableError("connect: Connection refused (ECONNREFUSED)")), 0);
}

TEST(ErrnoStatus, ZeroAndNegativeErrnoAreInternalErrors) {
  EXPECT_EQ(ErrnoStatus("read", 0).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ErrnoStatus("read", -EIO).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ErrnoOf(ErrnoStatus("read", 0)), 0);
}

TEST(ErrnoStatus, MapsWhatNetworksDo) {
  const auto code = [](int value) { return ErrnoStatus("x", value).code(); };
  EXPECT_EQ(code(ECONNREFUSED), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code(ECONNRESET), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code(EPIPE), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code(EAGAIN), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code(ETIMEDOUT), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(code(EMFILE), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code(EACCES), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code(ENOENT), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(EADDRNOTAVAIL), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(EAFNOSUPPORT), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(code(9999), absl::StatusCode::kUnknown);
}

TEST(ErrnoName, UnknownNumbersHaveAPlaceholder) {
  EXPECT_EQ(ErrnoName(ECONNRESET), "ECONNRESET");
  EXPECT_EQ(ErrnoName(EAGAIN), "EAGAIN");
  EXPECT_EQ(ErrnoName(9999), "E???");
  EXPECT_EQ(ErrnoName(0), "E???");
  EXPECT_EQ(ErrnoName(-1), "E???");
}

TEST(ErrnoText, DescribesKnownAndUnknownNumbers) {
  EXPECT_EQ(ErrnoText(ECONNRESET), "Connection reset by peer");
  EXPECT_EQ(ErrnoText(9999), "Unknown error 9999");
  EXPECT_EQ(ErrnoText(-7), "Unknown error -7");
}

}  // namespace
}  // namespace spindle
