#ifndef SPINDLE_NET_STREAM_INTERNAL_CONNECTION_RARE_H_
#define SPINDLE_NET_STREAM_INTERNAL_CONNECTION_RARE_H_

#include <cstddef>
#include <memory>

#include "base/clock.h"
#include "net/backend/slot_token.h"
#include "net/loop/timer_queue.h"
#include "net/stream/internal/connection_group.h"
#include "net/stream/internal/rate_side.h"

namespace spindle {

// What only some connections need: deadlines, rate limits, water marks of their own, what keeps an
// orphan's callbacks alive. Made when first asked for, so that a plain idle connection does not pay
// for it.
//
// One timer serves all deadlines of a connection. Traffic only notes the time; the timer, when it
// rings, looks whether anything is due and sets itself for the earliest time at which something can
// be. So a deadline costs one store per transfer and O(log n) once per period. The same timer lets
// go what a rate limit holds back.
//
// Loop thread only.
class ConnectionRare final : public TimerEntry {
 public:
  ConnectionRare(Connection& connection, const ConnectionOptions& options, TimePoint now);
  ~ConnectionRare();

  // Sets the timer if something is due earlier than it would ring.
  void Schedule();
  // No deadline and no rate limit counts any more.
  void Stop();
  void ReleaseRates();

  Duration idle_timeout;
  Duration read_timeout;
  Duration write_timeout;
  Duration close_timeout;
  size_t low_water_mark;
  size_t high_water_mark;

  TimePoint last_read;              // Or when reading was resumed.
  TimePoint last_written;           // Or when output was first queued.
  TimePoint end_deadline = kNever;  // For the end that is under way.
  TimePoint total_deadline = kNever;

  // Null while there is none.
  std::unique_ptr<RateSide> read_limit;
  std::unique_ptr<RateSide> write_limit;

  SlotToken partner;  // Of a relay; see couple.h.

  std::shared_ptr<const ConnectionConfig> kept_alive;

 private:
  void OnTimer() override;
  CallbackOrigin origin() const override;
  // The earliest time at which a rate limit lets something pass again.
  TimePoint NextResume() const;
  // The first deadline to pass and what it means.
  struct Due {
    TimePoint when = kNever;
    CloseKind kind = CloseKind::kNone;
  };
  Due NextDue() const;

  Connection& connection_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_CONNECTION_RARE_H_
