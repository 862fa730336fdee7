#ifndef SPINDLE_TESTS_SIM_STREAM_OPTIONS_DICE_H_
#define SPINDLE_TESTS_SIM_STREAM_OPTIONS_DICE_H_

#include "base/clock.h"
#include "base/random.h"
#include "net/backend/sim_options.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"

namespace spindle {

// Random settings, small enough that a short run meets each limit. Any thread.
SimOptions RollMachine(uint64_t seed, Random& random);
ConnectionOptions RollConnection(Random& random);
StreamServerOptions RollServer(Random& random);
StreamClientOptions RollClient(Random& random);

// From 1 ms to `most`, short ones more often than long ones.
Duration RollDuration(Random& random, Duration most);

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_STREAM_OPTIONS_DICE_H_
