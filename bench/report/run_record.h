#ifndef SPINDLE_BENCH_REPORT_RUN_RECORD_H_
#define SPINDLE_BENCH_REPORT_RUN_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "bench/load/cpu_time.h"
#include "bench/load/load.h"
#include "bench/report/statistics.h"

namespace spindle::bench {

// One run as the file format spindle.run/1 has it; see bench/README.md. Plain data.

// One arm in one block.
struct BlockRecord {
  uint64_t block = 0;
  uint64_t order = 0;  // Which of the block's arms it was: 0 ran first.
  Duration start{0};   // Since the start of the run.
  Duration wall{0};
  uint64_t messages = 0;
  uint64_t bytes = 0;  // Payload, one way.
  ErrorCounts errors = {};
  CpuTime cpu = {};  // Of the client's thread.
};

// One way of sending under one setting.
struct ArmRecord {
  std::string name;
  size_t connections = 0;
  uint64_t message_bytes = 0;
  std::vector<BlockRecord> blocks = {};
  Histogram latency = {};
  bool closed_loop = true;
};

// The comparison of two arms under one setting.
struct PointRecord {
  size_t connections = 0;
  uint64_t message_bytes = 0;
  std::optional<Duration> rtt = std::nullopt;  // If it was measured.
  RatioEstimate speedup = {};
  Verdict verdict = Verdict::kCannotTell;
  // Connections that each loop of the server got for this point; empty if the server is another
  // process.
  std::vector<uint64_t> accepted_per_loop = {};
};

struct RunRecord {
  using Value = std::variant<std::string, uint64_t, double, bool>;

  std::string title = {};  // For people: what was run. Not part of the file.
  std::vector<std::string> command;
  uint64_t seed = 0;
  std::vector<std::pair<std::string, Value>> config = {};
  std::vector<ArmRecord> arms = {};
  std::vector<PointRecord> points = {};
  ErrorCounts errors = {};  // Of the whole run.
  bool interrupted = false;
  std::vector<std::string> warnings = {};
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_RUN_RECORD_H_
