#ifndef SPINDLE_BENCH_REPORT_ARM_SUMMARY_H_
#define SPINDLE_BENCH_REPORT_ARM_SUMMARY_H_

#include <cstdint>
#include <optional>

#include "bench/report/run_record.h"

namespace spindle::bench {

// The blocks of an arm in a few numbers. Seconds as double, since a file may hold any durations.
struct ArmSummary {
  uint64_t messages = 0;  // In all blocks.
  uint64_t errors = 0;
  double wall_s = 0;        // Median over blocks.
  double per_second = 0;    // Messages; median over blocks.
  double bytes_per_s = 0;   // Payload one way; of the medians.
  double switches = 0;      // Context switches of the client's threads for each message.
  double client_cpu_s = 0;  // For each message.
  std::optional<double> server_cpu_s = std::nullopt;
  std::optional<double> system_calls = std::nullopt;   // Of the client for each message.
  std::optional<uint64_t> retransmits = std::nullopt;  // In all blocks.
};

// Nothing if no block has messages and took time. Any thread.
std::optional<ArmSummary> Summarize(const ArmRecord& arm);

// The time of one round, a message on each connection: quartiles over blocks, in seconds.
struct RoundTime {
  double lower = 0;
  double median = 0;
  double upper = 0;
};

std::optional<RoundTime> RoundTimeOf(const ArmRecord& arm);

// Rounds in a block, the median; 0 if unknown.
double RoundsOf(const ArmRecord& arm);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_ARM_SUMMARY_H_
