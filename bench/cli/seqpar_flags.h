#ifndef SPINDLE_BENCH_CLI_SEQPAR_FLAGS_H_
#define SPINDLE_BENCH_CLI_SEQPAR_FLAGS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bench/cli/outputs.h"
#include "bench/load/service.h"
#include "bench/send_modes/framed_messages.h"

namespace CLI {
class App;
}  // namespace CLI

namespace spindle::bench {

// One network that the experiment is made on: that of this machine as it is, or a lab
// (bench/netlab) if a round trip or a rate is asked for. Plain data.
struct SeqparNetwork {
  Duration rtt{0};
  uint64_t bits_per_second = 0;  // 0: no limit.

  bool is_lab() const { return rtt > Duration::zero() || bits_per_second > 0; }
};

// What `spindle seqpar` was told. Plain data.
struct SeqparFlags {
  std::vector<std::string> endpoint;  // Empty: a server of our own.
  std::vector<uint64_t> connections = {1, 2, 4, 8, 16};
  std::vector<uint64_t> message_bytes = {1024};
  std::vector<std::string> arms = {"sequential", "parallel"};
  std::vector<uint64_t> windows;    // One more arm for each.
  std::vector<uint64_t> pipelines;  // One more arm for each.
  std::vector<Duration> rtts = {Duration(0)};
  std::vector<uint64_t> rates = {0};
  uint64_t queue_packets = 1000;
  double loss = 0;
  Duration jitter{0};
  uint64_t messages = 0;
  size_t mode_index = 0;
  size_t pool_index = 0;
  size_t no_delay_index = 0;
  size_t think_mode_index = 0;
  uint64_t client_loops = 2;
  uint64_t blocks = 20;
  bool aa = false;
  std::optional<double> target_ci;
  Duration max_time = std::chrono::minutes(1);
  double equivalence = 0.05;
  Duration think{0};
  uint64_t loops = 2;
  uint64_t server_pid = 0;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(10);
  uint64_t seed = 1;
  uint64_t max_errors = 0;
  bool strict = false;
  bool quiet = false;
  OutputFlags outputs;

  ReplyMode reply() const { return mode_index == 0 ? ReplyMode::kAck : ReplyMode::kEcho; }
  ThinkMode think_mode() const { return static_cast<ThinkMode>(think_mode_index); }
  bool pooled() const { return pool_index == 0; }
  bool no_delay() const { return no_delay_index == 0; }
  bool own_server() const { return endpoint.empty(); }
  // Each round trip with each rate.
  std::vector<SeqparNetwork> networks() const;
};

// Registers them with `app`. `flags` must live until the command line has been parsed.
void AddSeqparFlags(CLI::App& app, SeqparFlags& flags);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_SEQPAR_FLAGS_H_
