#include "bench/load/measured_load.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr Duration kPoll = std::chrono::milliseconds(1);

// For the echoes of the idle connections, which may be many: so many times LoadPlan::patience.
constexpr int kIdlePatience = 5;

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void LoadOutcome::Merge(const LoadOutcome& other) {
  wall = std::max(wall, other.wall);
  counts.Merge(other.counts);
  first_half_messages += other.first_half_messages;
  cpu += other.cpu;
  busiest = std::max(busiest, other.busiest);
  reads += other.reads;
  writes += other.writes;
  turns += other.turns;
  unanswered += other.unanswered;
  slices.resize(std::max(slices.size(), other.slices.size()));
  for (size_t i = 0; i < other.slices.size(); ++i) {
    slices[i].messages += other.slices[i].messages;
    slices[i].bytes += other.slices[i].bytes;
  }
  for (const auto& [what, count] : other.errors) errors[what] += count;
}

MeasuredLoad::MeasuredLoad(EventLoop& loop, std::unique_ptr<Load> load,
                           std::unique_ptr<Load> idle_connections, const LoadPlan& plan)
    : loop_(loop), plan_(plan), load_(std::move(load)), idle_(std::move(idle_connections)) {}

MeasuredLoad::~MeasuredLoad() {
  for (const TimerId timer : {poll_, tick_, begin_timer_, half_timer_, end_timer_}) {
    loop_.Cancel(timer);
  }
}

void MeasuredLoad::When(absl::AnyInvocable<bool()> condition, TimePoint deadline,
                        absl::AnyInvocable<void()> then) {
  poll_ = loop_.RunEvery(
      kPoll, [this, condition = std::move(condition), deadline, then = std::move(then)]() mutable {
        if (!condition() && loop_.Now() < deadline) return;
        absl::AnyInvocable<void()> next = std::move(then);
        loop_.Cancel(poll_);  // Destroys this lambda when it returns.
        next();
      });
}

void MeasuredLoad::Connect(absl::AnyInvocable<void()> ready) {
  load_->Connect();
  if (idle_ != nullptr) idle_->Connect();
  const auto connected = [this] {
    return load_->connected() && (idle_ == nullptr || idle_->connected());
  };
  When(connected, kNever,
       [this, ready = std::move(ready)]() mutable { TryIdleConnections(std::move(ready)); });
}

void MeasuredLoad::TryIdleConnections(absl::AnyInvocable<void()> then) {
  if (idle_ == nullptr) {
    then();
    return;
  }
  idle_->Start(loop_.Now());
  idle_->Stop();
  When([this] { return idle_->idle(); }, SaturatingAdd(loop_.Now(), kIdlePatience * plan_.patience),
       [this, then = std::move(then)]() mutable {
         if (!idle_->idle()) own_errors_["idle connection: no echo"] += idle_->in_flight();
         then();
       });
}

void MeasuredLoad::Start(TimePoint start, absl::AnyInvocable<void()> done) {
  phase_ = Phase::kWarmup;
  done_ = std::move(done);
  tick_ = loop_.RunEvery(plan_.interval, [this] { Tick(); });
  begin_timer_ = loop_.RunAt(start, [this, start] {
    load_->Start(start);
    const TimePoint begin = SaturatingAdd(start, plan_.warmup);
    begin_timer_ = loop_.RunAt(begin, [this, begin] { Begin(begin); });
  });
}

void MeasuredLoad::Begin(TimePoint intended) {
  phase_ = Phase::kMeasuring;
  loop_.Cancel(begin_timer_);
  loop_.Cancel(tick_);
  load_->BeginMeasuring(intended);
  begin_ = MarkNow();
  tick_ = loop_.RunEvery(plan_.interval, [this] { Tick(); });
  half_timer_ = loop_.RunAt(SaturatingAdd(begin_.time, plan_.duration / 2),
                            [this] { outcome_.first_half_messages = load_->counts().messages; });
  // An open loop has its schedule. For a closed one a warm-up that ended late must not shorten the
  // rest.
  const TimePoint end = SaturatingAdd(intended, plan_.duration);
  end_timer_ = loop_.RunAt(SaturatingAdd(begin_.time, plan_.duration), [this, end] { End(end); });
}

void MeasuredLoad::Tick() {
  if (phase_ == Phase::kMeasuring) NoteSlice();
  if (load_->dead()) EndNow();
}

void MeasuredLoad::NoteSlice() {
  const LoadCounts& counts = load_->counts();
  // The loop may have come late by whole slices: then nothing was answered in those.
  const auto complete = static_cast<size_t>((loop_.Now() - begin_.time) / plan_.interval);
  if (outcome_.slices.size() + 1 < complete) outcome_.slices.resize(complete - 1);
  outcome_.slices.push_back({counts.messages - counted_.messages, counts.bytes - counted_.bytes});
  counted_.messages = counts.messages;
  counted_.bytes = counts.bytes;
}

void MeasuredLoad::EndNow() {
  const TimePoint now = loop_.Now();
  if (phase_ == Phase::kWarmup) Begin(now);
  if (phase_ == Phase::kMeasuring) End(now);
}

void MeasuredLoad::End(TimePoint intended) {
  phase_ = Phase::kEnded;
  end_ = MarkNow();
  load_->EndMeasuring(intended);
  for (const TimerId timer : {tick_, begin_timer_, half_timer_, end_timer_}) loop_.Cancel(timer);
  const Duration noted = plan_.interval * static_cast<int64_t>(outcome_.slices.size());
  if (end_.time - begin_.time > noted) NoteSlice();
  outcome_.wall = end_.time - begin_.time;
  outcome_.cpu = end_.cpu - begin_.cpu;
  if (outcome_.wall > Duration::zero()) {
    outcome_.busiest = Seconds(outcome_.cpu.total()) / Seconds(outcome_.wall);
  }
  outcome_.reads = end_.stats.reads - begin_.stats.reads;
  outcome_.writes = end_.stats.writes - begin_.stats.writes;
  outcome_.turns = end_.stats.turns - begin_.stats.turns;

  load_->Stop();
  When([this] { return load_->idle(); }, SaturatingAdd(end_.time, plan_.patience),
       [this] {
         outcome_.unanswered = load_->in_flight();
         load_->GiveUp(loop_.Now());
         TryIdleConnections([this] { done_(); });
       });
}

ErrorCounts MeasuredLoad::errors() const {
  ErrorCounts errors = load_->errors();
  for (const auto& [what, count] : own_errors_) errors[what] += count;
  if (idle_ == nullptr) return errors;
  for (const auto& [what, count] : idle_->errors()) {
    errors[Concat("idle connection: ", what)] += count;
  }
  return errors;
}

LoadOutcome MeasuredLoad::outcome() const {
  LoadOutcome outcome = outcome_;
  outcome.counts = load_->counts();
  outcome.errors = errors();
  if (outcome.unanswered > 0) outcome.errors["no answer at the end"] += outcome.unanswered;
  return outcome;
}

}  // namespace spindle::bench
