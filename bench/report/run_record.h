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

// One run as the file format spindle.run/1 has it; see bench/README.md. Plain data. What was not
// measured is nullopt or empty, and null or absent in the file.

// The program that measured.
struct ToolRecord {
  std::string version = {};
  std::optional<std::string> commit = std::nullopt;
  std::string build = {};  // Kind of build, compiler.
};

// The machine that it ran on.
struct HostRecord {
  std::string kernel = {};
  std::optional<std::string> cpu_model = std::nullopt;
  uint64_t cpus = 0;
  std::optional<std::string> congestion_control = std::nullopt;
  std::optional<std::string> governor = std::nullopt;  // Of the first processor's frequency.
  std::vector<std::pair<std::string, std::optional<std::string>>> sysctl = {};
};

// The network that a run was made on.
struct NetRecord {
  enum class Kind : uint8_t {
    kLoopback,  // Within this machine, nothing added.
    kNetlab,    // Between network namespaces with delay, rate or loss of our making.
    kRemote,
  };
  Kind kind = Kind::kLoopback;
  std::optional<Duration> rtt_measured = std::nullopt;     // Smallest of a few one-byte exchanges.
  std::optional<uint64_t> bits_per_second = std::nullopt;  // The limit, if there is one.
};

// What the arms of one comparison share.
struct Setting {
  size_t connections = 0;
  uint64_t message_bytes = 0;
  uint64_t messages = 0;                       // Per connection and block.
  Duration think{0};                           // Of the server, if it is known.
  std::optional<Duration> rtt = std::nullopt;  // As asked for.
  std::optional<uint64_t> bits_per_second = std::nullopt;
  bool pooled = true;  // Connections were open before; else each block opens its own.

  friend bool operator==(const Setting&, const Setting&) = default;
};

// One arm in one block.
struct BlockRecord {
  uint64_t block = 0;
  uint64_t order = 0;  // Which of the block's arms it was: 0 ran first.
  Duration start{0};   // Since the start of the run.
  Duration wall{0};
  uint64_t messages = 0;
  uint64_t bytes = 0;  // Payload, one way.
  ErrorCounts errors = {};
  CpuTime cpu = {};                                     // Of the client's threads.
  std::optional<CpuTime> server_cpu = std::nullopt;     // Of the server's threads or process.
  std::optional<uint64_t> system_calls = std::nullopt;  // Of the client, for I/O and waiting.
  std::optional<uint64_t> retransmits = std::nullopt;   // Segments, both ends where known.
};

// What went through in one slice of time.
struct IntervalRecord {
  Duration start{0};  // Since the start of the measured time.
  Duration length{0};
  uint64_t messages = 0;
  uint64_t bytes = 0;
};

// One way of sending under one setting.
struct ArmRecord {
  std::string name;  // "sequential", "parallel", "parallel-loops", "window-4", "pipeline-8", ...
  Setting setting = {};
  std::vector<BlockRecord> blocks = {};
  Histogram latency = {};
  bool closed_loop = true;
  std::optional<Histogram> send_lag = std::nullopt;  // Open loop: actual minus intended send time.
  std::vector<IntervalRecord> intervals = {};
};

// What one connection did for how long, in the one block that is drawn as a timeline.
struct TimelineSpan {
  enum class Phase : uint8_t { kConnect, kWrite, kInFlight, kThink, kAck, kClose };
  size_t arm = 0;  // Index in RunRecord::arms.
  size_t connection = 0;
  uint64_t message = 0;
  Phase phase = Phase::kWrite;
  Duration start{0};  // Since the arm's start line.
  Duration length{0};
};

// The comparison of two arms under one setting.
struct PointRecord {
  Setting setting = {};
  std::string base_arm = "sequential";  // speedup > 1: `arm` is faster than this.
  std::string arm = "parallel";
  std::optional<Duration> rtt = std::nullopt;  // If it was measured.
  RatioEstimate speedup = {};
  Verdict verdict = Verdict::kCannotTell;
  std::optional<double> predicted = std::nullopt;  // The model's speed-up.
  // The model's time of each arm for a whole block, to be held against BlockRecord::wall.
  std::optional<Duration> predicted_base_wall = std::nullopt;
  std::optional<Duration> predicted_arm_wall = std::nullopt;
  // What kept the faster arm from being faster still: "sender core", "receiver core", "window",
  // "wire", "think time", "round trip"; empty if that is not known.
  std::string limit = {};
  // Connections that each loop of the server got for this point; empty if the server is another
  // process.
  std::vector<uint64_t> accepted_per_loop = {};
};

// A comparison of two whole runs or targets: how many times as high the second one's value is.
struct CompareRecord {
  std::string statistic;  // "throughput", "p99", ...
  RatioEstimate estimate = {};
  std::string test = {};  // "Wilcoxon signed-rank", "Mann-Whitney"
  std::optional<double> p_value = std::nullopt;
  Verdict verdict = Verdict::kCannotTell;
};

struct RunRecord {
  using Value = std::variant<std::string, uint64_t, double, bool>;

  std::string title = {};  // For people: what was run. Not part of the file.
  std::vector<std::string> command;
  uint64_t seed = 0;
  // Unset: this program and this machine, as they are when the record is written.
  std::optional<ToolRecord> tool = std::nullopt;
  std::optional<HostRecord> host = std::nullopt;
  std::vector<std::pair<std::string, Value>> config = {};
  NetRecord net = {};
  std::vector<ArmRecord> arms = {};
  std::vector<PointRecord> points = {};
  std::vector<CompareRecord> compare = {};
  // A comparison of an arm with itself (A/A): what "no difference" looks like here and now.
  std::optional<RatioEstimate> noise_floor = std::nullopt;
  std::vector<TimelineSpan> timeline = {};
  ErrorCounts errors = {};  // Of the whole run.
  bool interrupted = false;
  std::vector<std::string> warnings = {};
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_RUN_RECORD_H_
