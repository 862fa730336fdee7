#ifndef SPINDLE_BENCH_LOAD_MEASURED_LOAD_H_
#define SPINDLE_BENCH_LOAD_MEASURED_LOAD_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "bench/load/cpu_time.h"
#include "bench/load/load.h"
#include "net/loop/event_loop.h"
#include "net/loop/loop_stats.h"
#include "net/loop/timer.h"

namespace spindle::bench {

struct LoadPlan {
  Duration warmup = std::chrono::seconds(1);
  Duration duration = std::chrono::seconds(10);
  // After the end, for the answers that are still missing then; idle connections get five times
  // that.
  Duration patience = std::chrono::seconds(2);
  // The slices in which the measured time is noted down.
  Duration interval = std::chrono::milliseconds(100);
};

// The measured part of one run: without the warm-up and without what came after the end.
struct LoadOutcome {
  struct Slice {
    uint64_t messages = 0;
    uint64_t bytes = 0;
  };

  Duration wall{0};  // Of the threads' walls the longest.
  LoadCounts counts;
  // Of `counts.messages`. A steady load has as many in each half.
  uint64_t first_half_messages = 0;
  CpuTime cpu;         // Of the client's threads.
  double busiest = 0;  // The part of its wall time that the busiest of them ran.
  uint64_t reads = 0;  // System calls of the loops.
  uint64_t writes = 0;
  uint64_t turns = 0;
  uint64_t unanswered = 0;    // Messages still without an answer after `patience`.
  std::vector<Slice> slices;  // LoadPlan::interval long each, but for the last.
  ErrorCounts errors;         // From the first connect on.

  // Adds what another thread did at the same time.
  void Merge(const LoadOutcome& other);
};

// One load on one loop, from connecting to the end: warm-up, measured time, last answers. Idle
// connections may stand by: they are open all the time, and each echoes one message before the
// start and one after the end, which shows that they are alive.
//
// Loop thread only; so several run at once, each on a loop of its own, on a common schedule.
class MeasuredLoad {
 public:
  // `idle_connections` may be null. `loop` must outlive this.
  MeasuredLoad(EventLoop& loop, std::unique_ptr<Load> load, std::unique_ptr<Load> idle_connections,
               const LoadPlan& plan);
  ~MeasuredLoad();
  MeasuredLoad(const MeasuredLoad&) = delete;
  MeasuredLoad& operator=(const MeasuredLoad&) = delete;

  // Once. `ready` is called when all connections are open, or have failed.
  void Connect(absl::AnyInvocable<void()> ready);
  // Once, when ready. The warm-up begins at `start`. `done` is called after the last answers. The
  // measured time ends early if no connection is left.
  void Start(TimePoint start, absl::AnyInvocable<void()> done);
  // Ends the warm-up or the measured time now.
  void EndNow();

  const Load& load() const { return *load_; }
  // The measured time has not begun: what load() counts is not in the outcome.
  bool warming_up() const { return phase_ < Phase::kMeasuring; }
  // Of the load, and of the idle connections.
  ErrorCounts errors() const;
  // Complete when done.
  LoadOutcome outcome() const;

 private:
  // What has been used up to a moment.
  struct Mark {
    TimePoint time;
    CpuTime cpu;
    LoopStats stats;
  };

  Mark MarkNow() const { return {loop_.Now(), ThreadCpuTime(), loop_.Stats()}; }
  // Calls `then` as soon as `condition`, which is looked at every millisecond, or at `deadline`.
  void When(absl::AnyInvocable<bool()> condition, TimePoint deadline,
            absl::AnyInvocable<void()> then);
  // One echo on each idle connection, then `then`.
  void TryIdleConnections(absl::AnyInvocable<void()> then);
  void Begin(TimePoint intended);
  void Tick();
  void NoteSlice();
  void End(TimePoint intended);

  EventLoop& loop_;
  const LoadPlan plan_;
  const std::unique_ptr<Load> load_;
  const std::unique_ptr<Load> idle_;  // Or null.
  enum class Phase { kConnecting, kWarmup, kMeasuring, kEnded } phase_ = Phase::kConnecting;
  absl::AnyInvocable<void()> done_;
  // The timers of the phase at hand.
  TimerId poll_;
  TimerId tick_;
  TimerId begin_timer_;
  TimerId half_timer_;
  TimerId end_timer_;
  Mark begin_ = {};
  Mark end_ = {};
  LoadCounts counted_;  // At the last slice; without histograms.
  LoadOutcome outcome_;
  ErrorCounts own_errors_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_MEASURED_LOAD_H_
