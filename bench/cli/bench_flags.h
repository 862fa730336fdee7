#ifndef SPINDLE_BENCH_CLI_BENCH_FLAGS_H_
#define SPINDLE_BENCH_CLI_BENCH_FLAGS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bench/cli/outputs.h"
#include "bench/cli/pin.h"
#include "bench/load/send_schedule.h"
#include "bench/load/service.h"
#include "bench/load/stream_load.h"

namespace CLI {
class App;
}  // namespace CLI

namespace spindle::bench {

// The options of `spindle bench`. Plain data.
struct BenchFlags {
  std::vector<std::string> endpoint = {};  // Empty: a server in this process.
  uint64_t connections = 1;
  uint64_t threads = 1;
  Duration duration = std::chrono::seconds(10);
  Duration warmup = std::chrono::seconds(1);
  Duration patience = std::chrono::seconds(2);
  Duration connect_timeout = std::chrono::seconds(10);
  uint64_t message_bytes = 64;
  uint64_t pipeline = 1;
  uint64_t rate = 0;  // Messages, or connections, per second; 0: closed loop.
  size_t arrivals_index = 0;
  bool stream = false;
  size_t mode_index = 0;
  bool churn = false;
  uint64_t room = 0;  // Senders of a room; 0: no room.
  uint64_t idle = 0;
  bool spread_local = true;
  PinPlan pin = {};
  uint64_t server_pid = 0;  // 0: found by itself, if possible.
  uint64_t loops = 1;
  Duration think{0};
  size_t think_mode_index = 0;
  uint64_t seed = 1;
  uint64_t max_errors = 0;
  bool quiet = false;
  OutputFlags outputs = {};

  bool own_server() const { return endpoint.empty(); }
  bool open_loop() const { return rate > 0; }
  Arrivals arrivals() const;
  StreamWay way() const;
  // What the server is expected to do.
  ServiceMode mode() const;
  ThinkMode think_mode() const;
  // "echo", "churn", "stream" or "room".
  std::string kind() const;
};

// The names of --think-mode, in the order of ThinkMode.
std::vector<std::string> ThinkModeNames();

// Registers the options with `app`, which checks them when it parses. `flags` must live until then.
void AddBenchFlags(CLI::App& app, BenchFlags& flags);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_BENCH_FLAGS_H_
