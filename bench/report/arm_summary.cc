#include "bench/report/arm_summary.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/clock.h"
#include "bench/report/statistics.h"

namespace spindle::bench {
namespace {

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }
double CpuSeconds(const CpuTime& cpu) { return Seconds(cpu.user) + Seconds(cpu.system); }

bool Counts(const BlockRecord& block) {
  return block.messages > 0 && block.wall > Duration::zero();
}

}  // namespace

std::optional<ArmSummary> Summarize(const ArmRecord& arm) {
  ArmSummary summary;
  std::vector<double> walls, rates;
  double messages = 0, bytes = 0, cpu = 0, server_cpu = 0, switches = 0, calls = 0;
  bool server_known = true, calls_known = true;
  for (const BlockRecord& block : arm.blocks) {
    summary.errors += TotalErrors(block.errors);
    if (block.retransmits) {
      summary.retransmits = summary.retransmits.value_or(0) + *block.retransmits;
    }
    if (!Counts(block)) continue;
    walls.push_back(Seconds(block.wall));
    rates.push_back(static_cast<double>(block.messages) / Seconds(block.wall));
    summary.messages += block.messages;
    messages += static_cast<double>(block.messages);
    bytes += static_cast<double>(block.bytes);
    cpu += CpuSeconds(block.cpu);
    switches += static_cast<double>(block.cpu.context_switches);
    server_known = server_known && block.server_cpu.has_value();
    calls_known = calls_known && block.system_calls.has_value();
    if (block.server_cpu) server_cpu += CpuSeconds(*block.server_cpu);
    if (block.system_calls) calls += static_cast<double>(*block.system_calls);
  }
  if (walls.empty()) return std::nullopt;
  summary.wall_s = Median(walls);
  summary.per_second = Median(rates);
  summary.bytes_per_s = summary.per_second * bytes / messages;
  summary.switches = switches / messages;
  summary.client_cpu_s = cpu / messages;
  if (server_known) summary.server_cpu_s = server_cpu / messages;
  if (calls_known) summary.system_calls = calls / messages;
  return summary;
}

std::optional<RoundTime> RoundTimeOf(const ArmRecord& arm) {
  std::vector<double> times;
  for (const BlockRecord& block : arm.blocks) {
    if (!Counts(block) || arm.setting.connections == 0) continue;
    times.push_back(Seconds(block.wall) * static_cast<double>(arm.setting.connections) /
                    static_cast<double>(block.messages));
  }
  if (times.empty()) return std::nullopt;
  std::sort(times.begin(), times.end());
  const size_t last = times.size() - 1;
  return RoundTime{times[last / 4], Median(times), times[last - last / 4]};
}

double RoundsOf(const ArmRecord& arm) {
  std::vector<double> rounds;
  for (const BlockRecord& block : arm.blocks) {
    if (!Counts(block) || arm.setting.connections == 0) continue;
    rounds.push_back(static_cast<double>(block.messages) /
                     static_cast<double>(arm.setting.connections));
  }
  return Median(rounds);
}

}  // namespace spindle::bench
