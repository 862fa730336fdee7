#include "bench/cli/pin.h"

#include <sched.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/strings.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

int AUsableProcessor() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &set)) ++cpu;
  return cpu;
}

TEST(PinTest, RolesAndProcessors) {
  const int cpu = AUsableProcessor();
  const auto plan = ParsePin(Concat("client:", cpu, ",server:", cpu, ",client:", cpu));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->client, (std::vector<int>{cpu, cpu}));
  EXPECT_EQ(plan->server, (std::vector<int>{cpu}));
}

TEST(PinTest, NoneIsTheEmptyPlan) {
  const auto plan = ParsePin("none");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->client.empty());
  EXPECT_TRUE(plan->server.empty());
}

TEST(PinTest, RefusesWithTheTextInTheMessage) {
  for (const std::string text : {"", "client", "client:", "client:x", "client:0x", "waiter:0",
                                 "client:-1", "client:0,", "client:99999"}) {
    const auto plan = ParsePin(text);
    ASSERT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(FromAbsl(plan.status().message()).find("\"" + text + "\""), std::string::npos);
  }
}

TEST(PinTest, HalvesDoNotOverlap) {
  const PinPlan plan = HalfAndHalf();
  EXPECT_EQ(plan.client.empty(), plan.server.empty());
  for (const int cpu : plan.client) {
    EXPECT_EQ(std::count(plan.server.begin(), plan.server.end(), cpu), 0);
  }
}

}  // namespace
}  // namespace spindle::bench
