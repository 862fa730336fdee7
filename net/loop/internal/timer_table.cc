#include "net/loop/internal/timer_table.h"

#include <utility>

#include "base/check.h"
#include "base/syscalls.h"

namespace spindle {

class TimerTable::Slot final : public TimerEntry {
 public:
  Slot(TimerTable& table, uint32_t index)
      : table_(table), index_(index), generation_(table.first_generation_) {}

  void OnTimer() override;
  CallbackOrigin origin() const override { return {.kind = "timer", .where = where_}; }

  TimerTable& table_;
  const uint32_t index_;
  uint64_t generation_;
  bool in_use_ = false;
  Duration period_{0};
  absl::AnyInvocable<void()> callback_;
  std::source_location where_;
};

namespace {

// The first of `deadline` + k * `period`, k >= 1, that is after `now`.
TimePoint NextInStep(TimePoint deadline, Duration period, TimePoint now) {
  const TimePoint next = SaturatingAdd(deadline, period);
  if (next > now) return next;
  const int64_t missed = (now - deadline) / period;
  return SaturatingAdd(deadline + missed * period, period);
}

}  // namespace

void TimerTable::Slot::OnTimer() {
  // The callback may cancel this timer, whose slot may then be given to another: work on our own
  // copy and look at the generation afterwards.
  absl::AnyInvocable<void()> callback = std::move(callback_);
  if (period_ == Duration::zero()) {
    table_.Free(*this);
    callback();
    return;
  }
  const uint64_t generation = generation_;
  callback();
  if (generation_ != generation) return;
  callback_ = std::move(callback);
  table_.queue_.Add(*this, NextInStep(deadline(), period_, table_.clock_.Now()));
}

TimerTable::TimerTable(TimerQueue& queue, Syscalls& clock, uint64_t first_generation)
    : queue_(queue), clock_(clock), first_generation_(first_generation) {}

TimerTable::~TimerTable() { Close(); }

void TimerTable::Close() {
  closed_ = true;
  // By index: what a callback captured may cancel other timers when it is destroyed.
  for (size_t i = 0; i < slots_.size(); ++i) {
    Cancel(TimerId(static_cast<uint32_t>(i), slots_[i].generation_));
  }
}

TimerId TimerTable::Add(TimePoint when, Duration period, absl::AnyInvocable<void()> callback,
                        std::source_location where) {
  SPINDLE_CHECK(period >= Duration::zero());
  if (closed_) return TimerId();
  if (free_.empty()) {
    SPINDLE_CHECK(slots_.size() < (size_t{1} << 24)) << "more than 16 million timers";
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back(*this, free_.back());
  }
  Slot& slot = slots_[free_.back()];
  free_.pop_back();
  slot.in_use_ = true;
  slot.period_ = period;
  slot.callback_ = std::move(callback);
  slot.where_ = where;
  queue_.Add(slot, when);
  ++live_;
  return TimerId(slot.index_, slot.generation_);
}

bool TimerTable::Cancel(TimerId id) {
  if (!id.valid() || id.slot() >= slots_.size()) return false;
  Slot& slot = slots_[id.slot()];
  if (!slot.in_use_ || slot.generation_ != id.generation()) return false;
  queue_.Remove(slot);
  // Destroying the callback may run user code, which must find the slot free.
  const absl::AnyInvocable<void()> dropped = std::move(slot.callback_);
  Free(slot);
  return true;
}

void TimerTable::Free(Slot& slot) {
  ++slot.generation_;
  slot.in_use_ = false;
  slot.callback_ = nullptr;
  if (slot.generation_ <= kLastGeneration) free_.push_back(slot.index_);
  --live_;
}

}  // namespace spindle
