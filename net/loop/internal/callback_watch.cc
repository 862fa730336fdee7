#include "net/loop/internal/callback_watch.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "base/logging.h"
#include "base/parse.h"

namespace spindle {
namespace {

constexpr Duration kLogPeriod = std::chrono::seconds(1);

}  // namespace

void CallbackWatch::BeginTurn(TimePoint now, size_t found) {
  if (watchdog_ != nullptr) watchdog_->BeginTurn();
  last_ = now;
  if (unreported_ > 0) Report(found);
}

void CallbackWatch::Ran(const CallbackOrigin& origin, size_t waiting) {
  if (watchdog_ != nullptr) watchdog_->running().End();
  if (limit_ <= Duration::zero()) return;
  const TimePoint begin = last_;
  last_ = clock_.Now();
  const Duration took = last_ - begin;
  stats_.callback_times.Add(took);
  if (took <= limit_) return;
  ++stats_.slow_callbacks;
  latest_.push_back({.origin = origin, .begin = begin, .took = took, .waited = waiting});
  if (latest_.size() > kRemembered) latest_.pop_front();
  unreported_ = std::min(unreported_ + 1, latest_.size());
}

void CallbackWatch::Report(size_t found) {
  for (auto slow = latest_.end() - static_cast<ptrdiff_t>(unreported_); slow != latest_.end();
       ++slow) {
    slow->waited += found;
    SPINDLE_LOG_EVERY(Warning, kLogPeriod)
        << "loop " << loop_name_ << ": slow callback: " << FormatDuration(slow->took) << ", "
        << slow->origin.ToString() << "; " << slow->waited << " events waited";
  }
  unreported_ = 0;
}

}  // namespace spindle
