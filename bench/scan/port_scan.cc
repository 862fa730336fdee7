#include "bench/scan/port_scan.h"

#include <errno.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"

namespace spindle::bench {
namespace {

constexpr Duration kShortageDelay = std::chrono::milliseconds(50);
constexpr int kMostLonelyShortages = 100;
// What was not tried in time, as the loop was busy, is made up for as far as this.
constexpr Duration kMostCatchUp = std::chrono::milliseconds(100);

// What this machine has too little of for now.
bool IsShortage(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:         // Of epoll.
    case EADDRNOTAVAIL:  // All local ports are taken.
      return true;
    default:
      return false;
  }
}

PortState StateOf(const ConnectError& error) {
  switch (error.failure) {
    case ConnectFailure::kRefused:
    case ConnectFailure::kSelfConnect:
      return PortState::kClosed;
    case ConnectFailure::kTimeout:
    case ConnectFailure::kUnreachable:
      return PortState::kFiltered;
    case ConnectFailure::kLocal:
      return PortState::kFailed;
    case ConnectFailure::kOther:
      break;
  }
  // Somebody has answered, or a Unix socket's queue is full.
  const int code = error.error.code();
  if (code == ECONNRESET) return PortState::kClosed;
  return code == EAGAIN ? PortState::kFiltered : PortState::kFailed;
}

}  // namespace

std::string_view PortStateName(PortState state) {
  switch (state) {
    case PortState::kOpen:
      return "open";
    case PortState::kClosed:
      return "closed";
    case PortState::kFiltered:
      return "filtered";
    case PortState::kFailed:
      break;
  }
  return "failed";
}

PortScan::PortScan(EventLoop& loop, std::vector<SocketAddress> targets, const ScanOptions& options,
                   absl::AnyInvocable<void(const PortResult&)> on_result,
                   absl::AnyInvocable<void()> on_done)
    : loop_(loop),
      targets_(std::move(targets)),
      options_(options),
      on_result_(std::move(on_result)),
      on_done_(std::move(on_done)),
      parallel_(std::max<size_t>(1, options.parallel)) {}

PortScan::~PortScan() { loop_.Cancel(timer_); }

void PortScan::Start() {
  next_due_ = loop_.Now();
  FillLater(Duration::zero());
}

void PortScan::FillLater(Duration delay) {
  loop_.Cancel(timer_);
  timer_ = loop_.RunAfter(delay, [this] { Fill(); });
}

void PortScan::Fill() {
  while (MayStart() && !WaitsForRate()) {
    size_t target = next_;
    if (again_.empty()) {
      ++next_;
    } else {
      target = again_.front();
      again_.pop_front();
    }
    Try(target);
  }
  if (decided_ == targets_.size() && on_done_) {
    std::exchange(on_done_, nullptr)();  // May destroy this.
  }
}

// True if the rate does not allow another attempt now; then it sets the timer.
bool PortScan::WaitsForRate() {
  if (options_.rate == 0) return false;
  const TimePoint now = loop_.Now();
  if (next_due_ > now) {
    FillLater(next_due_ - now);
    return true;
  }
  const Duration interval(std::max<int64_t>(
      1, std::chrono::nanoseconds(std::chrono::seconds(1)).count() /
             static_cast<int64_t>(std::min<uint64_t>(options_.rate, 1'000'000'000))));
  next_due_ = std::max(next_due_, now - kMostCatchUp) + interval;
  return false;
}

void PortScan::Try(size_t target) {
  ConnectionCallbacks callbacks;
  callbacks.on_open = [this, target](Connection&) { Decide(target, PortState::kOpen, IoError()); };
  StreamClientOptions options;
  options.connect_timeout = options_.timeout;
  auto client = std::make_unique<StreamClient>(
      loop_, targets_[target], std::move(callbacks), options,
      [this, target, parallel = parallel_](const ConnectError& error) {
        OnError(target, error, parallel);
      });
  client->Connect();
  attempts_.emplace(target, std::move(client));
}

void PortScan::OnError(size_t target, const ConnectError& error, size_t parallel) {
  if (IsShortage(error.error.code())) return OnShortage(target, error.error, parallel);
  Decide(target, StateOf(error), error.error);
}

void PortScan::OnShortage(size_t target, IoError error, size_t parallel) {
  const bool lonely = attempts_.size() == 1;
  lonely_shortages_ = lonely ? lonely_shortages_ + 1 : 0;
  if (lonely_shortages_ > kMostLonelyShortages) {
    lonely_shortages_ = 0;
    return Decide(target, PortState::kFailed, error);
  }
  again_.push_back(target);
  // Many fail together: what counts once is that so many were too many.
  if (parallel == parallel_) parallel_ = std::max<size_t>(1, parallel_ / 2);
  const auto attempt = attempts_.extract(target);  // Ends this callback's owner.
  // Others that end make room; if there are none, somebody else must.
  if (lonely) FillLater(kShortageDelay);
}

void PortScan::Decide(size_t target, PortState state, IoError error) {
  if (state != PortState::kFailed) lonely_shortages_ = 0;
  ++decided_;
  const PortResult result = {target, state, error};
  // Ends this callback's owner, and closes what it has opened.
  attempts_.erase(target);
  on_result_(result);
  FillLater(Duration::zero());
}

}  // namespace spindle::bench
