#include "net/send/internal/send_group.h"

#include <algorithm>
#include <utility>

#include "base/parse.h"
#include "base/strings.h"

namespace spindle {

SendGroup::SendGroup(const Setup& setup)
    : loop_(setup.loop),
      loop_ref_(setup.loop.ref()),
      server_(setup.server),
      options_(setup.options),
      home_loop_(setup.home),
      number_(setup.number),
      fresh_(setup.options.kind == SendConnections::kFresh),
      timeline_(setup.options.timeline == Timeline::kOn) {
  for (size_t i = setup.number; i < setup.options.connections; i += setup.groups) {
    lanes_.push_back(std::make_unique<SendLane>(*this, i));
  }
}

SendGroup::~SendGroup() = default;

// ---- Opening and closing.

void SendGroup::Prepare(std::shared_ptr<const RunSpec> spec, size_t window) {
  if (stopped_) return;
  const Entry entry(*this);
  spec_ = std::move(spec);
  window_ = window;
  places_ = 0;
  unfinished_ = 0;
  report_ = {};
  for (const std::unique_ptr<SendLane>& lane : lanes_) lane->open_error.clear();
  if (spec_ != nullptr) {
    unfinished_ = lanes_.size();
    for (const std::unique_ptr<SendLane>& lane : lanes_) {
      lane->BeginRun(*spec_);
      if (lane->stray_error.empty()) continue;
      // It is reported, and the lane is as good as new for the run after this one.
      Fail(*lane, std::exchange(lane->stray_error, {}));
    }
  }
  opening_ = true;
  next_to_open_ = fresh_ ? lanes_.size() : 0;
  connecting_ = 0;
  OpenMore();
}

void SendGroup::OpenMore() {
  while (connecting_ < std::max<size_t>(1, options_.connects_at_once) &&
         next_to_open_ < lanes_.size()) {
    SendLane& lane = *lanes_[next_to_open_++];
    if (lane.open() || (spec_ != nullptr && lane.finished)) continue;
    ++connecting_;
    lane.Connect();
  }
  if (connecting_ == 0) Ready();
}

void SendGroup::Ready() {
  opening_ = false;
  OpenResult opened;
  for (const std::unique_ptr<SendLane>& lane : lanes_) {
    if (lane->open()) ++opened.open;
    if (lane->open_error.empty()) continue;
    opened.failures.push_back({lane->index(), lane->open_error});
  }
  home_loop_.Post([to = home_, number = number_, opened = std::move(opened)]() mutable {
    if (const auto home = to.lock()) home->OnReady(number, std::move(opened));
  });
}

void SendGroup::OnLinkOpen(SendLane& lane) {
  if (stopped_) return;
  const Entry entry(*this);
  if (opening_) {
    --connecting_;
    OpenMore();
  } else if (going_) {
    if (lane.has_more()) {
      lane.Pump(loop_.Now());
    } else {
      lane.Close();
    }
    if (!stopped_) Settle();
  }
}

void SendGroup::OnLinkFailed(SendLane& lane, std::string error) {
  if (stopped_) return;
  const Entry entry(*this);
  if (spec_ != nullptr) Fail(lane, error);
  if (opening_) {
    lane.open_error = std::move(error);
    --connecting_;
    OpenMore();
  } else {
    Settle();
  }
}

void SendGroup::OnLinkClosed(SendLane& lane, const CloseReason& reason) {
  if (stopped_) return;
  const Entry entry(*this);
  if (spec_ != nullptr) lane.NoteClose(reason);
  if (closing_) CheckClosed();
  if (!going_) return;
  const bool through = fresh_ && lane.all_answered();
  if (through && !lane.finished) {
    report_.last_close = loop_.Now();
    if (timeline_) lane.NoteClosed(report_.last_close);
    OnLaneFinished(lane);
  } else if (!lane.finished) {
    Fail(lane, Concat("ended: ", reason.ToString()));
  }
  if (reason.kind == CloseKind::kLoopStopped) {
    Halt("its loop was stopped");
  } else {
    Settle();
  }
}

void SendGroup::Close() {
  if (stopped_) return;
  const Entry entry(*this);
  closing_ = true;
  for (const std::unique_ptr<SendLane>& lane : lanes_) lane->Close();
  CheckClosed();
}

void SendGroup::CheckClosed() {
  if (!std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->shut(); })) {
    return;
  }
  closing_ = false;
  home_loop_.Post([to = home_, number = number_] {
    if (const auto home = to.lock()) home->OnClosed(number);
  });
}

// ---- The run.

void SendGroup::Go(TimePoint start_line) {
  if (stopped_ || spec_ == nullptr) return;
  const Entry entry(*this);
  going_ = true;
  start_line_ = start_line;
  report_.started = report_.last_reply = report_.last_close = loop_.Now();
  for (const std::unique_ptr<SendLane>& lane : lanes_) {
    if (lane->finished) continue;
    if (!fresh_ && !lane->open()) {
      Fail(*lane, Concat("ended: ", lane->last_close().ToString()));
    } else if (spec_->messages() == 0) {
      OnLaneFinished(*lane);
    } else {
      waiting_.push_back(*lane);
    }
  }
  const Duration timeout = spec_->run().reply_timeout;
  if (timeout > Duration::zero()) ArmTimer(SaturatingAdd(report_.started, timeout));
  SettleSlow();
}

