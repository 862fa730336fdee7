#ifndef SPINDLE_BENCH_TOP_TOP_SAMPLE_H_
#define SPINDLE_BENCH_TOP_TOP_SAMPLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"

namespace spindle::bench {

// What the admin endpoint of a server says at one moment. Plain data.

struct LoopSample {
  std::string name = {};
  bool answered = false;
  uint64_t turns = 0;
  uint64_t events = 0;
  uint64_t tasks = 0;
  double busy_seconds = 0;
  double wait_seconds = 0;
  double longest_turn_seconds = 0;
  double longest_timer_lag_seconds = 0;
  uint64_t slow_callbacks = 0;
  uint64_t connections = 0;
  uint64_t opened = 0;
  uint64_t read_bytes = 0;
  uint64_t written_bytes = 0;
};

struct ConnectionSample {
  std::string id = {};
  std::string server = {};
  std::string peer = {};
  std::string state = {};
  bool paused = false;
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t queued = 0;
  uint64_t unread = 0;
  double age_seconds = 0;
};

struct TopSample {
  TimePoint loops_at = {};  // When each of the two was there.
  TimePoint connections_at = {};
  std::vector<LoopSample> loops = {};  // The main loop first.
  std::vector<ConnectionSample> connections = {};
  uint64_t connections_total = 0;  // Of which those are the first ones.
  uint64_t silent_loops = 0;       // That said nothing of their connections.
};

// The bodies of /loops?format=json and /conns?format=json. Any thread. Members that are missing, or
// no numbers, are zero. Errors: kInvalidArgument for what is no such page.
absl::StatusOr<std::vector<LoopSample>> ParseLoops(std::string_view body);
absl::Status ParseConnections(std::string_view body, TopSample& sample);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_TOP_TOP_SAMPLE_H_
