#ifndef SPINDLE_BENCH_CLI_BENCH_EVENTS_H_
#define SPINDLE_BENCH_CLI_BENCH_EVENTS_H_

#include <memory>
#include <utility>

#include "bench/cli/bench_flags.h"
#include "bench/cli/bench_report.h"
#include "bench/cli/commands.h"
#include "bench/load/load_team.h"
#include "bench/report/json_lines.h"

namespace spindle::bench {

// The JSON lines of `spindle bench --jsonl`: the start, what each second of the measured time
// brought, the end. Without a writer it does nothing. One thread at a time; `flags` must outlive
// it.
class BenchEvents {
 public:
  BenchEvents(const BenchFlags& flags, std::unique_ptr<JsonLines> lines)
      : flags_(flags), lines_(std::move(lines)) {}

  bool active() const { return lines_ != nullptr; }
  JsonLines* lines() const { return lines_.get(); }

  void Start(const CommandLine& command_line, const BenchMeasurement& measurement);
  // What came since the last call.
  void Interval(const LoadProgress& at);

 private:
  const BenchFlags& flags_;
  const std::unique_ptr<JsonLines> lines_;
  Duration last_{0};  // Of the measured time.
  uint64_t messages_ = 0;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_BENCH_EVENTS_H_
