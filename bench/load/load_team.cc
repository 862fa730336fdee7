#include "bench/load/load_team.h"

#include <span>
#include <utility>

#include "bench/load/run_until.h"
#include "net/loop/timer.h"

namespace spindle::bench {
namespace {

// Between the order and the start, so that all threads have heard it.
constexpr Duration kHeadStart = std::chrono::milliseconds(5);

// Timers of the main loop that end with the scope they are in.
class ScopedTimers {
 public:
  explicit ScopedTimers(EventLoop& loop) : loop_(loop) {}
  ScopedTimers(const ScopedTimers&) = delete;
  ScopedTimers& operator=(const ScopedTimers&) = delete;
  ~ScopedTimers() {
    for (const TimerId timer : timers_) loop_.Cancel(timer);
  }
  void Add(TimerId timer) { timers_.push_back(timer); }

 private:
  EventLoop& loop_;
  std::vector<TimerId> timers_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LoadTeam>> LoadTeam::Create(EventLoop& main, LoadTeamOptions options,
                                                           MakePart make_part) {
  EventLoopThreadPoolOptions pool_options{.workers = options.threads, .name = "client"};
  pool_options.cpus = options.cpus;
  absl::StatusOr<std::unique_ptr<EventLoopThreadPool>> pool =
      EventLoopThreadPool::Start(main, std::move(pool_options));
  if (!pool.ok()) return pool.status();
  std::unique_ptr<LoadTeam> team(new LoadTeam(main, std::move(options)));
  team->pool_ = *std::move(pool);
  const std::span<EventLoop* const> loops = team->pool_->loops();
  for (size_t i = 0; i < loops.size(); ++i) {
    team->parts_.emplace_back();
    loops[i]->ref().CallAndWait([&] { team->parts_[i] = make_part(*loops[i], i); });
  }
  return team;
}

LoadTeam::~LoadTeam() {
  for (size_t i = 0; i < parts_.size(); ++i) {
    pool_->loops()[i]->ref().CallAndWait([&] { parts_[i].reset(); });
  }
}

void LoadTeam::ForEach(absl::FunctionRef<void(MeasuredLoad&)> function) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    pool_->loops()[i]->ref().CallAndWait([&] { function(*parts_[i]); });
  }
}

absl::AnyInvocable<void()> LoadTeam::Report() {
  return [main = main_.ref(), awaited = awaited_] { main.Post([awaited] { --*awaited; }); };
}

absl::Status LoadTeam::Connect(absl::FunctionRef<bool()> interrupted) {
  *awaited_ = parts_.size();
  ForEach([&](MeasuredLoad& part) { part.Connect(Report()); });
  return RunUntil(main_, [&] { return all_reported() || interrupted(); });
}

size_t LoadTeam::open() {
  size_t open = 0;
  ForEach([&](MeasuredLoad& part) { open += part.load().open(); });
  return open;
}

uint64_t LoadTeam::opened() {
  uint64_t opened = 0;
  ForEach([&](MeasuredLoad& part) { opened += part.load().opened(); });
  return opened;
}

ErrorCounts LoadTeam::errors() {
  ErrorCounts all;
  ForEach([&](MeasuredLoad& part) {
    for (const auto& [what, count] : part.errors()) all[what] += count;
  });
  return all;
}

void LoadTeam::ShowProgress(TimePoint start) {
  LoadProgress progress;
  progress.elapsed = main_.Now() - start;
  progress.warmup = options_.plan.warmup;
  progress.total = options_.plan.warmup + options_.plan.duration;
  // By the threads themselves: their clocks ring a little later than this one's.
  ForEach([&](MeasuredLoad& part) {
    progress.warming_up = progress.warming_up || part.warming_up();
    progress.open += part.load().open();
    progress.messages += part.load().counts().messages;
    progress.latency.Merge(part.load().counts().latency);
    progress.errors += TotalErrors(part.errors());
  });
  options_.on_progress(progress);
}

void LoadTeam::EndMeasuring() {
  absl::AnyInvocable<void()> on_end = std::exchange(options_.on_end, nullptr);
  if (on_end) on_end();
}

absl::StatusOr<LoadOutcome> LoadTeam::Run(absl::FunctionRef<bool()> interrupted) {
  const TimePoint start = SaturatingAdd(main_.Now(), kHeadStart);
  const TimePoint begin = SaturatingAdd(start, options_.plan.warmup);
  *awaited_ = parts_.size();
  ForEach([&](MeasuredLoad& part) { part.Start(start, Report()); });
  ScopedTimers timers(main_);
  timers.Add(main_.RunAt(begin, [this] {
    if (options_.on_begin) options_.on_begin();
  }));
  const TimePoint end = SaturatingAdd(begin, options_.plan.duration);
  timers.Add(main_.RunAt(end, [this] { EndMeasuring(); }));
  TimerId progress;
  if (options_.on_progress) {
    // From the start on, so that lines come at whole seconds.
    timers.Add(main_.RunAt(start, [&, this] {
      progress = main_.RunEvery(options_.progress_every, [this, start] { ShowProgress(start); });
      timers.Add(progress);
    }));
    timers.Add(main_.RunAt(end, [&, this] { main_.Cancel(progress); }));
  }
  const auto done_or = [&](absl::FunctionRef<bool()> stop) {
    return RunUntil(main_, [&] { return all_reported() || stop(); });
  };
  absl::Status status = done_or(interrupted);
  if (status.ok() && !all_reported()) {
    EndMeasuring();
    main_.Cancel(progress);
    ForEach([](MeasuredLoad& part) { part.EndNow(); });
    status = done_or([] { return false; });
  }
  if (!status.ok()) return status;
  EndMeasuring();
  LoadOutcome outcome;
  ForEach([&](MeasuredLoad& part) { outcome.Merge(part.outcome()); });
  return outcome;
}

}  // namespace spindle::bench
