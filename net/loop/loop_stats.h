#ifndef SPINDLE_NET_LOOP_LOOP_STATS_H_
#define SPINDLE_NET_LOOP_LOOP_STATS_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace spindle {

// How many callbacks took how long. Plain data.
struct CallbackTimes {
  // Each bucket holds what took up to Bound(bucket), and longer than the one before; the last is
  // open: 1 us, 4 us, 16 us ... 4.2 s, longer.
  static constexpr size_t kBuckets = 13;
  static constexpr Duration Bound(size_t bucket) {
    return std::chrono::microseconds(int64_t{1} << (2 * bucket));
  }

  std::array<uint64_t, kBuckets> counts = {};
  Duration sum{0};

  void Add(Duration took) {
    size_t bucket = 0;
    while (bucket + 1 < kBuckets && took > Bound(bucket)) ++bucket;
    ++counts[bucket];
    sum += took;
  }
};

// What one loop has done since it was made. Plain data; counters only grow.
struct LoopStats {
  uint64_t turns = 0;
  uint64_t events = 0;        // I/O events that found their slot.
  uint64_t stale_events = 0;  // I/O events for a registration that had ended.
  uint64_t timers_fired = 0;
  uint64_t tasks_run = 0;
  Duration wait_time{0};      // Spent waiting for events.
  Duration busy_time{0};      // Spent in callbacks and in the loop's own work.
  Duration max_busy_time{0};  // The longest turn, waiting left out.
  Duration max_task_wait{0};  // Between Post and the turn that ran the task.
  Duration max_timer_lag{0};  // Between a timer's deadline and its callback.

  // With EventLoopOptions::slow_callback only.
  uint64_t slow_callbacks = 0;
  CallbackTimes callback_times = {};

  // Connections of this loop.
  uint64_t connections_opened = 0;
  uint64_t connections_closed = 0;
  uint64_t connections_accepted = 0;  // By listeners on this loop, wherever they were handed.
  uint64_t accept_errors = 0;
  uint64_t reads = 0;   // recv(2) calls, those that found nothing included.
  uint64_t writes = 0;  // send, sendmsg and sendfile calls.
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;

  uint64_t connections_open() const { return connections_opened - connections_closed; }
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_LOOP_STATS_H_
