// spindle bench: closed-loop load on an echo server.

#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/parse.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/descriptor_limit.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/cli/interrupt.h"
#include "bench/cli/reach.h"
#include "bench/load/churn_load.h"
#include "bench/load/echo_load.h"
#include "bench/load/load.h"
#include "bench/load/resolve.h"
#include "bench/load/run_load.h"
#include "bench/load/run_until.h"
#include "bench/report/progress.h"
#include "bench/report/run_json.h"
#include "bench/report/run_record.h"
#include "bench/report/text_table.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

// Own addresses for --churn on this machine.
constexpr size_t kLoopbackAddresses = 32;

struct BenchFlags {
  std::vector<std::string> endpoint;
  uint64_t connections = 1;
  Duration duration = std::chrono::seconds(10);
  Duration warmup = std::chrono::seconds(1);
  Duration connect_timeout = std::chrono::seconds(10);
  uint64_t message_bytes = 64;
  uint64_t pipeline = 1;
  bool churn = false;
  bool spread_local = true;
  uint64_t seed = 1;
  uint64_t max_errors = 0;
  bool quiet = false;
  std::optional<std::string> json;
};

std::unique_ptr<Load> MakeLoad(EventLoop& loop, const SocketAddress& server,
                               const BenchFlags& flags) {
  if (!flags.churn) {
    return std::make_unique<EchoLoad>(loop, server,
                                      EchoLoadOptions{.connections = flags.connections,
                                                      .message_bytes = flags.message_bytes,
                                                      .pipeline = flags.pipeline,
                                                      .seed = flags.seed,
                                                      .connect_timeout = flags.connect_timeout});
  }
  ChurnLoadOptions options{.lanes = flags.connections,
                           .message_bytes = flags.message_bytes,
                           .seed = flags.seed,
                           .connect_timeout = flags.connect_timeout};
  if (flags.spread_local && server.kind() == SocketAddress::Kind::kV4 && server.is_loopback()) {
    options.local = LoopbackSpread(kLoopbackAddresses);
  }
  return std::make_unique<ChurnLoad>(loop, server, options);
}

std::string ProgressLine(const Load& load, const LoadProgress& at, const LoadCounts& counts) {
  const auto seconds = [](Duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
  };
  std::string line = Concat(seconds(at.elapsed), "s/", seconds(at.total), "s  ", load.open(),
                            " conn  ", counts.messages, " msg");
  if (at.warming_up) return line + "  warming up";
  return Concat(line, "  p50 ", FormatDuration(counts.latency.ValueAtQuantile(0.5)), "  p99 ",
                FormatDuration(counts.latency.ValueAtQuantile(0.99)), "  err ",
                TotalErrors(load.errors()));
}

// The warnings that a reader of the numbers must know.
std::vector<std::string> Warnings(const BenchFlags& flags, const LoadOutcome& outcome,
                                  const SocketAddress& server) {
  std::vector<std::string> warnings = {
      "closed loop: a server that stands still is asked less, which hides stalls"};
  if (server.is_loopback() || server.is_unix()) {
    warnings.push_back(
        "same machine: client and server share its processors, and there is no network");
  }
  const double busy =
      PerSecond(std::chrono::duration<double>(outcome.cpu.total()).count(), outcome.wall);
  if (busy > 0.9) {
    warnings.push_back(Concat("the client's thread was ", std::lround(busy * 100),
                              " % busy: it may be the limit, not the server"));
  }
  if (!outcome.interrupted && outcome.wall < flags.duration * 9 / 10) {
    warnings.push_back("ended early: no connection was left");
    return warnings;
  }
  const double first = static_cast<double>(outcome.first_half_messages);
  const double second = static_cast<double>(outcome.counts.messages) - first;
  if (!outcome.interrupted && first > 0 && (second > first * 1.2 || second < first / 1.2)) {
    warnings.push_back(
        Concat("not steady: ", outcome.first_half_messages, " messages in the first half, ",
               outcome.counts.messages - outcome.first_half_messages, " in the second"));
  }
  return warnings;
}

