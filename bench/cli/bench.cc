// spindle bench: load on one server, in a closed or an open loop.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/strings.h"
#include "bench/cli/bench_events.h"
#include "bench/cli/bench_flags.h"
#include "bench/cli/bench_report.h"
#include "bench/cli/commands.h"
#include "bench/cli/descriptor_limit.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/cli/interrupt.h"
#include "bench/cli/outputs.h"
#include "bench/cli/reach.h"
#include "bench/load/churn_load.h"
#include "bench/load/cpu_time.h"
#include "bench/load/echo_load.h"
#include "bench/load/listener_pids.h"
#include "bench/load/load.h"
#include "bench/load/load_team.h"
#include "bench/load/local_server.h"
#include "bench/load/measured_load.h"
#include "bench/load/resolve.h"
#include "bench/load/room_load.h"
#include "bench/load/stream_load.h"
#include "bench/report/json_lines.h"
#include "bench/report/progress.h"
#include "bench/report/run_record.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

// Own addresses for --churn on this machine.
constexpr size_t kLoopbackAddresses = 32;

// The server that is measured: one of ours, or somebody else's.
struct Target {
  std::unique_ptr<LocalServer> own = nullptr;
  SocketAddress address = {};
  std::vector<pid_t> pids = {};  // Of somebody else's, where they are known.

  std::string Name() const {
    if (own != nullptr) return "this process";
    std::string name = pids.size() == 1 ? "pid" : "pids";
    for (const pid_t pid : pids) Append(name, " ", pid);
    return name;
  }
  std::optional<CpuTime> CpuSoFar() const {
    if (own != nullptr) return own->cpu_time();
    std::optional<CpuTime> sum;
    for (const pid_t pid : pids) {
      const std::optional<CpuTime> cpu = ProcessCpuTime(pid);
      if (!cpu.has_value()) return std::nullopt;
      if (!sum.has_value()) sum.emplace();
      *sum += *cpu;
    }
    return sum;
  }
};

absl::StatusOr<Target> FindTarget(EventLoop& loop, const BenchFlags& flags) {
  Target target;
  if (flags.own_server()) {
    LocalServerOptions options;
    options.mode = flags.mode();
    options.think = flags.think;
    options.think_mode = flags.think_mode();
    options.workers = flags.loops;
    options.cpus = flags.pin.server;
    absl::StatusOr<std::unique_ptr<LocalServer>> own = LocalServer::Start(options);
    if (!own.ok()) return own.status();
    target.own = *std::move(own);
    target.address = target.own->address();
    return target;
  }
  const absl::StatusOr<std::vector<SocketAddress>> addresses = ResolveEndpoint(flags.endpoint);
  if (!addresses.ok()) return addresses.status();
  const absl::StatusOr<SocketAddress> server =
      FirstReachable(loop, *addresses, flags.connect_timeout);
  if (!server.ok()) return server.status();
  target.address = *server;
  // Connections that stay show by themselves whether somebody is there.
  if (flags.churn) {
    const absl::Status status = TryToConnect(loop, *server, flags.connect_timeout);
    if (!status.ok()) return status;
  }
  if (flags.server_pid == 0) {
    target.pids = ListenerPids(*server);
  } else {
    target.pids = {static_cast<pid_t>(flags.server_pid)};
    if (!ProcessCpuTime(target.pids.front()).has_value()) {
      return absl::InvalidArgumentError(
          ToAbsl(Concat("--server-pid: no process ", flags.server_pid, " to look at")));
    }
  }
  return target;
}

// Divides the connections and the rate among the client's threads.
class PartMaker {
 public:
  PartMaker(const BenchFlags& flags, const SocketAddress& server, const LoadPlan& plan)
      : flags_(flags), server_(server), plan_(plan) {}

