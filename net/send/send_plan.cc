#include "net/send/send_plan.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "net/loop/loop_ref.h"
#include "net/loop/timer.h"
#include "net/send/internal/run_spec.h"
#include "net/send/internal/send_group.h"

namespace spindle {

// The plan proper, on its home loop; shared with the tasks that report to it.
class SendPlan::Core final : public SendHome, public std::enable_shared_from_this<Core> {
 public:
  Core(EventLoop& home, std::span<EventLoop* const> loops, const SocketAddress& server,
       const SendPlanOptions& options);

  // Second half of the construction, which needs weak_from_this.
  void Init();
  absl::Status Open(absl::AnyInvocable<void(const OpenResult&)> on_opened);
  absl::Status Run(SendRun run, absl::AnyInvocable<void(const SendResult&)> on_done);
  absl::Status Close(absl::AnyInvocable<void()> on_closed);
  // Any thread.
  void Cancel();
  void Destroy();
  size_t size() const { return connections_; }

 private:
  enum class State : uint8_t { kIdle, kOpening, kPreparing, kRunning, kClosing };
  // What one group has reported.
  struct Share {
    std::shared_ptr<SendGroup> group;
    bool ready = false;
    bool finished = false;
    GroupReport report = {};
  };

  void OnReady(size_t group, OpenResult opened) override;
  void OnFinished(size_t group, GroupReport report) override;
  void OnClosed(size_t group) override;

  absl::Status Begin(State state);
  void End();
  void CancelNow();
  void PostTo(size_t group, absl::AnyInvocable<void(SendGroup&)> task);
  void OnLoopGone(size_t group);
  void Start();
  void Halt(SendStatus status, std::string_view why);
  void ReportOpened();
  void ReportDone();
  SendResult Merge();
  bool All(bool Share::*flag) const {
    return std::all_of(shares_.begin(), shares_.end(),
                       [flag](const Share& share) { return share.*flag; });
  }

  EventLoop& home_;
  const LoopRef home_ref_;
  const bool fresh_;
  const size_t connections_;
  std::vector<Share> shares_;
  State state_ = State::kIdle;
  // Grows when something begins and when it ends, so that a Cancel never hits what came after it.
  std::atomic<uint64_t> stage_{0};
  bool destroyed_ = false;

  OpenResult opened_;
  absl::AnyInvocable<void(const OpenResult&)> on_opened_;
  absl::AnyInvocable<void()> on_closed_;

