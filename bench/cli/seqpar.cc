// spindle seqpar: the same messages sequentially and in parallel.

#include "bench/send_modes/seqpar.h"

#include <algorithm>
#include <cstddef>
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
#include "base/parse.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/descriptor_limit.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/cli/interrupt.h"
#include "bench/cli/reach.h"
#include "bench/load/load.h"
#include "bench/load/local_server.h"
#include "bench/load/resolve.h"
#include "bench/load/service.h"
#include "bench/report/progress.h"
#include "bench/report/run_json.h"
#include "bench/report/run_record.h"
#include "bench/report/seqpar_text.h"
#include "bench/send_modes/sender_pool.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

struct SeqparFlags {
  std::vector<std::string> endpoint;  // Empty: a server of our own.
  std::vector<uint64_t> connections = {1, 2, 4, 8, 16};
  uint64_t messages = 0;
  uint64_t message_bytes = 1024;
  size_t mode_index = 0;
  uint64_t blocks = 20;
  Duration think{0};
  uint64_t loops = 2;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(10);
  uint64_t seed = 1;
  uint64_t max_errors = 0;
  bool quiet = false;
  std::optional<std::string> json;

  ReplyMode reply() const { return mode_index == 0 ? ReplyMode::kAck : ReplyMode::kEcho; }
  bool own_server() const { return endpoint.empty(); }
};

// The server that is measured: one of ours, or somebody else's.
struct Target {
  std::unique_ptr<LocalServer> own;
  SocketAddress address;
};

absl::StatusOr<Target> FindTarget(EventLoop& loop, const SeqparFlags& flags) {
  Target target;
  if (!flags.own_server()) {
    const absl::StatusOr<std::vector<SocketAddress>> addresses = ResolveEndpoint(flags.endpoint);
    if (!addresses.ok()) return addresses.status();
    const absl::StatusOr<SocketAddress> server =
        FirstReachable(loop, *addresses, flags.connect_timeout);
    if (!server.ok()) return server.status();
    target.address = *server;
    return target;
  }
  const ServiceMode mode =
      flags.reply() == ReplyMode::kAck ? ServiceMode::kAck : ServiceMode::kEcho;
  absl::StatusOr<std::unique_ptr<LocalServer>> own =
      LocalServer::Start({.mode = mode, .think = flags.think, .workers = flags.loops});
  if (!own.ok()) return own.status();
  target.own = *std::move(own);
  target.address = target.own->address();
  return target;
}

SeqparOptions Options(const SeqparFlags& flags) {
  SeqparOptions options;
  options.connections = flags.connections;
  options.messages = flags.messages;
  options.message_bytes = flags.message_bytes;
  options.reply = flags.reply();
  options.blocks = flags.blocks;
  options.seed = flags.seed;
  options.connect_timeout = flags.connect_timeout;
  options.reply_timeout =
      SaturatingAdd(TimePoint(flags.reply_timeout), flags.think).time_since_epoch();
  return options;
}

// Whether a short message typically took less than a millisecond, sent sequentially.
bool HasShortLatency(const RunRecord& record) {
  return std::any_of(record.arms.begin(), record.arms.end(), [](const ArmRecord& arm) {
    return arm.name == "sequential" && arm.setting.message_bytes <= 16 * 1024 && arm.latency.count() > 0 &&
           arm.latency.ValueAtQuantile(0.5) < std::chrono::milliseconds(1);
  });
}

RunRecord Record(const SeqparFlags& flags, const CommandLine& command_line, const Target& target,
                 SeqparResult result) {
  RunRecord record{.command = command_line, .seed = flags.seed};
  record.title = Concat("messages of ", FormatSize(flags.message_bytes), ", reply ",
                        ReplyModeName(flags.reply()), ", ", flags.blocks,
                        " blocks of both arms in random order, seed ", flags.seed, ", server ",
                        target.address.ToString());
  if (flags.own_server()) {
    Append(record.title, " (in this process, ", flags.loops, " worker loops, think time ",
           FormatDuration(flags.think), ")");
  }
  record.config = {
      {"server", target.address.ToString()},
      {"own_server", flags.own_server()},
      {"messages_per_connection",
       flags.messages == 0 ? RunRecord::Value("auto") : RunRecord::Value(flags.messages)},
      {"message_bytes", flags.message_bytes},
      {"reply", std::string(ReplyModeName(flags.reply()))},
      {"blocks", flags.blocks},
      {"pool", true}};
  if (flags.own_server()) {
    record.config.emplace_back("think_us",
                               std::chrono::duration<double, std::micro>(flags.think).count());
    record.config.emplace_back("loops", flags.loops);
  }
  record.arms = std::move(result.arms);
  record.points = std::move(result.points);
  record.errors = std::move(result.errors);
  record.interrupted = result.interrupted;
  if (flags.own_server()) {
    record.warnings.push_back("the server is in this process, on threads of its own");
  }
  if (target.address.is_loopback() || target.address.is_unix()) {
    record.warnings.push_back(
        "same machine: client and server share its processors, and there is no network");
    if (HasShortLatency(record)) {
      record.warnings.push_back(
          "with answers this fast the times are mostly those of threads waking each other "
          "(switches/msg), which change from run to run by more than the intervals say");
    }
  }
  return record;
}