  std::unique_ptr<MeasuredLoad> operator()(EventLoop& loop, size_t part) const {
    std::unique_ptr<Load> idle;
    if (Share(flags_.idle, part) > 0) {
      EchoLoadOptions options;
      options.connections = Share(flags_.idle, part);
      options.first_connection = flags_.connections + First(flags_.idle, part);
      options.seed = flags_.seed;
      options.connect_timeout = flags_.connect_timeout;
      idle = std::make_unique<EchoLoad>(loop, server_, options);
    }
    return std::make_unique<MeasuredLoad>(loop, MakeLoad(loop, part), std::move(idle), plan_);
  }

 private:
  size_t First(uint64_t total, size_t part) const { return total * part / flags_.threads; }
  size_t Share(uint64_t total, size_t part) const {
    return First(total, part + 1) - First(total, part);
  }

  std::optional<SendRate> Rate(size_t part) const {
    if (!flags_.open_loop()) return std::nullopt;
    return SendRate{.per_second = flags_.rate,
                    .arrivals = flags_.arrivals(),
                    .seed = flags_.seed,
                    .part = part,
                    .parts = flags_.threads};
  }

  std::unique_ptr<Load> MakeLoad(EventLoop& loop, size_t part) const {
    const size_t connections = Share(flags_.connections, part);
    const size_t first = First(flags_.connections, part);
    if (flags_.stream) {
      StreamLoadOptions options{.connections = connections, .way = flags_.way()};
      options.block_bytes = flags_.message_bytes;
      options.seed = flags_.seed;
      options.first_connection = first;
      options.connect_timeout = flags_.connect_timeout;
      return std::make_unique<StreamLoad>(loop, server_, options);
    }
    if (flags_.room > 0) {
      RoomLoadOptions options{.connections = connections, .senders = flags_.room};
      options.message_bytes = flags_.message_bytes;
      options.seed = flags_.seed;
      options.connect_timeout = flags_.connect_timeout;
      return std::make_unique<RoomLoad>(loop, server_, options);
    }
    if (flags_.churn) {
      ChurnLoadOptions options{.lanes = connections, .message_bytes = flags_.message_bytes};
      options.rate = Rate(part);
      options.seed = flags_.seed;
      options.first_lane = first;
      options.connect_timeout = flags_.connect_timeout;
      if (flags_.spread_local && server_.kind() == SocketAddress::Kind::kV4 &&
          server_.is_loopback()) {
        options.local = LoopbackSpread(kLoopbackAddresses);
      }
      return std::make_unique<ChurnLoad>(loop, server_, options);
    }
    EchoLoadOptions options{.connections = connections, .message_bytes = flags_.message_bytes};
    options.pipeline = flags_.pipeline;
    options.rate = Rate(part);
    options.seed = flags_.seed;
    options.first_connection = first;
    options.connect_timeout = flags_.connect_timeout;
    return std::make_unique<EchoLoad>(loop, server_, options);
  }

  const BenchFlags& flags_;
  const SocketAddress server_;
  const LoadPlan plan_;
};

int Report(const BenchFlags& flags, const CommandLine& command_line,
           const BenchMeasurement& measurement, JsonLines* lines) {
  const RunRecord record = BenchRecord(flags, command_line, measurement);
  if (lines != nullptr) {
    lines->Block(record.arms[0].name, record.arms[0].setting, record.arms[0].blocks[0]);
  }
  const absl::Status status =
      WriteOutputs(flags.outputs, record, BenchText(flags, record, measurement), lines);
  if (!status.ok()) return Fail("bench", status);
  if (record.interrupted) return kExitInterrupted;
  return TotalErrors(record.errors) > flags.max_errors ? kExitErrors : kExitOk;
}

std::string FirstError(const ErrorCounts& errors) {
  return errors.empty() ? "no connection" : errors.begin()->first;
}

// Reads what the server has used when the measured time begins and when it ends.
class ServerMeter {
 public:
  explicit ServerMeter(const Target& target) : target_(target) {}

