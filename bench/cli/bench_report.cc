#include "bench/cli/bench_report.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "base/parse.h"
#include "base/strings.h"
#include "base/text_table.h"
#include "bench/report/number_text.h"

namespace spindle::bench {
namespace {

// When the client itself is what limits or colours the numbers.
constexpr double kMaxBusy = 0.9;
constexpr double kMaxLagShare = 0.1;  // p99 of the lag to p50 of the latency.
constexpr double kMaxRunDelay = 0.1;

// By how much the halves of a steady run may differ.
constexpr double kMaxDrift = 0.1;

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

std::string Percent(double share) { return Concat(std::lround(share * 100), " %"); }

bool IsSameMachine(const SocketAddress& server) { return server.is_loopback() || server.is_unix(); }

// The part of the time in which a client thread was ready to run, but did not.
double RunDelayShare(const BenchFlags& flags, const LoadOutcome& outcome) {
  return PerSecond(Seconds(outcome.cpu.run_delay), outcome.wall) /
         static_cast<double>(flags.threads);
}

void AddGeneratorWarnings(const BenchFlags& flags, const LoadOutcome& outcome,
                          std::vector<std::string>& warnings) {
  std::string why;
  const auto add = [&why](const auto&... parts) {
    Append(why, why.empty() ? "" : ", and ", parts...);
  };
  if (outcome.busiest > kMaxBusy) add("a client thread was ", Percent(outcome.busiest), " busy");
  const double delay = RunDelayShare(flags, outcome);
  if (delay > kMaxRunDelay)
    add("the client waited ", Percent(delay), " of the time for a processor");
  const Duration lag = outcome.counts.send_lag.ValueAtQuantile(0.99);
  const Duration latency = outcome.counts.latency.ValueAtQuantile(0.5);
  if (Seconds(lag) > kMaxLagShare * Seconds(latency)) {
    add("1 % of the messages were sent ", FormatDuration(lag),
        " late or more, which is over a tenth of the median latency");
  }
  if (!why.empty()) warnings.push_back(Concat("generator-bound, do not trust: ", why));
}

void AddSteadinessWarnings(const BenchFlags& flags, const BenchMeasurement& measurement,
                           std::vector<std::string>& warnings) {
  const LoadOutcome& outcome = measurement.outcome;
  if (measurement.interrupted) return;
  if (outcome.wall < flags.duration * 9 / 10) {
    warnings.push_back("ended early: no connection was left");
    return;
  }
  const double first = static_cast<double>(outcome.first_half_messages);
  const double second = static_cast<double>(outcome.counts.messages) - first;
  if (std::max(first, second) > (1 + kMaxDrift) * std::min(first, second)) {
    warnings.push_back(
        Concat("not steady: ", outcome.first_half_messages, " in the first half of the time, ",
               outcome.counts.messages - outcome.first_half_messages, " in the second"));
  }
}

std::vector<std::string> Warnings(const BenchFlags& flags, const BenchMeasurement& measurement) {
  std::vector<std::string> warnings;
  AddGeneratorWarnings(flags, measurement.outcome, warnings);
  if (!flags.open_loop() && !flags.stream) {
    warnings.push_back(
        "closed loop: hides stalls, as a server that stands still is asked less (--rate does not)");
  }
  if (flags.own_server()) {
    warnings.push_back("the server is in this process, on threads of its own");
  }
  if (IsSameMachine(measurement.server)) {
    warnings.push_back(
        "same machine: client and server share its processors, and there is no network");
  }
  AddSteadinessWarnings(flags, measurement, warnings);
  return warnings;
}

std::vector<IntervalRecord> Intervals(const LoadOutcome& outcome) {
  const Duration length = LoadPlan().interval;
  std::vector<IntervalRecord> intervals;
  for (const LoadOutcome::Slice& slice : outcome.slices) {
    const Duration start = length * static_cast<int64_t>(intervals.size());
    intervals.push_back({.start = start,
                         .length = std::clamp(outcome.wall - start, Duration(1), length),
                         .messages = slice.messages,
                         .bytes = slice.bytes});
  }
  return intervals;
}

std::string Processors(const std::vector<int>& cpus) {
  std::string text;
  for (const int cpu : cpus) Append(text, text.empty() ? "" : ",", cpu);
  return text.empty() ? "any" : text;
}

std::vector<std::pair<std::string, RunRecord::Value>> Config(const BenchFlags& flags,
                                                             const BenchMeasurement& measurement) {
  const LoadOutcome& outcome = measurement.outcome;
  std::vector<std::pair<std::string, RunRecord::Value>> config = {
      {"server", measurement.server.ToString()},
      {"own_server", flags.own_server()},
      {"mode", std::string(ServiceModeName(flags.mode()))},
      {"connections", flags.connections},
      {"idle_connections", flags.idle},
      {"threads", flags.threads},
      {"message_bytes", flags.message_bytes},
      {"pipeline", flags.pipeline},
      {"stream", flags.stream},
      {"churn", flags.churn},
      {"room_senders", flags.room},
      {"duration_s", Seconds(flags.duration)},
      {"warmup_s", Seconds(flags.warmup)},
      {"client_cpus", Processors(flags.pin.client)},
      {"client_busiest", outcome.busiest},
      {"client_reads", outcome.reads},
      {"client_writes", outcome.writes},
      {"client_turns", outcome.turns}};
  if (flags.open_loop()) {
    config.emplace_back("rate", flags.rate);
    config.emplace_back("arrivals", flags.arrivals() == Arrivals::kConstant
                                        ? std::string("constant")
                                        : std::string("poisson"));
  }
  if (flags.own_server()) {
    config.emplace_back("loops", flags.loops);
    config.emplace_back("server_cpus", Processors(flags.pin.server));
    config.emplace_back("think_us", std::chrono::duration<double, std::micro>(flags.think).count());
    config.emplace_back("think_mode", ThinkModeNames()[flags.think_mode_index]);
  }
  return config;
}

std::string PerMessage(double count, uint64_t messages) {
  return messages == 0 ? "n/a" : FormatNumber(count / static_cast<double>(messages));
}

// "2.31 us of CPU (0.81 user, 1.50 system), 0.502 switches"
std::string CpuText(const CpuTime& cpu, uint64_t messages) {
  const auto micros = [&](Duration time) { return PerMessage(Seconds(time) * 1e6, messages); };
  return Concat(micros(cpu.total()), " us of CPU (", micros(cpu.user), " user, ",
                micros(cpu.system), " system), ",
                PerMessage(static_cast<double>(cpu.context_switches), messages), " switches");
}

std::string Table(const BenchFlags& flags, const BenchMeasurement& measurement,
                  const ErrorCounts& errors) {
  const LoadOutcome& outcome = measurement.outcome;
  const LoadCounts& counts = outcome.counts;
  const double bytes = PerSecond(static_cast<double>(counts.bytes), outcome.wall);
  if (flags.stream) {
    TextTable table({"streamed", "MB/s", "Gbit/s", "errors"});
    table.AddRow({FormatSize(counts.bytes), FormatNumber(bytes / 1e6),
                  FormatNumber(bytes * 8 / 1e9), Concat(TotalErrors(errors))});
    return table.ToString();
  }
  TextTable table({flags.churn ? "connections" : "messages", "per second", "payload/s", "p50",
                   "p90", "p99", "p99.9", "max", "errors"});
  const auto quantile = [&](double q) { return FormatQuantile(counts.latency, q); };
  table.AddRow({Concat(counts.messages),
                FormatCount(PerSecond(static_cast<double>(counts.messages), outcome.wall)),
                FormatSize(static_cast<uint64_t>(bytes)), quantile(0.5), quantile(0.9),
                quantile(0.99), quantile(0.999), FormatDuration(counts.latency.max()),
                Concat(TotalErrors(errors))});
  return table.ToString();
}

// The lines about both ends' processor time.
std::string UsageText(const BenchFlags& flags, const BenchMeasurement& measurement) {
  const LoadOutcome& outcome = measurement.outcome;
  const uint64_t messages = outcome.counts.messages;
  const auto each = [&](uint64_t count) {
    return PerMessage(static_cast<double>(count), messages);
  };
  std::string text =
      Concat("client: ", flags.threads, flags.threads == 1 ? " thread, " : " threads, the busiest ",
             Percent(outcome.busiest), " busy; per ", flags.churn ? "connection " : "message ",
             CpuText(outcome.cpu, messages), ", ", each(outcome.reads), " reads, ",
             each(outcome.writes), " writes, ", each(outcome.turns), " waits\n");
  if (!measurement.server_cpu.has_value()) return text;
  const CpuTime& cpu = *measurement.server_cpu;
  Append(text, "server: ", measurement.server_name, ", ",
         Percent(PerSecond(Seconds(cpu.total()), outcome.wall)), " busy; per ",
         flags.churn ? "connection " : "message ", CpuText(cpu, messages));
  if (measurement.server_system_calls.has_value()) {
    Append(text, ", ", each(*measurement.server_system_calls), " reads, writes and waits");
  }
  return text + "\n";
}

}  // namespace

RunRecord BenchRecord(const BenchFlags& flags, const CommandLine& command_line,
                      const BenchMeasurement& measurement) {
  const LoadOutcome& outcome = measurement.outcome;
  RunRecord record;
  record.title =
      Concat(flags.kind(), ", ", flags.connections, " connections, ",
             FormatSize(flags.message_bytes), ", server ", measurement.server.ToString());
  record.command = command_line;
  record.seed = flags.seed;
  record.config = Config(flags, measurement);
  record.net.kind =
      IsSameMachine(measurement.server) ? NetRecord::Kind::kLoopback : NetRecord::Kind::kRemote;
  ArmRecord arm;
  arm.name = flags.kind();
  arm.setting.connections = flags.connections;
  arm.setting.message_bytes = flags.message_bytes;
  arm.setting.think = flags.think;
  arm.setting.pooled = !flags.churn;
  BlockRecord block;
  block.start = flags.warmup;
  block.wall = outcome.wall;
  block.messages = outcome.counts.messages;
  block.bytes = outcome.counts.bytes;
  block.errors = outcome.errors;
  block.cpu = outcome.cpu;
  block.server_cpu = measurement.server_cpu;
  block.system_calls = outcome.reads + outcome.writes + outcome.turns;
  arm.blocks.push_back(std::move(block));
  arm.latency = outcome.counts.latency;
  arm.closed_loop = !flags.open_loop();
  if (flags.open_loop()) arm.send_lag = outcome.counts.send_lag;
  arm.intervals = Intervals(outcome);
  record.arms.push_back(std::move(arm));
  record.errors = outcome.errors;
  record.interrupted = measurement.interrupted;
  record.warnings = Warnings(flags, measurement);
  return record;
}

std::string BenchText(const BenchFlags& flags, const RunRecord& record,
                      const BenchMeasurement& measurement) {
  std::string text = Table(flags, measurement, record.errors);
  text += UsageText(flags, measurement);
  if (flags.open_loop()) {
    const Histogram& lag = measurement.outcome.counts.send_lag;
    Append(text, "open loop: ", flags.rate, flags.churn ? " connections" : " messages",
           " per second asked for; latency from the intended time; sent later than that by p50 ",
           FormatQuantile(lag, 0.5), ", p99 ", FormatQuantile(lag, 0.99), ", max ",
           FormatDuration(lag.max()), "\n");
  }
  for (const auto& [what, count] : record.errors) Append(text, "error: ", what, ": ", count, "\n");
  for (const std::string& warning : record.warnings) Append(text, "note: ", warning, "\n");
  if (record.interrupted) Append(text, "interrupted: this is what there was until then\n");
  return text;
}

std::string BenchProgress::Line(const LoadProgress& at) {
  const auto seconds = [](Duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
  };
  // The counts start again behind the warm-up.
  if (!at.warming_up && !std::exchange(warmed_up_, true)) {
    messages_ = 0;
    elapsed_ = at.warmup;
  }
  const double count = static_cast<double>(at.messages - std::min(at.messages, messages_));
  const double rate = PerSecond(count, at.elapsed - elapsed_);
  messages_ = at.messages;
  elapsed_ = at.elapsed;
  std::string line = Concat(seconds(at.elapsed), "s/", seconds(at.total), "s  ", at.open, " conn  ",
                            FormatCount(rate), unit_);
  if (at.latency.count() > 0) {
    Append(line, "  p50 ", FormatDuration(at.latency.ValueAtQuantile(0.5)), "  p99 ",
           FormatDuration(at.latency.ValueAtQuantile(0.99)));
  }
  Append(line, "  err ", at.errors);
  return at.warming_up ? line + "  warming up" : line;
}

}  // namespace spindle::bench