int Report(const SeqparFlags& flags, const RunRecord& record) {
  if (flags.json != "-") std::fputs(SeqparText(record).c_str(), stdout);
  if (flags.json.has_value()) {
    const absl::Status status = WriteJson(record, *flags.json);
    if (!status.ok()) return Fail("seqpar", status);
  }
  if (record.interrupted) return kExitInterrupted;
  return TotalErrors(record.errors) > flags.max_errors ? kExitErrors : kExitOk;
}

int Seqpar(const SeqparFlags& flags, const CommandLine& command_line) {
  RaiseDescriptorLimit();
  const absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "seqpar"});
  if (!loop.ok()) return Fail("seqpar", loop.status());
  const absl::StatusOr<std::unique_ptr<Interrupt>> interrupt = Interrupt::Watch(**loop);
  if (!interrupt.ok()) return Fail("seqpar", interrupt.status());
  const absl::StatusOr<Target> target = FindTarget(**loop, flags);
  if (!target.ok()) return Fail("seqpar", target.status());

  SeqparOptions options = Options(flags);
  options.interrupted = [&] { return (*interrupt)->requested(); };
  Progress progress(flags.quiet ? Progress::Mode::kQuiet : Progress::Mode::kShow);
  TimePoint next_line = Clock::now() + progress.period();
  options.on_progress = [&](const SeqparProgress& at) {
    const TimePoint now = Clock::now();
    if (now < next_line) return;
    next_line = now + progress.period();
    progress.Show(
        Concat(at.connections, " connections: block ", at.blocks_done, " of ", at.blocks));
  };
  if (const LocalServer* own = target->own.get()) {
    options.accepted_per_loop = [own] { return own->stats().accepted_per_loop; };
  }
  absl::StatusOr<SeqparResult> result = RunSeqpar(**loop, target->address, options);
  progress.Clear();
  if (!result.ok()) return Fail("seqpar", result.status());
  return Report(flags, Record(flags, command_line, *target, *std::move(result)));
}

// What two options say together. Throws, as CLI11 wants it.
void CheckTogether(const CLI::App& app, const SeqparFlags& flags) {
  if (flags.own_server()) return;
  for (const char* name : {"--think", "--loops"}) {
    if (app.get_option(name)->count() == 0) continue;
    throw CLI::ValidationError(name,
                               "is for the server: with HOST PORT give it to `spindle serve`");
  }
}

}  // namespace

Command AddSeqpar(CLI::App& program) {
  const auto flags = std::make_shared<SeqparFlags>();
  CLI::App& app = *program.add_subcommand("seqpar", "sequential against parallel sends");
  AddEndpoint(
      app, flags->endpoint,
      "a server that runs `spindle serve --mode ack` (or echo); left out: one is started in "
      "this process");
  AddList(app, "-n,--connections", flags->connections, {1, 100000},
          "numbers of connections: 1,2,4 or 1..16, which doubles")
      ->default_str("1..16");
  AddSize(app, "-m,--messages", flags->messages, {1, 100000000},
          "messages per connection in each block; left out: as many as take about 30 ms "
          "sequentially, from 2 to 1000")
      ->default_str("");
  AddSize(app, "-s,--size", flags->message_bytes, {1, uint64_t{1} << 30}, "bytes per message");
  AddChoice(app, "--mode", {"ack", "echo"}, flags->mode_index, "the reply: one byte, or all bytes");
  AddSize(app, "--blocks", flags->blocks, {1, 1000000},
          "repetitions, each with both arms in random order; one more before them warms up");
  AddDuration(app, "--think", flags->think, "own server: time before each reply");
  AddSize(app, "--loops", flags->loops, {0, 1024}, "own server: worker loops");
  AddDuration(app, "--connect-timeout", flags->connect_timeout, "for each connection");
  AddDuration(app, "--timeout", flags->reply_timeout, "with no reply for so long the run ends");
  AddSize(app, "--seed", flags->seed, {}, "of the bytes, the order of the arms and the intervals");
  AddSize(app, "--max-errors", flags->max_errors, {}, "more of them end in exit code 5");
  app.add_flag("--quiet", flags->quiet, "no progress lines");
  AddJson(app, flags->json);
  app.final_callback([&app, flags] { CheckTogether(app, *flags); });
  return {&app, [flags](const CommandLine& line) { return Seqpar(*flags, line); }};
}

}  // namespace spindle::bench
