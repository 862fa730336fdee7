// spindle seqpar: the same messages sequentially and in parallel.

#include "bench/send_modes/seqpar.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
#include "bench/cli/outputs.h"
#include "bench/cli/seqpar_flags.h"
#include "bench/cli/seqpar_record.h"
#include "bench/cli/seqpar_venue.h"
#include "bench/load/load.h"
#include "bench/netlab/interface.h"
#include "bench/netlab/net_namespace.h"
#include "bench/report/json_lines.h"
#include "bench/report/progress.h"
#include "bench/report/run_record.h"
#include "bench/report/seqpar_text.h"
#include "bench/send_modes/measure_rtt.h"
#include "net/loop/event_loop.h"

namespace spindle::bench {
namespace {

// A machine that cannot have such a network is no error of the measurement.
int FailVenue(const SeqparNetwork& network, const absl::Status& status) {
  if (network.is_lab() && absl::IsUnavailable(status)) {
    return Fail(kExitNotHere, "seqpar", FromAbsl(status.message()));
  }
  return Fail("seqpar", status);
}

// One run over all networks. One thread.
class SeqparCommand {
 public:
  SeqparCommand(const SeqparFlags& flags, const CommandLine& command_line, EventLoop& loop,
                const Interrupt& interrupt)
      : flags_(flags),
        loop_(loop),
        interrupt_(interrupt),
        progress_(flags.quiet ? Progress::Mode::kQuiet : Progress::Mode::kShow),
        next_line_(Clock::now() + progress_.period()),
        record_(SeqparRecord(flags, command_line)) {}

  int Run();

 private:
  // The exit code, if it ends the program at once.
  std::optional<int> OneNetwork(const SeqparNetwork& network, bool last);
  SeqparOptions Options(const SeqparVenue& venue, bool last);
  void ShowProgress(const SeqparNetwork& network, const SeqparProgress& at);
  int Report();

