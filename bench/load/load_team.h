#ifndef SPINDLE_BENCH_LOAD_LOAD_TEAM_H_
#define SPINDLE_BENCH_LOAD_LOAD_TEAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "bench/load/load.h"
#include "bench/load/measured_load.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"

namespace spindle::bench {

// Where a run stands, for progress lines.
struct LoadProgress {
  Duration elapsed{0};  // Warm-up included.
  Duration warmup{0};
  Duration total{0};
  bool warming_up = false;
  size_t open = 0;
  uint64_t messages = 0;   // Since the warm-up, or since the start in it.
  Histogram latency = {};  // Of these.
  uint64_t errors = 0;
};

struct LoadTeamOptions {
  size_t threads = 1;
  std::vector<int> cpus = {};  // Thread i runs on cpus[i % cpus.size()] only. Empty: on any.
  LoadPlan plan = {};

  // Called on the main loop's thread.
  Duration progress_every = std::chrono::seconds(1);
  absl::AnyInvocable<void(const LoadProgress&)> on_progress = nullptr;
  absl::AnyInvocable<void()> on_begin = nullptr;  // The measured time begins, and ends.
  absl::AnyInvocable<void()> on_end = nullptr;
};

// A load that several threads make together, each its part on a loop of its own, all on one
// schedule. The main loop is for orders, progress and signals, and sleeps in between.
//
// Thread of the main loop only, which is not running: the functions turn it.
class LoadTeam {
 public:
  // Makes the part of thread `index`; runs there.
  using MakePart = absl::FunctionRef<std::unique_ptr<MeasuredLoad>(EventLoop& loop, size_t index)>;

  // Errors: those of EventLoopThreadPool::Start.
  static absl::StatusOr<std::unique_ptr<LoadTeam>> Create(EventLoop& main, LoadTeamOptions options,
                                                          MakePart make_part);
  ~LoadTeam();
  LoadTeam(const LoadTeam&) = delete;
  LoadTeam& operator=(const LoadTeam&) = delete;

  // Until all connections are open or have failed, or `interrupted`. Errors: those of the loop;
  // also of Run.
  absl::Status Connect(absl::FunctionRef<bool()> interrupted);
  // Connections open now, and all that ever were; the idle ones left out.
  size_t open();
  uint64_t opened();
  // So far.
  ErrorCounts errors();

  // After Connect. All of it; `interrupted` ends the measured time, not the wait for answers.
  absl::StatusOr<LoadOutcome> Run(absl::FunctionRef<bool()> interrupted);

 private:
  LoadTeam(EventLoop& main, LoadTeamOptions options) : main_(main), options_(std::move(options)) {}

  // Calls `function` for each part, on its thread, and waits.
  void ForEach(absl::FunctionRef<void(MeasuredLoad&)> function);
  // What a part calls, on its thread, when it has done what it was told.
  absl::AnyInvocable<void()> Report();
  bool all_reported() const { return *awaited_ == 0; }
  void ShowProgress(TimePoint start);
  void EndMeasuring();

  EventLoop& main_;
  LoadTeamOptions options_;
  std::unique_ptr<EventLoopThreadPool> pool_;
  std::vector<std::unique_ptr<MeasuredLoad>> parts_;  // Part i lives on loop i.
  // Parts that have not reported yet. Shared with reports that are under way.
  const std::shared_ptr<size_t> awaited_ = std::make_shared<size_t>(0);
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_LOAD_TEAM_H_
