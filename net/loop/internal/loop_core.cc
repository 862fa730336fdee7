#include "net/loop/internal/loop_core.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/check.h"
#include "base/probe.h"

namespace spindle {
namespace {

uint32_t NextLoopIndex() {
  static std::atomic<uint32_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);
}

// In the order in which they were posted.
void DestroyTasks(std::vector<Task> tasks) {
  for (Task& task : tasks) task = nullptr;
}

}  // namespace

LoopCore::LoopCore(EventLoop& loop, EventLoopOptions options, std::unique_ptr<IoBackend> backend,
                   std::unique_ptr<WatchedLoop> watchdog)
    : options_(std::move(options)),
      index_(NextLoopIndex()),
      mailbox_(std::make_shared<Mailbox>(backend->waker(), backend->syscalls())),
      host_(loop, mailbox_->role(), std::move(backend), options_.read_block_size),
      timers_(host_.timers(), host_.syscalls()),
      events_(options_.max_events_per_turn),
      turn_end_(host_.now()) {
  if (options_.slow_callback <= Duration::zero() && watchdog == nullptr) return;
  host_.WatchCallbacks(options_.name, options_.slow_callback, std::move(watchdog));
  mailbox_->KeepOrigins();
}

LoopCore::~LoopCore() {
  mailbox_->Hold();
  host_.CloseAll();
  // Destroying a callback can run code that uses the loop: cancels a timer, ends a watcher, posts.
  timers_.Close();
  DestroyTasks(std::exchange(tasks_, {}));
  DestroyTasks(mailbox_->Close());
  host_.CloseAll();
}

absl::StatusOr<size_t> LoopCore::Turn(WaitMode mode) noexcept {
  bool block = mode == WaitMode::kBlock && !host_.has_work() && next_task_ == tasks_.size();
  if (IoError error = ArmTimer(); !error.ok()) return error.ToStatus("timerfd");
  block = block && mailbox_->PrepareSleep();
  const absl::StatusOr<size_t> count =
      host_.backend().Wait(events_, block ? WaitMode::kBlock : WaitMode::kPoll);
  if (block) mailbox_->Awake();
  if (!count.ok()) return count.status();

  LoopStats& stats = host_.stats();
  const TimePoint begin = host_.Now();
  host_.BeginTurn(begin, *count);
  SPINDLE_PROBE(turn_begin, index_, *count, (begin - turn_end_).count());
  stats.wait_time += begin - turn_end_;
  ++stats.turns;

  // Those who were ready before come first, and who becomes ready from here on waits for the next
  // turn: so each gets its budget once in a turn.
  size_t done = *count + host_.RunReady();
  host_.Dispatch(std::span(events_).first(*count));
  done += RunTimers();
  if (mailbox_->has_calls()) ServeCalls();
  done += RunTasks();
  done += host_.RunFlushes();
  done += host_.RunDeferred();

  turn_end_ = host_.Now();
  SPINDLE_PROBE(turn_end, index_, done, (turn_end_ - begin).count());
  const Duration busy = turn_end_ - begin;
  stats.busy_time += busy;
  stats.max_busy_time = std::max(stats.max_busy_time, busy);
  return done;
}

bool LoopCore::NeedsTurn() const {
  return host_.has_work() || next_task_ != tasks_.size() || mailbox_->has_tasks() ||
         mailbox_->has_calls() || host_.timers().earliest() < armed_;
}

absl::StatusOr<bool> LoopCore::PrepareWait() {
  if (host_.has_work() || next_task_ != tasks_.size()) return false;
  if (IoError error = ArmTimer(); !error.ok()) return error.ToStatus("timerfd");
  return true;
}

IoError LoopCore::ArmTimer() {
  // A timer that was armed too early costs one spare turn; arming it for every change costs a
  // system call each.
  const TimePoint earliest = host_.timers().earliest();
  if (earliest >= armed_) return IoError();
  const IoError error = host_.backend().ArmTimer(earliest);
  if (error.ok()) armed_ = earliest;
  return error;
}

size_t LoopCore::RunTimers() {
  const TimePoint now = host_.now();
  if (armed_ <= now) armed_ = kNever;  // It has rung.
  const TimePoint earliest = host_.timers().earliest();
  if (earliest > now) return 0;
  LoopStats& stats = host_.stats();
  stats.max_timer_lag = std::max<Duration>(stats.max_timer_lag, now - earliest);
  const size_t fired = host_.timers().RunDue(now, host_.watch());
  stats.timers_fired += fired;
  SPINDLE_PROBE(timers_fired, index_, fired, (now - earliest).count());
  return fired;
}

void LoopCore::ServeCalls() {
  CallbackWatch::Run(
      host_.watch(), [] { return CallbackOrigin{.kind = "call of another thread"}; },
      [&] { mailbox_->ServeCalls(); });
}

size_t LoopCore::RunTasks() {
  if (next_task_ == tasks_.size()) {
    if (!mailbox_->has_tasks()) return 0;
    tasks_.clear();
    next_task_ = 0;
    origins_.clear();
    const TimePoint oldest = mailbox_->TakeTasks(tasks_, origins_);
    SPINDLE_PROBE(tasks_taken, index_, tasks_.size(), (host_.now() - oldest).count());
    LoopStats& stats = host_.stats();
    stats.max_task_wait = std::max<Duration>(stats.max_task_wait, host_.now() - oldest);
  }
  const size_t end = std::min(tasks_.size(), next_task_ + options_.max_tasks_per_turn);
  const size_t begin = next_task_;
  while (next_task_ < end) {
    Task task = std::move(tasks_[next_task_]);
    const size_t index = next_task_++;
    CallbackWatch::Run(
        host_.watch(), [&] { return CallbackOrigin{.kind = "task", .where = origins_[index]}; },
        [&] { task(); });
  }
  if (next_task_ == tasks_.size()) {
    tasks_.clear();
    next_task_ = 0;
  }
  host_.stats().tasks_run += end - begin;
  return end - begin;
}

}  // namespace spindle