  const SeqparFlags& flags_;
  EventLoop& loop_;
  const Interrupt& interrupt_;
  Progress progress_;
  TimePoint next_line_;
  std::unique_ptr<JsonLines> lines_;
  bool described_ = false;
  RunRecord record_;
};

int SeqparCommand::Run() {
  absl::StatusOr<std::unique_ptr<JsonLines>> lines = OpenJsonLines(flags_.outputs);
  if (!lines.ok()) return Fail("seqpar", lines.status());
  lines_ = *std::move(lines);
  const std::vector<SeqparNetwork> networks = flags_.networks();
  for (size_t i = 0; i < networks.size() && !record_.interrupted && record_.errors.empty(); ++i) {
    const std::optional<int> code = OneNetwork(networks[i], i + 1 == networks.size());
    if (code.has_value()) return *code;
  }
  return Report();
}

std::optional<int> SeqparCommand::OneNetwork(const SeqparNetwork& network, bool last) {
  const absl::StatusOr<std::unique_ptr<SeqparVenue>> opened =
      SeqparVenue::Open(loop_, flags_, network);
  if (!opened.ok()) return FailVenue(network, opened.status());
  const SeqparVenue& venue = **opened;
  if (!std::exchange(described_, true)) {
    DescribeVenue(flags_, venue, record_);
    if (lines_ != nullptr) lines_->Start(record_);
  }
  SeqparOptions options = Options(venue, last);
  // Once for all settings, so that its connection is none of theirs.
  const std::optional<Duration> rtt = MeasureRtt(
      loop_, venue.address(), flags_.reply(), flags_.think,
      SaturatingAdd(TimePoint(options.reply_timeout), flags_.connect_timeout).time_since_epoch(),
      [this] { return interrupt_.requested(); });
  options.measure_rtt = [rtt] { return rtt; };
  options.on_progress = [&](const SeqparProgress& at) { ShowProgress(network, at); };
  absl::StatusOr<SeqparResult> result = RunSeqpar(loop_, venue.address(), options);
  progress_.Clear();
  if (!result.ok()) return Fail("seqpar", result.status());
  AddResult(flags_, venue, *std::move(result), record_);
  return std::nullopt;
}

SeqparOptions SeqparCommand::Options(const SeqparVenue& venue, bool last) {
  SeqparOptions options;
  options.connections = flags_.connections;
  options.message_bytes = flags_.message_bytes;
  options.arms = flags_.arms;
  options.messages = flags_.messages;
  options.reply = flags_.reply();
  options.pooled = flags_.pooled();
  options.no_delay = flags_.no_delay();
  options.client_loops = flags_.client_loops;
  options.blocks = flags_.blocks;
  options.target_ci = flags_.target_ci;
  options.max_time = flags_.max_time;
  options.equivalence = flags_.equivalence;
  options.aa = flags_.aa;
  // Only files show it.
  options.timeline = last && (flags_.outputs.json.has_value() || flags_.outputs.html.has_value());
  options.seed = flags_.seed;
  options.connect_timeout = flags_.connect_timeout;
  options.reply_timeout =
      SaturatingAdd(TimePoint(flags_.reply_timeout), flags_.think).time_since_epoch();
  options.think = flags_.think;
  const SeqparNetwork& network = venue.network();
  if (network.is_lab()) options.rtt = network.rtt;
  if (network.bits_per_second > 0) options.bits_per_second = network.bits_per_second;
  options.interrupted = [this] { return interrupt_.requested(); };
  if (lines_ != nullptr) {
    options.on_block = [this](const ArmRecord& arm, const BlockRecord& block) {
      lines_->Block(arm.name, arm.setting, block);
    };
  }
  if (const LocalServer* own = venue.own_server()) {
    options.accepted_per_loop = [own] { return own->stats().accepted_per_loop; };
  }
  options.server_cpu = [&venue] { return venue.server_cpu(); };
  options.retransmits = [&venue] { return venue.retransmits(); };
  return options;
}

void SeqparCommand::ShowProgress(const SeqparNetwork& network, const SeqparProgress& at) {
  const TimePoint now = Clock::now();
  if (now < next_line_) return;
  next_line_ = now + progress_.period();
  std::string where;
  if (network.rtt > Duration::zero()) Append(where, FormatDuration(network.rtt), " RTT, ");
  if (network.bits_per_second > 0) Append(where, FormatBitRate(network.bits_per_second), ", ");
  progress_.Show(Concat(where, at.connections, " connections of ", FormatSize(at.message_bytes),
                        ": block ", at.blocks_done, " of ", at.blocks));
}

int SeqparCommand::Report() {
  AddWarnings(flags_, record_);
  const absl::Status status =
      WriteOutputs(flags_.outputs, record_, SeqparText(record_), lines_.get());
  if (!status.ok()) return Fail("seqpar", status);
  if (record_.interrupted) return kExitInterrupted;
  if (TotalErrors(record_.errors) > flags_.max_errors) return kExitErrors;
  const bool undecided =
      std::any_of(record_.points.begin(), record_.points.end(),
                  [](const PointRecord& point) { return point.verdict == Verdict::kCannotTell; });
  return flags_.strict && undecided ? kExitCannotTell : kExitOk;
}

// Users who are not root may be so in namespaces of their own, which begin with everything down. If
// they may not, making the lab says why. Before there are threads.
void GetRightsForLabs(const SeqparFlags& flags) {
  const std::vector<SeqparNetwork> networks = flags.networks();
  const bool labs = std::any_of(networks.begin(), networks.end(),
                                [](const SeqparNetwork& network) { return network.is_lab(); });
  if (!labs || MayMakeNamespaces() || !EnterUserNamespace().ok()) return;
  BringUp("lo").IgnoreError();
}

int Seqpar(const SeqparFlags& flags, const CommandLine& command_line) {
  GetRightsForLabs(flags);
  RaiseDescriptorLimit();
  const absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "seqpar"});
  if (!loop.ok()) return Fail("seqpar", loop.status());
  const absl::StatusOr<std::unique_ptr<Interrupt>> interrupt = Interrupt::Watch(**loop);
  if (!interrupt.ok()) return Fail("seqpar", interrupt.status());
  return SeqparCommand(flags, command_line, **loop, **interrupt).Run();
}

}  // namespace

Command AddSeqpar(CLI::App& program) {
  const auto flags = std::make_shared<SeqparFlags>();
  CLI::App& app = AddCommand(program, "seqpar", "sequential against parallel sends");
  AddSeqparFlags(app, *flags);
  return {&app, [flags](const CommandLine& line) { return Seqpar(*flags, line); }};
}

}  // namespace spindle::bench
