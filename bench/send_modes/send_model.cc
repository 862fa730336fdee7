#include "bench/send_modes/send_model.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace spindle::bench {
namespace {

constexpr double kInitialSegments = 10;

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

Duration FromSeconds(double seconds) {
  constexpr double kMost = 9.2e9;  // What a Duration holds.
  return Duration(std::llround(std::min(seconds, kMost) * 1e9));
}

// Of one message, without those of others.
double WireSeconds(const SendModel& model) {
  if (!model.bits_per_second.has_value()) return 0;
  return 8.0 * static_cast<double>(model.message_bytes) /
         static_cast<double>(*model.bits_per_second);
}

// The parts of one connection's messages, one after the other.
struct Chain {
  double round_trips = 0;
  double slow_start = 0;
  double think = 0;
  double wire = 0;
  double overhead = 0;

  double total() const { return round_trips + slow_start + think + wire + overhead; }
  SendLimit longest() const {
    const double most = std::max({round_trips, slow_start, think, wire, overhead});
    if (most == overhead) return SendLimit::kOverhead;
    if (most == round_trips) return SendLimit::kRoundTrip;
    if (most == think) return SendLimit::kThinkTime;
    return most == wire ? SendLimit::kWire : SendLimit::kWindow;
  }
};

Chain ChainOf(const SendModel& model) {
  const double messages = static_cast<double>(model.messages);
  const double rounds = std::ceil(messages / static_cast<double>(model.pipeline));
  const double rtt = Seconds(model.rtt);
  Chain chain;
  chain.round_trips = rounds * rtt;
  if (model.fresh) {
    chain.round_trips += rtt;
    // The window grows over all messages of the connection; later ones find it large.
    chain.slow_start = rtt * static_cast<double>(SlowStartRounds(model.message_bytes, model.mss,
                                                                 model.rtt, model.bits_per_second));
  }
  chain.think = rounds * Seconds(model.think);
  chain.wire = messages * WireSeconds(model);
  chain.overhead = messages * Seconds(model.overhead);
  return chain;
}

// Of one message while `under_way` of them are.
double CpuSeconds(const SendModel& model, double under_way) {
  return Seconds(model.cpu) - Seconds(model.wake_cpu) * (1 - 1 / under_way);
}

}  // namespace

std::string_view SendLimitName(SendLimit limit) {
  switch (limit) {
    case SendLimit::kRoundTrip:
      return "round trip";
    case SendLimit::kThinkTime:
      return "think time";
    case SendLimit::kWindow:
      return "window";
    case SendLimit::kWire:
      return "wire";
    case SendLimit::kCores:
      return "cores";
    case SendLimit::kOverhead:
      break;
  }
  return "overhead";
}

uint64_t SlowStartRounds(uint64_t bytes, uint64_t mss, Duration rtt,
                         std::optional<uint64_t> bits_per_second) {
  SPINDLE_CHECK(mss > 0);
  double to_send = static_cast<double>(bytes);
  if (bits_per_second.has_value()) {
    // Once the window holds what the link does in a round trip nobody waits for it any more.
    to_send = std::min(to_send, static_cast<double>(*bits_per_second) * Seconds(rtt) / 8);
  }
  const double initial = kInitialSegments * static_cast<double>(mss);
  const double rounds = std::ceil(std::log2(1 + to_send / initial)) - 1;
  return static_cast<uint64_t>(std::max(0.0, rounds));
}

uint64_t MessagesUnderWay(const SendModel& model, uint64_t window) {
  return std::min(window, model.connections) * std::min(model.pipeline, model.messages);
}

Prediction Predict(const SendModel& model, uint64_t window) {
  SPINDLE_CHECK(model.connections > 0 && model.messages > 0 && model.pipeline > 0 && window > 0 &&
                model.cores > 0 && model.server_loops > 0);
  window = std::min(window, model.connections);
  const Chain chain = ChainOf(model);
  const double all = static_cast<double>(model.connections) * static_cast<double>(model.messages);
  const double in_turn =
      static_cast<double>((model.connections + window - 1) / window) * chain.total();
  // The first bit and the last reply still travel, and the last message is thought about.
  const double handshake = model.fresh ? Seconds(model.rtt) : 0;
  const double wire = handshake + Seconds(model.rtt) + Seconds(model.think) +
                      Seconds(model.overhead) + all * WireSeconds(model);
  const double under_way = static_cast<double>(MessagesUnderWay(model, window));
  const double cores = all * CpuSeconds(model, under_way) / static_cast<double>(model.cores);
  double blocked = 0;
  if (model.think_blocks) {
    const uint64_t at_once = std::min(window, model.server_loops);
    blocked = static_cast<double>((model.connections + at_once - 1) / at_once) *
              static_cast<double>(model.messages) * Seconds(model.think);
  }
  const double most = std::max({in_turn, wire, cores, blocked});
  SendLimit limit = chain.longest();
  if (most > in_turn) {
    limit = most == wire    ? SendLimit::kWire
            : most == cores ? SendLimit::kCores
                            : SendLimit::kThinkTime;
  }
  return {.wall = FromSeconds(most), .limit = limit};
}

double PredictedSpeedup(const SendModel& model) {
  const double parallel = Seconds(Predict(model, model.connections).wall);
  return parallel > 0 ? Seconds(Predict(model, 1).wall) / parallel : 1;
}

std::optional<uint64_t> CrossoverBytes(const SendModel& model) {
  if (!model.bits_per_second.has_value()) return std::nullopt;
  return static_cast<uint64_t>(static_cast<double>(*model.bits_per_second) *
                               Seconds(model.rtt + model.think) / 8);
}

}  // namespace spindle::bench
