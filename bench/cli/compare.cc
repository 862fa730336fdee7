// spindle compare: two servers side by side, or two saved runs.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/descriptor_limit.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/cli/interrupt.h"
#include "bench/cli/outputs.h"
#include "bench/cli/reach.h"
#include "bench/compare/compare_targets.h"
#include "bench/compare/comparison.h"
#include "bench/compare/metric.h"
#include "bench/load/listener_pids.h"
#include "bench/load/resolve.h"
#include "bench/report/compare_text.h"
#include "bench/report/json_lines.h"
#include "bench/report/progress.h"
#include "bench/report/read_run.h"
#include "bench/report/run_record.h"
#include "net/loop/event_loop.h"

namespace spindle::bench {
namespace {

struct CompareFlags {
  std::vector<std::string> words;  // Two files, or one or two HOST PORT.
  bool aa = false;
  std::string arm;
  std::vector<Threshold> thresholds;
  uint64_t connections = 16;
  uint64_t message_bytes = 64;
  size_t mode_index = 0;
  uint64_t blocks = 40;
  Duration block_time = std::chrono::milliseconds(100);
  double equivalence = 0.05;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(10);
  uint64_t seed = 1;
  bool strict = false;
  bool quiet = false;
  OutputFlags outputs;

  bool saved() const {
    return words.size() == 2 && words[0].ends_with(".json") && words[1].ends_with(".json");
  }
  // Each one or two words long: unix:/path stands for itself.
  std::vector<std::vector<std::string>> endpoints() const {
    std::vector<std::vector<std::string>> all;
    for (size_t i = 0; i < words.size(); ++i) {
      all.push_back({words[i]});
      if (!words[i].starts_with("unix:") && i + 1 < words.size()) all.back().push_back(words[++i]);
    }
    return all;
  }
};

// Writes the results and says what they mean for the exit code.
int Report(const CompareFlags& flags, const RunRecord& record, JsonLines* lines) {
  std::vector<std::string> passed;
  for (const Threshold& threshold : flags.thresholds) {
    for (const CompareRecord& compare : record.compare) {
      if (compare.statistic != MetricName(threshold.metric)) continue;
      if (Passed(threshold, compare.estimate)) passed.push_back(threshold.text);
    }
  }
  const absl::Status status =
      WriteOutputs(flags.outputs, record, CompareText(record, passed), lines);
  if (!status.ok()) return Fail("compare", status);
  if (record.interrupted) return kExitInterrupted;
  if (TotalErrors(record.errors) > 0) return kExitErrors;
  if (!passed.empty()) return kExitThreshold;
  const bool undecided =
      std::any_of(record.compare.begin(), record.compare.end(), [](const CompareRecord& compare) {
        return compare.statistic == MetricName(Metric::kThroughput) &&
               compare.verdict == Verdict::kCannotTell;
      });
  return flags.strict && undecided ? kExitCannotTell : kExitOk;
}

int CompareSaved(const CompareFlags& flags, const CommandLine& command_line) {
  const absl::StatusOr<RunRecord> a = ReadRun(flags.words[0]);
  if (!a.ok()) return Fail("compare", a.status());
  const absl::StatusOr<RunRecord> b = ReadRun(flags.words[1]);
  if (!b.ok()) return Fail("compare", b.status());
  absl::StatusOr<std::vector<CompareRecord>> compare =
      CompareRuns(*a, *b, flags.arm, flags.seed, flags.equivalence);
  if (!compare.ok()) return Fail(kExitUsage, "compare", FromAbsl(compare.status().message()));
  RunRecord record{.command = command_line, .seed = flags.seed};
  record.title = Concat("A: ", flags.words[0], ", B: ", flags.words[1]);
  record.config = {{"a", flags.words[0]}, {"b", flags.words[1]}};
  record.compare = *std::move(compare);
  record.warnings.push_back(
      "saved runs were made at different times: what changed on the machine in between is in the "
      "difference");
  return Report(flags, record, nullptr);
}

absl::StatusOr<CompareTarget> FindTarget(EventLoop& loop, const CompareFlags& flags,
                                         const std::vector<std::string>& endpoint,
                                         std::string name) {
  const absl::StatusOr<std::vector<SocketAddress>> addresses = ResolveEndpoint(endpoint);
  if (!addresses.ok()) return addresses.status();
  const absl::StatusOr<SocketAddress> server =
      FirstReachable(loop, *addresses, flags.connect_timeout);
  if (!server.ok()) return server.status();
  return CompareTarget{.name = std::move(name), .address = *server, .pids = ListenerPids(*server)};
}

CompareTargetsOptions Options(const CompareFlags& flags) {
  CompareTargetsOptions options;
  options.connections = flags.connections;
  options.message_bytes = flags.message_bytes;
  options.reply = flags.mode_index == 0 ? ReplyMode::kEcho : ReplyMode::kAck;
  options.blocks = flags.blocks;
  options.block_time = flags.block_time;
  options.seed = flags.seed;
  options.equivalence = flags.equivalence;
  options.connect_timeout = flags.connect_timeout;
  options.reply_timeout = flags.reply_timeout;
  return options;
}

RunRecord LiveRecord(const CompareFlags& flags, const CommandLine& command_line,
                     const CompareTarget& a, const CompareTarget& b) {
  RunRecord record{.command = command_line, .seed = flags.seed};
  record.title =
      Concat("A: ", a.address.ToString(), ", B: ", b.address.ToString(), "; ", flags.connections,
             " connections, messages of ", flags.message_bytes, " bytes, ", flags.blocks,
             " blocks of both in random order, seed ", flags.seed);
  record.config = {{"a", a.address.ToString()},
                   {"b", b.address.ToString()},
                   {"aa", flags.aa},
                   {"connections", flags.connections},
                   {"message_bytes", flags.message_bytes},
                   {"blocks", flags.blocks},
                   {"equivalence", flags.equivalence}};
  return record;
}

int CompareLive(const CompareFlags& flags, const CommandLine& command_line) {
  RaiseDescriptorLimit();
  const absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "compare"});
  if (!loop.ok()) return Fail("compare", loop.status());
  const absl::StatusOr<std::unique_ptr<Interrupt>> interrupt = Interrupt::Watch(**loop);
  if (!interrupt.ok()) return Fail("compare", interrupt.status());
  const auto endpoints = flags.endpoints();
  const absl::StatusOr<CompareTarget> a = FindTarget(**loop, flags, endpoints[0], "A");
  if (!a.ok()) return Fail("compare", a.status());
  const absl::StatusOr<CompareTarget> b =
      FindTarget(**loop, flags, endpoints.back(), flags.aa ? "A-again" : "B");
  if (!b.ok()) return Fail("compare", b.status());
  absl::StatusOr<std::unique_ptr<JsonLines>> lines = OpenJsonLines(flags.outputs);
  if (!lines.ok()) return Fail("compare", lines.status());
  RunRecord record = LiveRecord(flags, command_line, *a, *b);
  if (*lines != nullptr) (*lines)->Start(record);

