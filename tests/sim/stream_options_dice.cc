#include "tests/sim/stream_options_dice.h"

#include <algorithm>
#include <chrono>

namespace spindle {

using std::chrono::milliseconds;
using std::chrono::seconds;

Duration RollDuration(Random& random, Duration most) {
  const auto limit = std::max<uint64_t>(
      1, static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(most).count()));
  return milliseconds(1 + random.Uniform(1 + random.Uniform(limit)));
}

SimOptions RollMachine(uint64_t seed, Random& random) {
  SimOptions options;
  options.seed = seed;
  switch (random.Uniform(3)) {
    case 1:
      options.faults = SimFaults::Mild();
      break;
    case 2:
      options.faults = SimFaults::Wild();
      break;
    default:
      break;
  }
  if (random.OneIn(2)) {
    options.delay_min = std::chrono::microseconds(random.Uniform(1000));
    options.delay_max = options.delay_min + RollDuration(random, milliseconds(20));
  }
  if (random.OneIn(3)) options.segments = SimOptions::Segments::kRandom;
  if (random.OneIn(3)) options.max_segment = 100 + random.Uniform(3000);
  if (random.OneIn(2)) options.send_buffer = 1024 << random.Uniform(7);
  if (random.OneIn(2)) options.receive_buffer = 1024 << random.Uniform(7);
  if (random.OneIn(8)) options.fd_limit = 26 + static_cast<int>(random.Uniform(10));
  return options;
}

ConnectionOptions RollConnection(Random& random) {
  ConnectionOptions options;
  if (random.OneIn(2)) {
    options.low_water_mark = random.Uniform(8 * 1024);
    options.high_water_mark = options.low_water_mark + random.Uniform(32 * 1024);
    options.output_limit = options.high_water_mark + random.Uniform(64 * 1024);
  }
  if (random.OneIn(2)) options.output_limit_policy = OutputLimitPolicy::kRefuse;
  if (random.OneIn(3)) options.pause_reading_above_high_water = false;
  if (random.OneIn(6)) options.input_limit = random.Uniform(64 * 1024);
  if (random.OneIn(6)) options.idle_timeout = RollDuration(random, seconds(3));
  if (random.OneIn(6)) options.read_timeout = RollDuration(random, seconds(3));
  if (random.OneIn(6)) options.write_timeout = RollDuration(random, seconds(3));
  if (random.OneIn(3)) options.close_timeout = RollDuration(random, seconds(5));
  if (random.OneIn(3)) options.linger_timeout = RollDuration(random, seconds(2));
  if (random.OneIn(6)) options.linger_timeout = Duration::zero();
  if (random.OneIn(2)) options.peer_fin = PeerFinPolicy::kKeepWriting;
  if (random.OneIn(3)) options.reads_per_turn = 1 + static_cast<uint32_t>(random.Uniform(3));
  if (random.OneIn(4)) options.no_delay = false;
  if (random.OneIn(6)) options.keep_alive = KeepAlive{};
  if (random.OneIn(6)) options.user_timeout = RollDuration(random, seconds(5));
  if (random.OneIn(4)) options.send_buffer = 1024 << random.Uniform(6);
  if (random.OneIn(4)) options.receive_buffer = 1024 << random.Uniform(6);
  return options;
}

MemoryBudget RollMemory(Random& random) {
  MemoryBudget budget;
  if (random.OneIn(2)) budget.server_bytes = 1 + random.Uniform(100'000);
  if (random.OneIn(2)) budget.loop_bytes = 1 + random.Uniform(50'000);
  if (random.OneIn(2)) budget.policy = MemoryPolicy::kRefuseWrites;
  return budget;
}

StreamServerOptions RollServer(Random& random) {
  StreamServerOptions options;
  options.connection = RollConnection(random);
  constexpr Placement kPlacements[] = {Placement::kRoundRobin, Placement::kLeastConnections,
                                       Placement::kPeerHash, Placement::kReusePort};
  options.placement = kPlacements[random.Uniform(4)];
  if (random.OneIn(4)) options.max_connections = 1 + random.Uniform(4);
  if (random.OneIn(2)) options.over_limit = OverLimit::kRefuse;
  if (random.OneIn(6)) options.max_connections_per_peer = 1 + random.Uniform(4);
  if (random.OneIn(6)) options.accepts_per_second = 1 + random.Uniform(100);
  if (random.OneIn(3)) options.memory = RollMemory(random);
  if (random.OneIn(4)) options.backlog = 1 + static_cast<int>(random.Uniform(4));
  if (random.OneIn(3)) options.accepts_per_turn = 1 + random.Uniform(3);
  return options;
}

StreamClientOptions RollClient(Random& random) {
  StreamClientOptions options;
  options.connection = RollConnection(random);
  options.connect_timeout = RollDuration(random, seconds(5));
  options.retry.max_attempts = static_cast<uint32_t>(random.Uniform(5));
  options.retry.initial_backoff = RollDuration(random, milliseconds(300));
  options.retry.max_backoff = options.retry.initial_backoff + RollDuration(random, seconds(2));
  options.retry.reconnect_after_close = random.OneIn(2);
  options.random_seed = 1 + random.Uniform(1000000);
  if (random.OneIn(6)) options.local = SocketAddress::LoopbackV4(0);
  return options;
}

}  // namespace spindle
