#include "bench/send_modes/explain.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "bench/report/statistics.h"
#include "bench/send_modes/send_arm.h"
#include "bench/send_modes/send_model.h"

namespace spindle::bench {
namespace {

// From this share of the time on a processor is what everybody waits for.
constexpr double kBusy = 0.85;

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }
Duration FromSeconds(double seconds) { return Duration(std::llround(seconds * 1e9)); }

Duration MedianWall(const ArmRecord& arm) {
  std::vector<double> walls;
  for (const BlockRecord& block : arm.blocks) walls.push_back(Seconds(block.wall));
  return FromSeconds(Median(std::move(walls)));
}

// Sums over the blocks of an arm.
struct Totals {
  double wall = 0;
  double messages = 0;
  double client_cpu = 0;
  std::optional<double> server_cpu = 0;
};

Totals TotalsOf(const ArmRecord& arm) {
  Totals totals;
  for (const BlockRecord& block : arm.blocks) {
    totals.wall += Seconds(block.wall);
    totals.messages += static_cast<double>(block.messages);
    totals.client_cpu += Seconds(block.cpu.total());
    if (!block.server_cpu.has_value()) totals.server_cpu.reset();
    if (totals.server_cpu) *totals.server_cpu += Seconds(block.server_cpu->total());
  }
  return totals;
}

// All but the number of connections, and of messages, which follows from it.
bool SameButForConnections(Setting a, Setting b) {
  a.connections = b.connections = 0;
  a.messages = b.messages = 0;
  return a == b;
}

const ArmRecord* Find(std::span<const ArmRecord> arms, const Setting& setting,
                      std::string_view name) {
  for (const ArmRecord& arm : arms) {
    if (arm.setting == setting && arm.name == name && !arm.blocks.empty()) return &arm;
  }
  return nullptr;
}

// Where the cost of a message is taken from, for this point.
const ArmRecord* Reference(std::span<const ArmRecord> arms, const Setting& setting) {
  const ArmRecord* fewest = nullptr;
  for (const ArmRecord& arm : arms) {
    if (arm.name != "sequential" || arm.blocks.empty()) continue;
    if (!SameButForConnections(arm.setting, setting)) continue;
    if (fewest == nullptr || arm.setting.connections < fewest->setting.connections) fewest = &arm;
  }
  return fewest;
}

SendModel ModelOf(const ExplainOptions& options, const Setting& setting,
                  std::optional<Duration> rtt, const ArmRecord& reference) {
  SendModel model{.connections = setting.connections,
                  .messages = setting.messages,
                  .message_bytes = setting.message_bytes,
                  .bits_per_second = setting.bits_per_second,
                  .think = setting.think,
                  .think_blocks = options.think_blocks,
                  .fresh = !setting.pooled,
                  .cores = options.cores,
                  .server_loops = std::max<uint64_t>(options.server_loops, 1)};
  if (options.network) {
    // What was measured contains what was asked for, and what the machine adds.
    model.rtt = rtt.value_or(setting.rtt.value_or(Duration(0)));
    // No message was faster than a round trip, however badly that was measured.
    if (reference.latency.count() > 0) model.rtt = std::min(model.rtt, reference.latency.min());
  }
  return model;
}

// Processor time of both ends for one message; nullopt if the server's is not known.
std::optional<double> CpuOfAMessage(const ArmRecord& arm) {
  const Totals totals = TotalsOf(arm);
  if (!totals.server_cpu.has_value() || totals.messages <= 0) return std::nullopt;
  return (totals.client_cpu + *totals.server_cpu) / totals.messages;
}

// The arm of the same setting with the most messages under way, and how many those are.
struct Busiest {
  const ArmRecord* arm = nullptr;
  uint64_t under_way = 1;
};
Busiest FindBusiest(std::span<const ArmRecord> arms, const Setting& setting) {
  Busiest busiest;
  for (const ArmRecord& arm : arms) {
    if (arm.blocks.empty() || !SameButForConnections(arm.setting, setting)) continue;
    const absl::StatusOr<SendArm> parsed = ParseSendArm(arm.name);
    if (!parsed.ok()) continue;
    const uint64_t under_way = MessagesUnderWay({.connections = arm.setting.connections,
                                                 .messages = arm.setting.messages,
                                                 .pipeline = parsed->mode.pipeline},
                                                parsed->mode.window);
    if (under_way > busiest.under_way) busiest = {.arm = &arm, .under_way = under_way};
  }
  return busiest;
}

// Fills in the costs of one message. `waiting` is the model without them.
void MeasureCosts(std::span<const ArmRecord> arms, const ArmRecord& reference, SendModel waiting,
                  SendModel& model) {
  waiting.connections = reference.setting.connections;
  waiting.messages = reference.setting.messages;
  const double all =
      static_cast<double>(waiting.connections) * static_cast<double>(waiting.messages);
  const double rest = Seconds(MedianWall(reference)) - Seconds(Predict(waiting, 1).wall);
  model.overhead = FromSeconds(std::max(0.0, rest / all));
  model.cpu = model.overhead;
  const std::optional<double> alone = CpuOfAMessage(reference);
  if (!alone.has_value()) return;
  model.cpu = FromSeconds(*alone);
  const Busiest busiest = FindBusiest(arms, reference.setting);
  if (busiest.arm == nullptr) return;
  // With so many under way it is 1 / under_way of the wake-ups that remains.
  const double shared = 1 - 1 / static_cast<double>(busiest.under_way);
  const double saved = *alone - CpuOfAMessage(*busiest.arm).value_or(*alone);
  model.wake_cpu = FromSeconds(std::clamp(saved / shared, 0.0, *alone));
}

std::optional<Prediction> PredictArm(SendModel model, std::string_view name) {
  const absl::StatusOr<SendArm> arm = ParseSendArm(name);
  if (!arm.ok()) return std::nullopt;
  model.pipeline = arm->mode.pipeline;
  return Predict(model, arm->mode.window);
}

// "sender core" or "receiver core" if one of them was busy all the time; else empty.
std::string BusyCore(const ExplainOptions& options, const ArmRecord& arm) {
  const Totals totals = TotalsOf(arm);
  if (totals.wall <= 0) return "";
  const bool over_loops = arm.name == "parallel-loops";
  const double client_threads = over_loops ? static_cast<double>(options.client_loops) : 1;
  const double server_threads = static_cast<double>(std::clamp<uint64_t>(
      options.server_loops, 1, std::max<uint64_t>(arm.setting.connections, 1)));
  const double server_cpu = totals.server_cpu.value_or(0);
  const double client = totals.client_cpu / totals.wall / client_threads;
  const double server = server_cpu / totals.wall / server_threads;
  const double both = (totals.client_cpu + server_cpu) / totals.wall;
  const bool all_busy = both > kBusy * static_cast<double>(options.cores);
  if (std::max(client, server) < kBusy && !all_busy) return "";
  return client >= server ? "sender core" : "receiver core";
}

std::string LimitOf(const ExplainOptions& options, const ArmRecord& arm,
                    const Prediction& prediction) {
  std::string busy = BusyCore(options, arm);
  if (!busy.empty()) return busy;
  switch (prediction.limit) {
    case SendLimit::kCores:
    case SendLimit::kOverhead:
      return "";  // The model says so, but no processor was that busy.
    default:
      return std::string(SendLimitName(prediction.limit));
  }
}

}  // namespace

