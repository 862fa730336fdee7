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
#include "bench/send_modes/framed_messages.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

struct SeqparFlags {
  std::vector<std::string> endpoint;  // Empty: a server of our own.
  std::vector<uint64_t> connections = {1, 2, 4, 8, 16};
  std::vector<uint64_t> message_bytes = {1024};
  std::vector<std::string> arms = {"sequential", "parallel"};
  std::vector<uint64_t> windows;    // One more arm for each.
  std::vector<uint64_t> pipelines;  // One more arm for each.
  uint64_t messages = 0;
  size_t mode_index = 0;
  size_t pool_index = 0;
  size_t no_delay_index = 0;
  uint64_t client_loops = 2;
  uint64_t blocks = 20;
  bool aa = false;
  std::optional<double> target_ci;
  Duration max_time = std::chrono::minutes(1);
  Duration think{0};
  uint64_t loops = 2;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(10);
  uint64_t seed = 1;
  uint64_t max_errors = 0;
  bool strict = false;
  bool quiet = false;
  std::optional<std::string> json;

  ReplyMode reply() const { return mode_index == 0 ? ReplyMode::kAck : ReplyMode::kEcho; }
  bool pooled() const { return pool_index == 0; }
  bool no_delay() const { return no_delay_index == 0; }
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
  options.message_bytes = flags.message_bytes;
  options.arms = flags.arms;
  options.messages = flags.messages;
  options.reply = flags.reply();
  options.pooled = flags.pooled();
  options.no_delay = flags.no_delay();
  options.client_loops = flags.client_loops;
  options.blocks = flags.blocks;
  options.target_ci = flags.target_ci;
  options.max_time = flags.max_time;
  options.aa = flags.aa;
  options.timeline = flags.json.has_value();  // The table does not show it.
  options.seed = flags.seed;
  options.connect_timeout = flags.connect_timeout;
  options.reply_timeout =
      SaturatingAdd(TimePoint(flags.reply_timeout), flags.think).time_since_epoch();
  options.think = flags.think;
  return options;
}

// Whether a short message typically took less than a millisecond, with one of them under way.
bool HasShortLatency(const RunRecord& record) {
  return std::any_of(record.arms.begin(), record.arms.end(), [](const ArmRecord& arm) {
    return arm.name == "sequential" && arm.setting.message_bytes <= 16 * 1024 &&
           arm.latency.count() > 0 &&
           arm.latency.ValueAtQuantile(0.5) < std::chrono::milliseconds(1);
  });
}

std::string Joined(const std::vector<uint64_t>& values, std::string (*format)(uint64_t)) {
  std::string text;
  for (const uint64_t value : values) Append(text, text.empty() ? "" : ", ", format(value));
  return text;
}

std::string Title(const SeqparFlags& flags, const Target& target) {
  std::string title =
      Concat("messages of ", Joined(flags.message_bytes, [](uint64_t n) { return FormatSize(n); }),
             ", reply ", ReplyModeName(flags.reply()), ", ",
             flags.pooled() ? "open connections, " : "a new connection each time, ", flags.blocks,
             " blocks of all arms in random order, seed ", flags.seed, ", server ",
             target.address.ToString());
  if (flags.own_server()) {
    Append(title, " (in this process, ", flags.loops, " worker loops, think time ",
           FormatDuration(flags.think), ")");
  }
  return title;
}

std::vector<std::pair<std::string, RunRecord::Value>> Config(const SeqparFlags& flags,
                                                             const Target& target) {
  std::string arms;
  for (const std::string& arm : flags.arms) Append(arms, arms.empty() ? "" : ",", arm);
  const auto number = [](uint64_t n) { return Concat(n); };
  std::vector<std::pair<std::string, RunRecord::Value>> config = {
      {"server", target.address.ToString()},
      {"own_server", flags.own_server()},
      {"connections", Joined(flags.connections, number)},
      {"message_bytes", Joined(flags.message_bytes, number)},
      {"arms", std::move(arms)},
      {"messages_per_connection",
       flags.messages == 0 ? RunRecord::Value("auto") : RunRecord::Value(flags.messages)},
      {"reply", std::string(ReplyModeName(flags.reply()))},
      {"blocks", flags.blocks},
      {"pool", flags.pooled()},
      {"nodelay", flags.no_delay()},
      {"client_loops", flags.client_loops},
      {"aa", flags.aa}};
  if (flags.target_ci.has_value()) {
    config.emplace_back("target_ci", *flags.target_ci);
    config.emplace_back("max_time_s", std::chrono::duration<double>(flags.max_time).count());
  }
  if (flags.own_server()) {
    config.emplace_back("think_us", std::chrono::duration<double, std::micro>(flags.think).count());
    config.emplace_back("loops", flags.loops);
  }
  return config;
}

