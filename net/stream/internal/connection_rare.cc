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
      connection_(connection) {}

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
  consider_after(std::max(last_read, last_written), idle_timeout, CloseKind::kIdleTimeout);
  if (DeliversInput(state) && !connection_.reading_paused()) {
    consider_after(last_read, read_timeout, CloseKind::kReadTimeout);
  }
  if (!connection_.output_.empty()) {
    consider_after(last_written, write_timeout, CloseKind::kWriteTimeout);
    if (EndsWhenFlushed(state)) {
      consider_after(last_written, close_timeout, CloseKind::kCloseTimeout);
    }
  }
  return due;
}

void ConnectionRare::Schedule() {
  const TimePoint when = NextDue().when;
  if (when == kNever || (scheduled() && deadline() <= when)) return;
  connection_.host_.timers().Add(*this, when);
}

void ConnectionRare::OnTimer() {
  const Due due = NextDue();
  if (due.when > connection_.host_.now()) {
    Schedule();
  } else if (due.kind == CloseKind::kLocalClose) {
    connection_.End(connection_.reason_);
  } else {
    connection_.End(CloseReason{due.kind});
  }
}

}  // namespace spindle