  CompareTargetsOptions options = Options(flags);
  options.interrupted = [&] { return (*interrupt)->requested(); };
  Progress progress(flags.quiet ? Progress::Mode::kQuiet : Progress::Mode::kShow);
  TimePoint next_line = Clock::now() + progress.period();
  options.on_progress = [&](uint64_t done) {
    if (Clock::now() < next_line) return;
    next_line = Clock::now() + progress.period();
    progress.Show(Concat("block ", done, " of ", flags.blocks));
  };
  options.on_block = [&](const ArmRecord& arm, const BlockRecord& block) {
    if (*lines != nullptr) (*lines)->Block(arm.name, arm.setting, block);
  };
  absl::StatusOr<CompareTargetsResult> result = CompareTargets(**loop, *a, *b, options);
  progress.Clear();
  if (!result.ok()) return Fail("compare", result.status());
  record.arms = std::move(result->arms);
  record.compare = std::move(result->compare);
  record.errors = std::move(result->errors);
  record.interrupted = result->interrupted;
  if (flags.aa && !record.compare.empty()) record.noise_floor = record.compare[0].estimate;
  return Report(flags, record, lines->get());
}

// What words and options say together. Does not return if they contradict each other.
void CheckTogether(const CompareFlags& flags) {
  if (flags.saved()) {
    if (flags.aa) RefuseOption("--aa", "is for a server, not for saved runs");
    return;
  }
  const size_t endpoints = flags.endpoints().size();
  for (const auto& endpoint : flags.endpoints()) {
    if (endpoint.size() == 1 && !endpoint[0].starts_with("unix:")) {
      RefuseOption("compare",
                   Concat("\"", endpoint[0],
                          "\": two FILE.json, or two servers, each HOST PORT or unix:/path"));
    }
  }
  if (flags.aa && endpoints != 1) RefuseOption("--aa", "takes one server");
  if (!flags.aa && endpoints != 2) {
    RefuseOption("compare", "takes two servers or two saved runs");
  }
}

}  // namespace

Command AddCompare(CLI::App& program) {
  const auto flags = std::make_shared<CompareFlags>();
  CLI::App& app = AddCommand(program, "compare", "two servers side by side, or two saved runs");
  AddText(app, "what", flags->words, "A.json B.json, or HOST PORT HOST PORT (echo servers)")
      .Type("A B")
      .Required()
      .Times(1, 4);
  AddSwitch(app, "--aa", flags->aa, "one server against itself: the noise floor");
  AddParsedList(
      app, "--fail-if",
      [flags](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) {
          flags->thresholds.push_back(ValueOrRefuse("--fail-if", ParseThreshold(text)));
        }
      },
      "exit code 1 if B differs from A by more: 'p99>+10%', 'throughput<-5%'; may be repeated")
      .Type("LIMIT");
  AddText(app, "--arm", flags->arm, "of saved runs; left out: the first that both have")
      .Type("NAME");
  AddSize(app, "-c,--connections", flags->connections, {1, 100000}, "to each server");
  AddSize(app, "-s,--size", flags->message_bytes, {1, uint64_t{1} << 30}, "bytes per message");
  AddChoice(app, "--mode", {"echo", "ack"}, flags->mode_index, "the servers' mode");
  AddSize(app, "--blocks", flags->blocks, {1, 1000000},
          "repetitions, each with both servers in random order");
  AddDuration(app, "--block-time", flags->block_time, "of each server in each block, about");
  AddPercent(app, "--equivalence", flags->equivalence,
             "servers are \"the same\" if the whole interval is within this")
      .Default("5%");
  AddDuration(app, "--connect-timeout", flags->connect_timeout, "for each connection");
  AddDuration(app, "--timeout", flags->reply_timeout, "without a reply for so long a run ends");
  AddSize(app, "--seed", flags->seed, {}, "of the bytes, the order and the intervals");
  AddSwitch(app, "--strict", flags->strict, "a throughput that cannot be told ends in exit code 4");
  AddSwitch(app, "--quiet", flags->quiet, "no progress lines");
  AddOutputs(app, flags->outputs);
  OnceParsed(app, [flags] { CheckTogether(*flags); });
  return {&app, [flags](const CommandLine& line) {
            return flags->saved() ? CompareSaved(*flags, line) : CompareLive(*flags, line);
          }};
}

}  // namespace spindle::bench
