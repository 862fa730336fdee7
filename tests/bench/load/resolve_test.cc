#include "bench/load/resolve.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

std::string First(const std::vector<std::string>& words) {
  const auto addresses = ResolveEndpoint(words);
  return addresses.ok() ? addresses->front().ToString() : "error";
}

TEST(ResolveEndpoint, TakesAddressesNamesAndUnixSockets) {
  EXPECT_EQ(First({"127.0.0.1", "80"}), "127.0.0.1:80");
  EXPECT_EQ(First({"::1", "0"}), "[::1]:0");
  EXPECT_EQ(First({"*", "65535"}), "0.0.0.0:65535");
  EXPECT_EQ(First({"unix:/tmp/x"}), "unix:/tmp/x");
  EXPECT_EQ(First({"unix:@x"}), "unix:@x");
  const auto named = ResolveEndpoint(std::vector<std::string>{"localhost", "80"});
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_TRUE(named->front().is_loopback());
  EXPECT_EQ(named->front().port(), 80);
}

TEST(ResolveEndpoint, WrongFormsAreUsageErrors) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"127.0.0.1"},
                                                       {"", "80"},
                                                       {"127.0.0.1", ""},
                                                       {"127.0.0.1", "65536"},
                                                       {"127.0.0.1", "-1"},
                                                       {"127.0.0.1", "80x"},
                                                       {"unix:"},
                                                       {"a", "1", "2"}};
  for (const auto& words : wrong) {
    const auto addresses = ResolveEndpoint(words);
    EXPECT_EQ(addresses.status().code(), absl::StatusCode::kInvalidArgument)
        << (words.empty() ? "" : words[0]) << ": " << addresses.status();
  }
}

}  // namespace
}  // namespace spindle::bench