RunRecord Record(const BenchFlags& flags, const CommandLine& command_line,
                 const SocketAddress& server, const LoadOutcome& outcome,
                 const ErrorCounts& errors) {
  RunRecord record{.command = command_line, .seed = flags.seed};
  record.config = {{"server", server.ToString()},
                   {"connections", flags.connections},
                   {"message_bytes", flags.message_bytes},
                   {"pipeline", flags.pipeline},
                   {"churn", flags.churn},
                   {"duration_s", std::chrono::duration<double>(flags.duration).count()},
                   {"warmup_s", std::chrono::duration<double>(flags.warmup).count()},
                   {"client_reads", outcome.reads},
                   {"client_writes", outcome.writes},
                   {"client_turns", outcome.turns}};
  ArmRecord arm{
      .name = flags.churn ? "churn" : "echo",
      .setting = {.connections = flags.connections, .message_bytes = flags.message_bytes}};
  arm.blocks.push_back({.start = flags.warmup,
                        .wall = outcome.wall,
                        .messages = outcome.counts.messages,
                        .bytes = outcome.counts.bytes,
                        .errors = errors,
                        .cpu = outcome.cpu});
  arm.latency = outcome.counts.latency;
  record.arms.push_back(std::move(arm));
  record.errors = errors;
  record.interrupted = outcome.interrupted;
  record.warnings = Warnings(flags, outcome, server);
  return record;
}

std::string Text(const BenchFlags& flags, const RunRecord& record, const LoadOutcome& outcome) {
  const LoadCounts& counts = outcome.counts;
  const double messages = static_cast<double>(counts.messages);
  const double cpu = std::chrono::duration<double>(outcome.cpu.total()).count();
  const auto per_message = [&](uint64_t count) {
    return counts.messages == 0 ? "n/a" : FormatNumber(static_cast<double>(count) / messages);
  };
  TextTable table({flags.churn ? "connections" : "messages", "per second", "payload/s", "p50",
                   "p99", "p99.9", "max", "errors"});
  table.AddRow({Concat(counts.messages), FormatCount(PerSecond(messages, outcome.wall)),
                FormatSize(static_cast<uint64_t>(
                    PerSecond(static_cast<double>(counts.bytes), outcome.wall))),
                FormatQuantile(counts.latency, 0.5), FormatQuantile(counts.latency, 0.99),
                FormatQuantile(counts.latency, 0.999), FormatDuration(counts.latency.max()),
                Concat(TotalErrors(record.errors))});
  std::string text = table.ToString();
  Append(text, "client: ", FormatNumber(cpu), " s of CPU in ", FormatDuration(outcome.wall), ", ",
         counts.messages == 0 ? "n/a" : FormatNumber(cpu / messages * 1e6),
         " us per message; per message ", per_message(outcome.reads), " reads, ",
         per_message(outcome.writes), " writes, ", per_message(outcome.turns), " waits\n");
  for (const auto& [what, count] : record.errors) Append(text, "error: ", what, ": ", count, "\n");
  for (const std::string& warning : record.warnings) Append(text, "note: ", warning, "\n");
  if (record.interrupted) Append(text, "interrupted: this is what there was until then\n");
  return text;
}

int Report(const BenchFlags& flags, const RunRecord& record, const LoadOutcome& outcome) {
  if (flags.json != "-") std::fputs(Text(flags, record, outcome).c_str(), stdout);
  if (flags.json.has_value()) {
    const absl::Status status = WriteJson(record, *flags.json);
    if (!status.ok()) return Fail("bench", status);
  }
  if (record.interrupted) return kExitInterrupted;
  return TotalErrors(record.errors) > flags.max_errors ? kExitErrors : kExitOk;
}

std::string FirstError(const ErrorCounts& errors) {
  return errors.empty() ? "no connection" : errors.begin()->first;
}

