#include "net/loop/simulation.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/check.h"
#include "net/backend/epoll_backend.h"
#include "net/loop/io_host.h"

namespace spindle {
namespace {

constexpr uint64_t kTurnsPerMicrosecond = 1000;

}  // namespace

// The choice of loops has a sequence of its own, so that a fault more or less in the machine does
// not change it.
Simulation::Simulation(const SimOptions& options)
    : seed_(options.seed),
      kernel_(options),
      random_(options.seed ^ 0x5350494e444c45),
      turns_since_(kernel_.now()) {}

Simulation::~Simulation() {
  while (!loops_.empty()) DestroyLoop(*loops_.front());
}

EventLoop& Simulation::AddLoop(std::string_view name) {
  return AddLoop(EventLoopOptions{.name = std::string(name)});
}

EventLoop& Simulation::AddLoop(EventLoopOptions options) {
  options.syscalls = &kernel_;
  auto loop = EventLoop::Create(std::move(options));
  SPINDLE_CHECK_OK(loop);
  loops_.push_back(*std::move(loop));
  return *loops_.back();
}

void Simulation::DestroyLoop(EventLoop& loop) {
  const auto found = std::find_if(loops_.begin(), loops_.end(),
                                  [&](const auto& owned) { return owned.get() == &loop; });
  SPINDLE_CHECK(found != loops_.end());
  // It may call back into this object while it goes.
  const std::unique_ptr<EventLoop> going = std::move(*found);
  loops_.erase(found);
}

bool Simulation::HasWork(EventLoop& loop) const {
  if (IoHost::NeedsTurn(loop)) return true;
  // The simulated machine is always run by this back end.
  auto& backend = static_cast<EpollBackend&>(IoHost::Of(loop).backend());
  return kernel_.AnythingReady(backend.epoll_fd());
}

bool Simulation::RunTurn() {
  busy_.clear();
  for (const auto& loop : loops_) {
    if (HasWork(*loop)) busy_.push_back(loop.get());
  }
  if (busy_.empty()) return false;
  SPINDLE_CHECK_OK(busy_[random_.Uniform(busy_.size())]->RunOnce(WaitMode::kPoll));
  if (turns_since_ != kernel_.now()) {
    turns_since_ = kernel_.now();
    turns_ = 0;
  }
  if (++turns_ >= kTurnsPerMicrosecond) kernel_.Advance(std::chrono::microseconds(1));
  return true;
}

bool Simulation::Step() { return RunTurn() || kernel_.AdvanceToNextEvent(); }

bool Simulation::RunUntil(absl::FunctionRef<bool()> done, Duration limit) {
  const TimePoint end = SaturatingAdd(kernel_.now(), limit);
  while (!done()) {
    if (kernel_.now() >= end) return false;
    if (RunTurn()) continue;
    const TimePoint next = kernel_.NextEventTime();
    if (next == kNever) return false;
    if (next > end) {
      kernel_.Advance(end - kernel_.now());
    } else {
      kernel_.AdvanceToNextEvent();
    }
  }
  return true;
}

void Simulation::RunFor(Duration duration) {
  const TimePoint end = SaturatingAdd(kernel_.now(), duration);
  while (true) {
    if (RunTurn()) {
      if (kernel_.now() > end) return;
      continue;
    }
    if (kernel_.now() >= end) return;
    if (kernel_.NextEventTime() > end) {
      kernel_.Advance(end - kernel_.now());
    } else {
      kernel_.AdvanceToNextEvent();
    }
  }
}

}  // namespace spindle
