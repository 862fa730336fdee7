#include "net/stream/internal/connection_rare.h"

#include <algorithm>

#include "net/stream/connection.h"

namespace spindle {

ConnectionRare::ConnectionRare(Connection& connection, const ConnectionOptions& options,
                               TimePoint now)
    : idle_timeout(options.idle_timeout),
      read_timeout(options.read_timeout),
      write_timeout(options.write_timeout),
      close_timeout(options.close_timeout),
      low_water_mark(options.low_water_mark),
      high_water_mark(options.high_water_mark),
      last_read(now),
      last_written(now),
      total_deadline(options.total_timeout > Duration::zero()
                         ? SaturatingAdd(now, options.total_timeout)
                         : kNever),
      connection_(connection) {
  const auto side = [](const RateLimit& own, const std::shared_ptr<RateGroup>& group) {
    return own.unlimited() && group == nullptr ? nullptr : std::make_unique<RateSide>(own, group);
  };
  read_limit = side(options.read_rate, options.read_group);
  write_limit = side(options.write_rate, options.write_group);
}

ConnectionRare::~ConnectionRare() {
  if (scheduled()) connection_.host_.timers().Remove(*this);
}

ConnectionRare::Due ConnectionRare::NextDue() const {
  Due due;
  const auto consider = [&due](TimePoint when, CloseKind kind) {
    if (when < due.when) due = Due{when, kind};
  };
  const auto consider_after = [&](TimePoint since, Duration timeout, CloseKind kind) {
    if (timeout > Duration::zero()) consider(SaturatingAdd(since, timeout), kind);
  };
  const CloseState state = connection_.mode_.state;
  consider(total_deadline, CloseKind::kTotalTimeout);
  consider(end_deadline,
           state == CloseState::kLingering ? CloseKind::kLocalClose : CloseKind::kCloseTimeout);
  // Nobody is to blame for a silence that our own limits make.
  const bool read_held = (connection_.mode_.paused & Connection::kRatePause) != 0;
  const bool write_held = (connection_.mode_.write_gate & Connection::kRateHeld) != 0;
  if (!read_held && !write_held) {
    consider_after(std::max(last_read, last_written), idle_timeout, CloseKind::kIdleTimeout);
  }
  if (DeliversInput(state) && !connection_.reading_paused()) {
    consider_after(last_read, read_timeout, CloseKind::kReadTimeout);
  }
  if (!connection_.output_.empty() && !write_held) {
    consider_after(last_written, write_timeout, CloseKind::kWriteTimeout);
    if (EndsWhenFlushed(state)) {
      consider_after(last_written, close_timeout, CloseKind::kCloseTimeout);
    }
  }
  return due;
}

TimePoint ConnectionRare::NextResume() const {
  return std::min(read_limit == nullptr ? kNever : read_limit->resume(),
                  write_limit == nullptr ? kNever : write_limit->resume());
}

void ConnectionRare::Stop() {
  connection_.host_.timers().Remove(*this);
  ReleaseRates();
}

void ConnectionRare::ReleaseRates() {
  if (read_limit != nullptr) read_limit->Release();
  if (write_limit != nullptr) write_limit->Release();
}

void ConnectionRare::Schedule() {
  const TimePoint when = std::min(NextDue().when, NextResume());
  if (when == kNever || (scheduled() && deadline() <= when)) return;
  connection_.host_.timers().Add(*this, when);
}

CallbackOrigin ConnectionRare::origin() const { return connection_.origin(); }

void ConnectionRare::OnTimer() {
  const TimePoint now = connection_.host_.now();
  const Due due = NextDue();
  if (due.when > now) {
    if (read_limit != nullptr && read_limit->resume() <= now) connection_.EndRatePause();
    if (write_limit != nullptr && write_limit->resume() <= now) connection_.EndRateHold();
    Schedule();
  } else if (due.kind == CloseKind::kLocalClose) {
    connection_.End(connection_.reason_);
  } else {
    connection_.End(CloseReason{due.kind});
  }
}

}  // namespace spindle
