#ifndef SPINDLE_BENCH_NETLAB_LINK_STATS_H_
#define SPINDLE_BENCH_NETLAB_LINK_STATS_H_

#include <cstddef>
#include <cstdint>

#include "base/histogram.h"

namespace spindle::bench {

// What one direction of a lab has done so far. Plain data.
struct LinkStats {
  uint64_t packets = 0;  // That have arrived.
  uint64_t bytes = 0;    // Of them: IP headers and all, and link headers where the engine has such.
  uint64_t lost = 0;     // As asked.
  uint64_t queue_full = 0;
  // Neither lost nor kept waiting as asked: the lab itself could not keep up, or had no memory.
  uint64_t lab_dropped = 0;
  // The most packets that waited at once for the link. 0 where the engine does not tell.
  size_t max_queue = 0;
  // By how much arrivals came later than due, as the box's thread ran late. Its waking up for a new
  // packet is not in it, since nobody knows when that packet came. Empty for kernel engines.
  Histogram late;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_LINK_STATS_H_