void SendGroup::SettleSlow() {
  if (!waiting_.empty()) Fill();
  if (!stopped_ && going_ && unfinished_ == 0) Finish();
}

void SendGroup::Fill() {
  while (places_ < window_ && !waiting_.empty()) {
    SendLane& lane = *waiting_.pop_front();
    lane.placed = true;
    ++places_;
    if (fresh_) {
      lane.Connect();
    } else {
      lane.Pump(loop_.Now());
      if (stopped_) return;
    }
  }
}

void SendGroup::OnReply(SendLane& lane, TimePoint now) {
  report_.last_reply = now;
  if (lane.has_more()) {
    if (fresh_ || waiting_.empty()) {
      lane.Pump(now);
    } else if (lane.in_flight() == 0) {
      lane.placed = false;
      --places_;
      waiting_.push_back(lane);
    }
  } else if (lane.in_flight() == 0) {
    if (fresh_) {
      lane.Close();
    } else {
      OnLaneFinished(lane);
    }
  }
}

void SendGroup::OnLaneFinished(SendLane& lane) {
  lane.finished = true;
  --unfinished_;
  if (lane.placed) --places_;
  lane.placed = false;
  lane.hook.Unlink();
}

void SendGroup::Fail(SendLane& lane, std::string_view error) {
  lane.NoteError(error);
  if (!lane.finished) {
    if (timeline_ && lane.in_flight() > 0) lane.NoteLost(loop_.Now());
    OnLaneFinished(lane);
  }
  lane.Abort();
}

void SendGroup::OnStray(SendLane& lane) {
  constexpr std::string_view kWhat = "bytes that nobody asked for";
  if (spec_ != nullptr) {
    Fail(lane, kWhat);
    return;
  }
  lane.stray_error = kWhat;
  lane.Abort();
}

void SendGroup::Halt(std::string_view why) {
  if (stopped_ || (spec_ == nullptr && !opening_)) return;
  const Entry entry(*this);
  if (spec_ == nullptr) {
    for (const std::unique_ptr<SendLane>& lane : lanes_) {
      if (lane->open() || !lane->open_error.empty()) continue;
      lane->open_error = why;
      lane->Abort();
    }
    Ready();
    return;
  }
  for (const std::unique_ptr<SendLane>& lane : lanes_) {
    if (lane->finished) continue;
    if (!fresh_ && lane->open() && lane->in_flight() == 0) {
      lane->NoteError(why);
      OnLaneFinished(*lane);
    } else {
      Fail(*lane, why);
    }
  }
  Finish();
}

void SendGroup::Finish() {
  going_ = opening_ = false;
  loop_.Cancel(timer_);
  for (const std::unique_ptr<SendLane>& lane : lanes_) {
    lane->EndRun();
    report_.outcomes.push_back(lane->outcome());
  }
  spec_.reset();
  home_loop_.Post([to = home_, number = number_, report = std::move(report_)]() mutable {
    if (const auto home = to.lock()) home->OnFinished(number, std::move(report));
  });
  report_ = {};
}

// Rings no later than the first lane can be late, and then looks at all of them: nothing has to be
// set, or cancelled, for a message.
void SendGroup::ArmTimer(TimePoint when) {
  timer_ = loop_.RunAt(when, [this] { OnTimer(); });
}

void SendGroup::OnTimer() {
  const Entry entry(*this);
  const Duration timeout = spec_->run().reply_timeout;
  const TimePoint now = loop_.Now();
  TimePoint next = SaturatingAdd(now, timeout);
  for (const std::unique_ptr<SendLane>& lane : lanes_) {
    if (lane->finished || lane->in_flight() == 0) continue;
    const TimePoint due = SaturatingAdd(lane->waiting_since(), timeout);
    if (due > now) {
      next = std::min(next, due);
    } else {
      Fail(*lane, Concat("no reply within ", FormatDuration(timeout)));
    }
  }
  Settle();
  if (!stopped_ && going_) ArmTimer(next);
}

void SendGroup::AddSpan(size_t connection, uint64_t message, SendPhase phase, TimePoint from,
                        TimePoint to) {
  if (!going_) return;
  report_.timeline.push_back({.connection = connection,
                              .message = message,
                              .phase = phase,
                              .start = from - start_line_,
                              .length = to - from});
}

// ---- The end.

void SendGroup::Stop(bool loop_lives) {
  if (stopped_) return;
  stopped_ = true;
  going_ = false;
  if (depth_ > 0) last_hold_ = shared_from_this();
  if (loop_lives) loop_.Cancel(timer_);
  for (const std::unique_ptr<SendLane>& lane : lanes_) {
    lane->hook.Unlink();
    lane->DropClient();
  }
}

void SendGroup::LetGo() {
  // The last use of this object, perhaps.
  const std::shared_ptr<SendGroup> last = std::move(last_hold_);
}

}  // namespace spindle
