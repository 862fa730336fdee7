#ifndef SPINDLE_BENCH_CLI_BENCH_REPORT_H_
#define SPINDLE_BENCH_CLI_BENCH_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "bench/cli/bench_flags.h"
#include "bench/cli/commands.h"
#include "bench/load/cpu_time.h"
#include "bench/load/load_team.h"
#include "bench/load/measured_load.h"
#include "bench/report/run_record.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// What one run of `spindle bench` has measured. Plain data.
struct BenchMeasurement {
  SocketAddress server = {};
  LoadOutcome outcome = {};
  bool interrupted = false;
  // Of the server in the measured time, where it is known: "pid 123", "this process".
  std::string server_name = {};
  std::optional<CpuTime> server_cpu = std::nullopt;
  std::optional<uint64_t> server_system_calls = std::nullopt;
};

// As the file format has it, with the warnings that a reader of the numbers must know.
RunRecord BenchRecord(const BenchFlags& flags, const CommandLine& command_line,
                      const BenchMeasurement& measurement);

// For people. Ends in a newline.
std::string BenchText(const BenchFlags& flags, const RunRecord& record,
                      const BenchMeasurement& measurement);

// Makes the progress lines: "12s/30s  64 conn  41.2k msg/s  p50 31.0 us  p99 1.90 ms  err 0". One
// thread at a time.
class BenchProgress {
 public:
  explicit BenchProgress(const BenchFlags& flags) : unit_(flags.churn ? " conn/s" : " msg/s") {}

  // The rate is that since the line before.
  std::string Line(const LoadProgress& at);

 private:
  const std::string unit_;
  bool warmed_up_ = false;
  uint64_t messages_ = 0;
  Duration elapsed_{0};
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_BENCH_REPORT_H_