  std::shared_ptr<const RunSpec> spec_;
  absl::AnyInvocable<void(const SendResult&)> on_done_;
  SendStatus halted_ = SendStatus::kComplete;  // Why the run was ended, if it was.
  TimePoint start_line_;
  TimerId deadline_;
};

SendPlan::Core::Core(EventLoop& home, std::span<EventLoop* const> loops,
                     const SocketAddress& server, const SendPlanOptions& options)
    : home_(home),
      home_ref_(home.ref()),
      fresh_(options.kind == SendConnections::kFresh),
      connections_(options.connections) {
  SPINDLE_CHECK(!loops.empty()) << "a plan needs a loop";
  const size_t groups = std::max<size_t>(1, std::min(loops.size(), connections_));
  for (size_t i = 0; i < groups; ++i) {
    shares_.push_back({.group = std::make_shared<SendGroup>(SendGroup::Setup{.loop = *loops[i],
                                                                             .server = server,
                                                                             .options = options,
                                                                             .home = home_ref_,
                                                                             .number = i,
                                                                             .groups = groups})});
  }
}

void SendPlan::Core::Init() {
  for (const Share& share : shares_) share.group->SetHome(weak_from_this());
}

// Runs `task` on the group's loop. If that loop is gone its connections have failed.
void SendPlan::Core::PostTo(size_t group, absl::AnyInvocable<void(SendGroup&)> task) {
  const std::shared_ptr<SendGroup>& to = shares_[group].group;
  if (to->loop_ref().Post([to, task = std::move(task)]() mutable { task(*to); })) return;
  home_ref_.Post([weak = weak_from_this(), group] {
    if (const auto core = weak.lock()) core->OnLoopGone(group);
  });
}

void SendPlan::Core::OnLoopGone(size_t group) {
  if (destroyed_) return;
  switch (state_) {
    case State::kIdle:
      return;
    case State::kOpening:
      return OnReady(group, OpenResult());
    case State::kClosing:
      return OnClosed(group);
    case State::kPreparing:
    case State::kRunning:
      break;
  }
  GroupReport report;
  report.outcomes.resize(shares_[group].group->size(), {.error = "its loop is gone"});
  OnFinished(group, std::move(report));
}

absl::Status SendPlan::Core::Begin(State state) {
  if (state_ != State::kIdle) {
    return absl::FailedPreconditionError("the plan is busy with an Open, Run or Close");
  }
  state_ = state;
  stage_.fetch_add(1, std::memory_order_relaxed);
  for (Share& share : shares_) {
    share.ready = share.finished = false;
    share.report = {};
  }
  return absl::OkStatus();
}

void SendPlan::Core::End() {
  state_ = State::kIdle;
  stage_.fetch_add(1, std::memory_order_relaxed);
}

// ---- Open and Close.

absl::Status SendPlan::Core::Open(absl::AnyInvocable<void(const OpenResult&)> on_opened) {
  if (fresh_) return absl::FailedPreconditionError("fresh connections are opened by their run");
  if (absl::Status status = Begin(State::kOpening); !status.ok()) return status;
  on_opened_ = std::move(on_opened);
  opened_ = {};
  for (size_t i = 0; i < shares_.size(); ++i) {
    PostTo(i, [](SendGroup& group) { group.Prepare(nullptr, 0); });
  }
  return absl::OkStatus();
}

void SendPlan::Core::OnReady(size_t group, OpenResult opened) {
  if (destroyed_ || (state_ != State::kOpening && state_ != State::kPreparing)) return;
  shares_[group].ready = true;
  if (state_ == State::kOpening) {
    opened_.open += opened.open;
    std::move(opened.failures.begin(), opened.failures.end(), std::back_inserter(opened_.failures));
    if (All(&Share::ready)) ReportOpened();
  } else if (halted_ == SendStatus::kComplete && All(&Share::ready)) {
    Start();
  }
}

void SendPlan::Core::ReportOpened() {
  End();
  std::sort(opened_.failures.begin(), opened_.failures.end(),
            [](const auto& a, const auto& b) { return a.connection < b.connection; });
  const OpenResult opened = std::move(opened_);
  auto on_opened = std::move(on_opened_);
  if (on_opened) on_opened(opened);
}

absl::Status SendPlan::Core::Close(absl::AnyInvocable<void()> on_closed) {
  if (absl::Status status = Begin(State::kClosing); !status.ok()) return status;
  on_closed_ = std::move(on_closed);
  for (size_t i = 0; i < shares_.size(); ++i) {
    PostTo(i, [](SendGroup& group) { group.Close(); });
  }
  return absl::OkStatus();
}

void SendPlan::Core::OnClosed(size_t group) {
  if (destroyed_ || state_ != State::kClosing) return;
  shares_[group].finished = true;
  if (!All(&Share::finished)) return;
  End();
  auto on_closed = std::move(on_closed_);
  if (on_closed) on_closed();
}

// ---- Run.

absl::Status SendPlan::Core::Run(SendRun run, absl::AnyInvocable<void(const SendResult&)> on_done) {
  if (absl::Status status = RunSpec::Check(run, shares_.size()); !status.ok()) return status;
  if (absl::Status status = Begin(State::kPreparing); !status.ok()) return status;
  spec_ = std::make_shared<const RunSpec>(std::move(run));
  on_done_ = std::move(on_done);
  halted_ = SendStatus::kComplete;
  start_line_ = TimePoint();
  if (const Duration deadline = spec_->run().deadline; deadline > Duration::zero()) {
    deadline_ = home_.RunAfter(deadline, [weak = weak_from_this()] {
      const auto core = weak.lock();
      if (core != nullptr) core->Halt(SendStatus::kDeadline, "the deadline of the run passed");
    });
  }
  // Each loop has its part of the window.
  const size_t window = std::min(spec_->run().mode.window, std::max(connections_, shares_.size()));
  for (size_t i = 0; i < shares_.size(); ++i) {
    const size_t part = window / shares_.size() + (i < window % shares_.size() ? 1 : 0);
    PostTo(i, [spec = spec_, part](SendGroup& group) { group.Prepare(spec, part); });
  }
  return absl::OkStatus();
}

void SendPlan::Core::Start() {
  state_ = State::kRunning;
  start_line_ = home_.Now();
  size_t here = shares_.size();
  for (size_t i = 0; i < shares_.size(); ++i) {
    if (shares_[i].finished) continue;
    if (shares_[i].group->loop_ref() == home_ref_) {
      here = i;
    } else {
      PostTo(i, [start = start_line_](SendGroup& group) { group.Go(start); });
    }
  }
  if (here == shares_.size()) return;
  // Calls user code, which may destroy the plan.
  const std::shared_ptr<SendGroup> group = shares_[here].group;
  group->Go(start_line_);
}

void SendPlan::Core::Cancel() {
  home_ref_.Post([weak = weak_from_this(), stage = stage_.load(std::memory_order_relaxed)] {
    const auto core = weak.lock();
    if (core != nullptr && core->stage_.load(std::memory_order_relaxed) == stage) core->CancelNow();
  });
}

void SendPlan::Core::CancelNow() {
  if (destroyed_) return;
  if (state_ == State::kOpening) {
    for (size_t i = 0; i < shares_.size(); ++i) {
      PostTo(i, [](SendGroup& group) { group.Halt("cancelled"); });
    }
  } else {
    Halt(SendStatus::kCancelled, "cancelled");
  }
}

void SendPlan::Core::Halt(SendStatus status, std::string_view why) {
  const bool active = state_ == State::kPreparing || state_ == State::kRunning;
  if (destroyed_ || !active || halted_ != SendStatus::kComplete) return;
  halted_ = status;
  for (size_t i = 0; i < shares_.size(); ++i) {
    if (shares_[i].finished) continue;
    PostTo(i, [text = std::string(why)](SendGroup& group) { group.Halt(text); });
  }
}

void SendPlan::Core::OnFinished(size_t group, GroupReport report) {
  const bool active = state_ == State::kPreparing || state_ == State::kRunning;
  if (destroyed_ || !active || shares_[group].finished) return;
  Share& share = shares_[group];
  share.ready = share.finished = true;
  share.report = std::move(report);
  if (All(&Share::finished)) {
    ReportDone();
  } else if (state_ == State::kPreparing && halted_ == SendStatus::kComplete &&
             All(&Share::ready)) {
    Start();
  }
}

SendResult SendPlan::Core::Merge() {
  SendResult result;
  result.status = halted_;
  result.start = start_line_;
  result.connections.resize(connections_);
  TimePoint last_reply = start_line_, last_close = start_line_;
  for (size_t i = 0; i < shares_.size(); ++i) {
    GroupReport& report = shares_[i].report;
    for (size_t lane = 0; lane < report.outcomes.size(); ++lane) {
      result.connections[i + lane * shares_.size()] = std::move(report.outcomes[lane]);
    }
    result.answered += report.answered;
    result.bytes += report.bytes;
    result.latency.Merge(report.latency);
    result.timeline.insert(result.timeline.end(), report.timeline.begin(), report.timeline.end());
    if (report.started == TimePoint()) continue;
    last_reply = std::max(last_reply, report.last_reply);
    last_close = std::max(last_close, report.last_close);
    result.start_lag = std::max(result.start_lag, report.started - start_line_);
  }
  result.wall = last_reply - start_line_;
  result.wall_to_close = std::max(last_reply, last_close) - start_line_;
  if (result.answered == 0) result.wall = Duration::zero();
  std::stable_sort(
      result.timeline.begin(), result.timeline.end(), [](const SendSpan& a, const SendSpan& b) {
        return a.connection != b.connection ? a.connection < b.connection : a.start < b.start;
      });
  if (result.ok() && result.failed() > 0) result.status = SendStatus::kPartial;
  return result;
}

void SendPlan::Core::ReportDone() {
  home_.Cancel(deadline_);
  const SendResult result = Merge();
  End();
  spec_.reset();
  // It may start the next run, or destroy the plan.
  auto on_done = std::move(on_done_);
  if (on_done) on_done(result);
}

void SendPlan::Core::Destroy() {
  const auto shut = [this] {
    destroyed_ = true;
    state_ = State::kIdle;
    on_opened_ = nullptr;
    on_done_ = nullptr;
    on_closed_ = nullptr;
  };
  if (!home_ref_.CallAndWait([&] {
        home_.Cancel(deadline_);
        shut();
      })) {
    shut();
  }
  for (const Share& share : shares_) {
    SendGroup& group = *share.group;
    if (!group.loop_ref().CallAndWait([&] { group.Stop(/*loop_lives=*/true); })) {
      group.Stop(/*loop_lives=*/false);
    }
  }
  spec_.reset();
}

// ---- The face.

SendPlan::SendPlan(EventLoop& home, const SocketAddress& server, SendPlanOptions options)
    : SendPlan(home, std::vector<EventLoop*>{&home}, server, std::move(options)) {}

SendPlan::SendPlan(EventLoop& home, std::span<EventLoop* const> loops, const SocketAddress& server,
                   SendPlanOptions options)
    : core_(std::make_shared<Core>(home, loops, server, options)) {
  core_->Init();
}

SendPlan::~SendPlan() { core_->Destroy(); }

absl::Status SendPlan::Open(absl::AnyInvocable<void(const OpenResult&)> on_opened) {
  return core_->Open(std::move(on_opened));
}

absl::Status SendPlan::Run(SendRun run, absl::AnyInvocable<void(const SendResult&)> on_done) {
  return core_->Run(std::move(run), std::move(on_done));
}

absl::Status SendPlan::Close(absl::AnyInvocable<void()> on_closed) {
  return core_->Close(std::move(on_closed));
}

void SendPlan::Cancel() { core_->Cancel(); }

size_t SendPlan::size() const { return core_->size(); }

}  // namespace spindle