RunRecord Record(const SeqparFlags& flags, const CommandLine& command_line, const Target& target,
                 SeqparResult result) {
  RunRecord record{.command = command_line, .seed = flags.seed};
  record.title = Title(flags, target);
  record.config = Config(flags, target);
  record.arms = std::move(result.arms);
  record.points = std::move(result.points);
  record.noise_floor = result.noise_floor;
  record.timeline = std::move(result.timeline);
  record.errors = std::move(result.errors);
  record.warnings = std::move(result.warnings);
  record.interrupted = result.interrupted;
  const bool here = target.address.is_loopback() || target.address.is_unix();
  if (!here) record.net.kind = NetRecord::Kind::kRemote;
  if (flags.own_server()) {
    record.warnings.push_back("the server is in this process, on threads of its own");
  }
  if (here) {
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
  if (TotalErrors(record.errors) > flags.max_errors) return kExitErrors;
  const bool undecided =
      std::any_of(record.points.begin(), record.points.end(),
                  [](const PointRecord& point) { return point.verdict == Verdict::kCannotTell; });
  return flags.strict && undecided ? kExitCannotTell : kExitOk;
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
    progress.Show(Concat(at.connections, " connections of ", FormatSize(at.message_bytes),
                         ": block ", at.blocks_done, " of ", at.blocks));
  };
  if (const LocalServer* own = target->own.get()) {
    options.accepted_per_loop = [own] { return own->stats().accepted_per_loop; };
  }
  absl::StatusOr<SeqparResult> result = RunSeqpar(**loop, target->address, options);
  progress.Clear();
  if (!result.ok()) return Fail("seqpar", result.status());
  return Report(flags, Record(flags, command_line, *target, *std::move(result)));
}

// What options say together. Throws, as CLI11 wants it.
void CheckTogether(const CLI::App& app, SeqparFlags& flags) {
  for (const uint64_t window : flags.windows) flags.arms.push_back(Concat("window-", window));
  for (const uint64_t depth : flags.pipelines) flags.arms.push_back(Concat("pipeline-", depth));
  if (app.get_option("--max-time")->count() > 0 && !flags.target_ci.has_value()) {
    throw CLI::ValidationError("--max-time", "is the limit of --target-ci");
  }
  if (flags.own_server()) return;
  for (const char* name : {"--think", "--loops"}) {
    if (app.get_option(name)->count() == 0) continue;
    throw CLI::ValidationError(name,
                               "is for the server: with HOST PORT give it to `spindle serve`");
  }
}

void AddTargetCi(CLI::App& app, SeqparFlags& flags) {
  app.add_option_function<std::string>(
         "--target-ci",
         [&flags](const std::string& text) {
           const absl::StatusOr<double> share = ParsePercent(text);
           if (!share.ok() || *share <= 0) {
             throw CLI::ValidationError("--target-ci", share.ok()
                                                           ? "must be above 0%"
                                                           : std::string(share.status().message()));
           }
           flags.target_ci = *share;
         },
         "more blocks until each interval reaches no further than this to either side")
      ->type_name("PERCENT");
}

void AddArms(CLI::App& app, SeqparFlags& flags) {
  app.add_option("--arms", flags.arms,
                 "what to compare with the first of them: sequential, parallel, parallel-loops, "
                 "window-K, pipeline-K")
      ->delimiter(',')
      ->type_name("LIST")
      ->default_str("sequential,parallel");
  AddList(app, "--window", flags.windows, {1, 100000},
          "an arm window-K for each K: at most K connections await a reply at once");
  AddList(app, "--pipeline", flags.pipelines, {1, 100000},
          "an arm pipeline-K for each K: in parallel, each connection with K messages under way");
  AddSize(app, "--client-loops", flags.client_loops, {1, 1024}, "threads of parallel-loops");
  app.add_flag("--aa", flags.aa,
               "the first arm twice in each block: the noise floor, without which nothing is "
               "judged");
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
  AddList(app, "-s,--size", flags->message_bytes, {1, uint64_t{1} << 30},
          "bytes per message: 1K or 1K,64K,1M")
      ->default_str("1K");
  AddSize(app, "-m,--messages", flags->messages, {1, 100000000},
          "messages per connection in each block; left out: as many as take the first arm about "
          "30 ms, from 2 to 1000")
      ->default_str("");
  AddArms(app, *flags);
  AddChoice(app, "--mode", {"ack", "echo"}, flags->mode_index, "the reply: one byte, or all bytes");
  AddChoice(app, "--pool", {"on", "off"}, flags->pool_index,
            "off: each block opens its connections, each in its turn, and closes them");
  AddChoice(app, "--nodelay", {"on", "off"}, flags->no_delay_index,
            "TCP_NODELAY of the client's connections");
  AddSize(app, "--blocks", flags->blocks, {1, 1000000},
          "repetitions, each with all arms in random order; one more before them warms up");
  AddTargetCi(app, *flags);
  AddDuration(app, "--max-time", flags->max_time, "with --target-ci: for each setting");
  AddDuration(app, "--think", flags->think, "own server: time before each reply");
  AddSize(app, "--loops", flags->loops, {0, 1024}, "own server: worker loops");
  AddDuration(app, "--connect-timeout", flags->connect_timeout, "for each connection");
  AddDuration(app, "--timeout", flags->reply_timeout,
              "a connection without a reply for so long fails, and the run ends");
  AddSize(app, "--seed", flags->seed, {}, "of the bytes, the order of the arms and the intervals");
  AddSize(app, "--max-errors", flags->max_errors, {}, "more of them end in exit code 5");
  app.add_flag("--strict", flags->strict, "a \"cannot tell\" ends in exit code 4");
  app.add_flag("--quiet", flags->quiet, "no progress lines");
  AddJson(app, flags->json);
  app.final_callback([&app, flags] { CheckTogether(app, *flags); });
  return {&app, [flags](const CommandLine& line) { return Seqpar(*flags, line); }};
}

}  // namespace spindle::bench
