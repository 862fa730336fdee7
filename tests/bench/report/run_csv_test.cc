#include "bench/report/run_csv.h"

#include <algorithm>
#include <string>

#include "gtest/gtest.h"
#include "tests/bench/report/sample_record.h"

namespace spindle::bench {
namespace {

TEST(RunCsv, CellsAreQuotedWhereTheyMustBe) {
  EXPECT_EQ(CsvCell("parallel 4"), "parallel 4");
  EXPECT_EQ(CsvCell("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvCell("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(CsvCell("a\nb"), "\"a\nb\"");
  EXPECT_EQ(CsvCell("a\rb"), "\"a\rb\"");
}

TEST(RunCsv, OneLineForEachArmAndBlock) {
  RunRecord record;
  ArmRecord arm{.name = "window, 4",
                .setting = {.connections = 8,
                            .message_bytes = 1024,
                            .messages = 3,
                            .think = std::chrono::milliseconds(5),
                            .rtt = std::chrono::microseconds(250),
                            .bits_per_second = 50000000}};
  arm.blocks.push_back({.block = 1,
                        .order = 1,
                        .start = Duration(12),
                        .wall = std::chrono::milliseconds(25),
                        .messages = 24,
                        .bytes = 24576,
                        .errors = {{"a", 1}, {"b", 2}},
                        .cpu = {std::chrono::milliseconds(1), std::chrono::milliseconds(2), 7}});
  arm.blocks.push_back({.block = 2,
                        .server_cpu = CpuTime{std::chrono::seconds(1), Duration(0), 5},
                        .system_calls = 99,
                        .retransmits = 0});
  record.arms = {arm, {.name = "nothing", .setting = arm.setting}};
  EXPECT_EQ(
      ToCsv(record),
      "arm,connections,message_bytes,messages_per_connection,think_us,rtt_us_asked,bw,pool,loop,"
      "block,order,t0_ns,wall_s,msgs,bytes,errors,cpu_user_s,cpu_sys_s,ctxsw,server_cpu_user_s,"
      "server_cpu_sys_s,server_ctxsw,syscalls,retrans\n"
      "\"window, 4\",8,1024,3,5000,250,50000000,on,closed,1,1,12,0.025,24,24576,3,0.001,0.002,7,"
      ",,,,\n"
      "\"window, 4\",8,1024,3,5000,250,50000000,on,closed,2,0,0,0,0,0,0,0,0,0,1,0,5,99,0\n");
}

TEST(RunCsv, EveryLineHasAsManyCells) {
  const std::string csv = ToCsv(SampleSeqpar());
  size_t lines = 0;
  for (size_t at = 0; at < csv.size(); ++lines) {
    const size_t end = csv.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(std::count(csv.begin() + static_cast<std::ptrdiff_t>(at),
                         csv.begin() + static_cast<std::ptrdiff_t>(end), ','),
              23);
    at = end + 1;
  }
  EXPECT_EQ(lines, 1u + 10u * 20u);
}

}  // namespace
}  // namespace spindle::bench