  void Begin() {
    cpu_ = target_.CpuSoFar();
    if (target_.own != nullptr) system_calls_ = target_.own->system_calls();
  }
  void End(BenchMeasurement& measurement) const {
    const std::optional<CpuTime> cpu = target_.CpuSoFar();
    if (!cpu_.has_value() || !cpu.has_value()) return;
    measurement.server_name = target_.Name();
    measurement.server_cpu = *cpu - *cpu_;
    if (target_.own == nullptr) return;
    measurement.server_system_calls = target_.own->system_calls() - system_calls_;
  }

 private:
  const Target& target_;
  std::optional<CpuTime> cpu_;
  uint64_t system_calls_ = 0;
};

int Measure(EventLoop& loop, const BenchFlags& flags, const CommandLine& command_line,
            const Target& target, absl::FunctionRef<bool()> interrupted) {
  BenchMeasurement measurement{.server = target.address};
  Progress progress(flags.quiet ? Progress::Mode::kQuiet : Progress::Mode::kShow);
  BenchProgress lines(flags);
  ServerMeter meter(target);
  LoadTeamOptions options{.threads = flags.threads, .cpus = flags.pin.client};
  options.plan.warmup = flags.warmup;
  options.plan.duration = flags.duration;
  options.plan.patience = flags.patience;
  absl::StatusOr<std::unique_ptr<JsonLines>> json_lines = OpenJsonLines(flags.outputs);
  if (!json_lines.ok()) return Fail("bench", json_lines.status());
  BenchEvents events(flags, *std::move(json_lines));
  const Duration every = events.active() ? std::chrono::seconds(1) : progress.period();
  options.progress_every = every;
  Duration next_line = progress.period();
  options.on_progress = [&](const LoadProgress& at) {
    events.Interval(at);
    if (at.elapsed + every / 2 < next_line) return;
    next_line += progress.period();
    progress.Show(lines.Line(at));
  };
  options.on_begin = [&] { meter.Begin(); };
  options.on_end = [&] { meter.End(measurement); };
  const PartMaker make_part(flags, target.address, options.plan);
  const absl::StatusOr<std::unique_ptr<LoadTeam>> team =
      LoadTeam::Create(loop, std::move(options), make_part);
  if (!team.ok()) return Fail("bench", team.status());
  const absl::Status status = (*team)->Connect(interrupted);
  if (!status.ok()) return Fail("bench", status);
  if (interrupted()) return Fail(kExitInterrupted, "bench", "interrupted before the start");
  if (!flags.churn && (*team)->opened() == 0) {
    return Fail(kExitNoConnect, "bench",
                Concat(target.address.ToString(), ": ", FirstError((*team)->errors())));
  }
  events.Start(command_line, measurement);
  absl::StatusOr<LoadOutcome> outcome = (*team)->Run(interrupted);
  progress.Clear();
  if (!outcome.ok()) return Fail("bench", outcome.status());
  measurement.outcome = *std::move(outcome);
  measurement.interrupted = interrupted();
  return Report(flags, command_line, measurement, events.lines());
}

int Bench(const BenchFlags& flags, const CommandLine& command_line) {
  RaiseDescriptorLimit();
  const absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "bench"});
  if (!loop.ok()) return Fail("bench", loop.status());
  const absl::StatusOr<std::unique_ptr<Interrupt>> interrupt = Interrupt::Watch(**loop);
  if (!interrupt.ok()) return Fail("bench", interrupt.status());
  const absl::StatusOr<Target> target = FindTarget(**loop, flags);
  if (!target.ok()) return Fail("bench", target.status());
  return Measure(**loop, flags, command_line, *target, [&] { return (*interrupt)->requested(); });
}

}  // namespace

Command AddBench(CLI::App& program) {
  const auto flags = std::make_shared<BenchFlags>();
  CLI::App& app = AddCommand(program, "bench", "load on one server, in a closed or an open loop");
  AddBenchFlags(app, *flags);
  return {&app, [flags](const CommandLine& line) { return Bench(*flags, line); }};
}

}  // namespace spindle::bench