int Bench(const BenchFlags& flags, const CommandLine& command_line) {
  const absl::StatusOr<std::vector<SocketAddress>> addresses = ResolveEndpoint(flags.endpoint);
  if (!addresses.ok()) return Fail("bench", addresses.status());
  RaiseDescriptorLimit();
  const absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "bench"});
  if (!loop.ok()) return Fail("bench", loop.status());
  const absl::StatusOr<std::unique_ptr<Interrupt>> interrupt = Interrupt::Watch(**loop);
  if (!interrupt.ok()) return Fail("bench", interrupt.status());
  const auto interrupted = [&] { return (*interrupt)->requested(); };
  const absl::StatusOr<SocketAddress> server =
      FirstReachable(**loop, *addresses, flags.connect_timeout);
  if (!server.ok()) return Fail("bench", server.status());

  const std::unique_ptr<Load> load = MakeLoad(**loop, *server, flags);
  load->Connect();
  absl::Status status = RunUntil(**loop, [&] { return load->connected() || interrupted(); });
  if (!status.ok()) return Fail("bench", status);
  if (interrupted()) return Fail(kExitInterrupted, "bench", "interrupted before the start");
  if (!flags.churn && load->open() == 0) {
    return Fail(kExitNoConnect, "bench",
                Concat(server->ToString(), ": ", FirstError(load->errors())));
  }
  Progress progress(flags.quiet ? Progress::Mode::kQuiet : Progress::Mode::kShow);
  LoadPlan plan{.warmup = flags.warmup, .duration = flags.duration};
  plan.progress_every = progress.period();
  plan.on_progress = [&](const Load& running, const LoadProgress& at) {
    progress.Show(ProgressLine(running, at, running.counts()));
  };
  const absl::StatusOr<LoadOutcome> outcome = RunLoad(**loop, *load, plan, interrupted);
  progress.Clear();
  if (!outcome.ok()) return Fail("bench", outcome.status());
  ErrorCounts errors = load->errors();
  if (outcome->unanswered > 0) errors["no answer at the end"] += outcome->unanswered;
  if (flags.churn && outcome->counts.messages == 0 && !errors.empty()) {
    return Fail(kExitNoConnect, "bench", Concat(server->ToString(), ": ", FirstError(errors)));
  }
  return Report(flags, Record(flags, command_line, *server, *outcome, errors), *outcome);
}

}  // namespace

Command AddBench(CLI::App& program) {
  const auto flags = std::make_shared<BenchFlags>();
  CLI::App& app = *program.add_subcommand("bench", "closed-loop load on an echo server");
  AddEndpoint(app, flags->endpoint, "an echo server: HOST PORT, unix:/path or unix:@name")
      ->required();
  AddSize(app, "-c,--connections", flags->connections, {1, 1000000},
          "connections; with --churn: at once");
  AddDuration(app, "-d,--duration", flags->duration, "measured time, after the warm-up");
  AddSize(app, "-s,--size", flags->message_bytes, {1, uint64_t{1} << 30}, "bytes per message");
  AddSize(app, "--pipeline", flags->pipeline, {1, 1000000},
          "messages of one connection under way at once");
  AddDuration(app, "--warmup", flags->warmup, "time before, which does not count");
  CLI::Option* const churn = app.add_flag(
      "--churn", flags->churn, "a new connection for each message: connect, echo, close");
  app.add_flag("--spread-local,!--no-spread-local", flags->spread_local,
               "with --churn to 127.x.x.x: connect from 127.0.0.1 to 127.0.0.32 in turn (default), "
               "so that ports in TIME_WAIT do not run out");
  churn->excludes(app.get_option("--pipeline"));
  AddDuration(app, "--connect-timeout", flags->connect_timeout, "for each connection");
  AddSize(app, "--seed", flags->seed, {}, "of the bytes that are sent");
  AddSize(app, "--max-errors", flags->max_errors, {}, "more of them end in exit code 5");
  app.add_flag("--quiet", flags->quiet, "no progress lines");
  AddJson(app, flags->json);
  return {&app, [flags](const CommandLine& line) { return Bench(*flags, line); }};
}

}  // namespace spindle::bench
