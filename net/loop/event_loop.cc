#include "net/loop/event_loop.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/backend/epoll_backend.h"
#include "net/loop/internal/loop_core.h"
#include "net/loop/io_host.h"

namespace spindle {

IoHost& IoHost::Of(EventLoop& loop) { return loop.core_->host(); }

bool IoHost::NeedsTurn(EventLoop& loop) { return loop.core_->NeedsTurn(); }

EventLoop::EventLoop() = default;

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create(EventLoopOptions options) {
  SPINDLE_CHECK(options.max_events_per_turn > 0 && options.max_tasks_per_turn > 0);
  SPINDLE_CHECK(options.read_block_size > 0 && options.syscalls != nullptr);
  absl::StatusOr<std::unique_ptr<EpollBackend>> backend = EpollBackend::Create(*options.syscalls);
  if (!backend.ok()) return backend.status();
  std::unique_ptr<WatchedLoop> watchdog;
  if (options.watchdog > Duration::zero()) {
    absl::StatusOr<std::unique_ptr<WatchedLoop>> started =
        WatchedLoop::Start(options.name, options.watchdog);
    if (!started.ok()) return started.status();
    watchdog = *std::move(started);
  }
  std::unique_ptr<EventLoop> loop(new EventLoop());
  loop->core_ = std::make_unique<LoopCore>(*loop, std::move(options), *std::move(backend),
                                           std::move(watchdog));
  return loop;
}

EventLoop::~EventLoop() = default;

absl::Status EventLoop::Run() {
  Mailbox& mailbox = core_->mailbox();
  mailbox.Hold();
  absl::Status status;
  while (status.ok()) {
    if (mailbox.quit_requested() && mailbox.TakeQuit()) break;
    status = core_->Turn(WaitMode::kBlock).status();
  }
  mailbox.Release();
  return status;
}

absl::StatusOr<size_t> EventLoop::RunOnce(WaitMode mode) {
  core_->mailbox().Hold();
  absl::StatusOr<size_t> done = core_->Turn(mode);
  core_->mailbox().Release();
  return done;
}

absl::StatusOr<bool> EventLoop::PrepareWait() {
  Mailbox& mailbox = core_->mailbox();
  mailbox.Hold();
  absl::StatusOr<bool> may_wait = core_->PrepareWait();
  if (may_wait.ok() && *may_wait) return mailbox.ReleaseToWait();
  mailbox.Release();
  return may_wait;
}

int EventLoop::pollable_fd() const { return core_->host().backend().pollable_fd(); }

void EventLoop::Quit() { core_->mailbox().RequestQuit(); }

TimerId EventLoop::RunAt(TimePoint when, absl::AnyInvocable<void()> callback,
                         std::source_location where) {
  core_->host().AssertInLoop();
  // A time that has passed is as good as now, for the measured lag too.
  when = std::max(when, core_->host().now());
  return core_->timers().Add(when, Duration::zero(), std::move(callback), where);
}

TimerId EventLoop::RunAfter(Duration delay, absl::AnyInvocable<void()> callback,
                            std::source_location where) {
  core_->host().AssertInLoop();
  const TimePoint when = SaturatingAdd(core_->host().Now(), std::max(delay, Duration::zero()));
  return core_->timers().Add(when, Duration::zero(), std::move(callback), where);
}

TimerId EventLoop::RunEvery(Duration period, absl::AnyInvocable<void()> callback,
                            std::source_location where) {
  core_->host().AssertInLoop();
  SPINDLE_CHECK(period > Duration::zero());
  const TimePoint first = SaturatingAdd(core_->host().Now(), period);
  return core_->timers().Add(first, period, std::move(callback), where);
}

bool EventLoop::Cancel(TimerId id) {
  core_->host().AssertInLoop();
  return core_->timers().Cancel(id);
}

void EventLoop::Post(absl::AnyInvocable<void()> task, std::source_location where) {
  core_->mailbox().Post(std::move(task), where);
}

LoopRef EventLoop::ref() const { return LoopRef(core_->shared_mailbox()); }

bool EventLoop::IsInLoop() const { return core_->mailbox().HeldByThisThread(); }

TimePoint EventLoop::now() const { return core_->host().now(); }

TimePoint EventLoop::Now() const { return core_->host().Now(); }

LoopStats EventLoop::Stats() const {
  LoopStats stats;
  core_->mailbox().CallAndWait([&] { stats = core_->host().stats(); });
  return stats;
}

std::vector<SlowCallback> EventLoop::SlowCallbacks() const {
  std::vector<SlowCallback> latest;
  core_->mailbox().CallAndWait([&] {
    if (const CallbackWatch* watch = core_->host().watch()) latest = watch->Latest();
  });
  return latest;
}

Duration EventLoop::slow_callback_limit() const { return core_->options().slow_callback; }

const std::string& EventLoop::name() const { return core_->options().name; }

uint32_t EventLoop::index() const { return core_->index(); }

std::string_view EventLoop::backend_name() const { return core_->host().backend().name(); }

}  // namespace spindle
