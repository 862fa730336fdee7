#include "bench/load/run_load.h"

#include <utility>

#include "bench/load/run_until.h"
#include "net/loop/timer.h"

namespace spindle::bench {
namespace {

// What has been used up to a moment.
struct Mark {
  TimePoint time;
  CpuTime cpu;
  LoopStats stats;
};

Mark MarkNow(const EventLoop& loop) { return {loop.Now(), ThreadCpuTime(), loop.Stats()}; }

// Calls the plan's on_progress for as long as it lives.
class ProgressTimer {
 public:
  ProgressTimer(EventLoop& loop, const Load& load, LoadPlan& plan) : loop_(loop) {
    if (!plan.on_progress) return;
    const TimePoint start = loop.Now();
    timer_ = loop.RunEvery(plan.progress_every, [&loop, &load, &plan, start] {
      const Duration elapsed = loop.Now() - start;
      plan.on_progress(load, {elapsed, plan.warmup + plan.duration, elapsed < plan.warmup});
    });
  }
  ProgressTimer(const ProgressTimer&) = delete;
  ProgressTimer& operator=(const ProgressTimer&) = delete;
  ~ProgressTimer() { loop_.Cancel(timer_); }

 private:
  EventLoop& loop_;
  TimerId timer_;
};

}  // namespace

absl::StatusOr<LoadOutcome> RunLoad(EventLoop& loop, Load& load, LoadPlan& plan,
                                    absl::FunctionRef<bool()> interrupted) {
  LoadOutcome outcome;
  const auto ended = [&] { return interrupted() || load.idle(); };
  load.Start();
  const TimePoint start = loop.Now();
  absl::Status status;
  Mark begin;
  {
    const ProgressTimer progress(loop, load, plan);
    status = RunUntil(loop, ended, SaturatingAdd(start, plan.warmup));
    if (!status.ok()) return status;
    load.ClearCounts();
    begin = MarkNow(loop);
    status = RunUntil(loop, ended, SaturatingAdd(begin.time, plan.duration / 2));
    if (!status.ok()) return status;
    outcome.first_half_messages = load.counts().messages;
    status = RunUntil(loop, ended, SaturatingAdd(begin.time, plan.duration));
    if (!status.ok()) return status;
  }
  const Mark end = MarkNow(loop);
  load.FreezeCounts();
  outcome.interrupted = interrupted();
  outcome.wall = end.time - begin.time;
  outcome.counts = load.counts();
  outcome.cpu = end.cpu - begin.cpu;
  outcome.reads = end.stats.reads - begin.stats.reads;
  outcome.writes = end.stats.writes - begin.stats.writes;
  outcome.turns = end.stats.turns - begin.stats.turns;

  load.Stop();
  status = RunUntil(
      loop, [&] { return load.idle(); }, SaturatingAdd(end.time, plan.patience));
  if (!status.ok()) return status;
  outcome.unanswered = load.in_flight();
  return outcome;
}

}  // namespace spindle::bench
