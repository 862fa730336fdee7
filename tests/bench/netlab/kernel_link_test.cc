#include "bench/netlab/kernel_link.h"

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/netlab/link_model.h"
#include "bench/netlab/link_stats.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using std::chrono::milliseconds;

std::string Joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

TEST(KernelLink, TbfTakesRateAndQueue) {
  EXPECT_EQ(Joined(TbfWords("lab0", {.bits_per_second = 50'000'000, .queue_packets = 1000}, 1500)),
            "tc qdisc add dev lab0 root tbf rate 50000000bit burst 32768 limit 1514000");
  EXPECT_EQ(Joined(TbfWords("x", {.bits_per_second = 1'000'000'000, .queue_packets = 1}, 1500)),
            "tc qdisc add dev x root tbf rate 1000000000bit burst 625000 limit 1514");
}

TEST(KernelLink, NetemTakesEverything) {
  EXPECT_EQ(Joined(NetemWords("lab0", {.delay = milliseconds(5)})),
            "tc qdisc add dev lab0 root netem limit 101000 delay 5000.000us");
  // 50 Mbit/s for 6 ms are 25 packets of full size.
  EXPECT_EQ(Joined(NetemWords("lab0", {.delay = milliseconds(5),
                                       .bits_per_second = 50'000'000,
                                       .queue_packets = 200,
                                       .loss = 0.01,
                                       .jitter = milliseconds(1)})),
            "tc qdisc add dev lab0 root netem limit 226 delay 5500.000us 500.000us loss 1.000000% "
            "rate 50000000bit");
}

TEST(KernelLink, ReadsWhatTcCounts) {
  const absl::StatusOr<LinkStats> stats = ParseDisciplineStats(
      "qdisc tbf 8001: root refcnt 2 rate 1Mbit burst 32Kb lat 10ms \n"
      " Sent 31337 bytes 42 pkt (dropped 7, overlimits 9 requeues 0) \n"
      " backlog 0b 0p requeues 0\n");
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->bytes, 31337u);
  EXPECT_EQ(stats->packets, 42u);
  EXPECT_EQ(stats->queue_full, 7u);
  EXPECT_FALSE(ParseDisciplineStats("").ok());
  EXPECT_FALSE(ParseDisciplineStats(" Sent many bytes").ok());
}

}  // namespace
}  // namespace spindle::bench
