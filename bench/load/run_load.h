#ifndef SPINDLE_BENCH_LOAD_RUN_LOAD_H_
#define SPINDLE_BENCH_LOAD_RUN_LOAD_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/load/cpu_time.h"
#include "bench/load/load.h"
#include "net/loop/event_loop.h"
#include "net/loop/loop_stats.h"

namespace spindle::bench {

// Where a run stands, for progress lines.
struct LoadProgress {
  Duration elapsed{0};  // Warm-up included.
  Duration total{0};
  bool warming_up = false;
};

struct LoadPlan {
  Duration warmup = std::chrono::seconds(1);
  Duration duration = std::chrono::seconds(10);
  // After the end, for the answers that are still missing then.
  Duration patience = std::chrono::seconds(2);
  // Called so often while the load runs.
  Duration progress_every = std::chrono::seconds(1);
  absl::AnyInvocable<void(const Load&, const LoadProgress&)> on_progress = nullptr;
};

// The measured part of one run: without the warm-up and without what came after the end.
struct LoadOutcome {
  Duration wall{0};
  LoadCounts counts;
  // Halves of the measured part, by their count of messages; a steady load has like numbers.
  uint64_t first_half_messages = 0;
  CpuTime cpu;         // This thread.
  uint64_t reads = 0;  // System calls of the loop.
  uint64_t writes = 0;
  uint64_t turns = 0;
  uint64_t unanswered = 0;  // Messages still without an answer after `patience`.
  bool interrupted = false;
};

// Runs `load`, which is connected, on the loop of this thread. Ends early, with what there is, when
// `interrupted` says so or no connection is left. Errors: those of the loop.
absl::StatusOr<LoadOutcome> RunLoad(EventLoop& loop, Load& load, LoadPlan& plan,
                                    absl::FunctionRef<bool()> interrupted);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_RUN_LOAD_H_
