#ifndef SPINDLE_BENCH_LOAD_CLIENT_OPTIONS_H_
#define SPINDLE_BENCH_LOAD_CLIENT_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <limits>

#include "net/stream/stream_options.h"

namespace spindle::bench {

// The options of every client connection of the tools. Input is read whatever is queued: a client
// that stops reading while its server does so, too, would wait for ever. What is queued is bounded
// by what the load has under way.
inline ConnectionOptions ClientConnectionOptions() {
  ConnectionOptions options;
  options.pause_reading_above_high_water = false;
  options.output_limit = std::numeric_limits<size_t>::max();
  options.linger_timeout = std::chrono::seconds(1);
  return options;
}

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_CLIENT_OPTIONS_H_
