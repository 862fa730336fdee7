#ifndef SPINDLE_NET_LOOP_SLOW_CALLBACK_H_
#define SPINDLE_NET_LOOP_SLOW_CALLBACK_H_

#include <cstddef>

#include "base/clock.h"
#include "net/types/callback_origin.h"

namespace spindle {

// A callback that ran for longer than EventLoopOptions::slow_callback. Plain data.
struct SlowCallback {
  CallbackOrigin origin;
  TimePoint begin;
  Duration took{0};
  // Events of other descriptors that came to nothing meanwhile: the rest of those which the turn
  // had fetched, and what the loop found when it looked again.
  size_t waited = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_SLOW_CALLBACK_H_