void Explain(const ExplainOptions& options, std::span<const ArmRecord> arms,
             std::span<PointRecord> points) {
  for (PointRecord& point : points) {
    const ArmRecord* const base = Find(arms, point.setting, point.base_arm);
    const ArmRecord* const arm = Find(arms, point.setting, point.arm);
    const ArmRecord* const reference = Reference(arms, point.setting);
    if (base == nullptr || arm == nullptr || reference == nullptr) continue;
    if (point.setting.messages == 0 || reference->setting.messages == 0) continue;
    const SendModel waiting = ModelOf(options, point.setting, point.rtt, *reference);
    SendModel model = waiting;
    MeasureCosts(arms, *reference, waiting, model);
    const std::optional<Prediction> base_time = PredictArm(model, point.base_arm);
    const std::optional<Prediction> arm_time = PredictArm(model, point.arm);
    if (!base_time.has_value() || !arm_time.has_value()) continue;
    point.limit = LimitOf(options, *arm, *arm_time);
    // The model knows no replies that fill the link, too.
    if (options.echo && model.bits_per_second.has_value()) continue;
    point.predicted_base_wall = base_time->wall;
    point.predicted_arm_wall = arm_time->wall;
    if (arm_time->wall > Duration::zero()) {
      point.predicted = Seconds(base_time->wall) / Seconds(arm_time->wall);
    }
  }
}

}  // namespace spindle::bench
