#include "bench/send_modes/seqpar.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "base/parse.h"
#include "base/random.h"
#include "base/strings.h"
#include "bench/report/number_text.h"
#include "bench/report/statistics.h"
#include "bench/send_modes/arm_runner.h"
#include "bench/send_modes/send_arm.h"
#include "net/loop/event_loop_thread_pool.h"

namespace spindle::bench {
namespace {

// How many messages a block has unless that is given: enough to be timed, and not so many that the
// user waits for long.
constexpr Duration kBlockTime = std::chrono::milliseconds(30);
constexpr uint64_t kMinMessages = 2;
constexpr uint64_t kMaxMessages = 1000;
constexpr uint64_t kCalibrationMessages = 4;

std::vector<Duration> Walls(const ArmRecord& arm) {
  std::vector<Duration> walls;
  for (const BlockRecord& block : arm.blocks) walls.push_back(block.wall);
  return walls;
}

// Half of the interval, as a share of the ratio.
double HalfWidth(const RatioEstimate& estimate) {
  return (estimate.high - estimate.low) / 2 / estimate.ratio;
}

std::string Percent(double share) {
  return std::isfinite(share) ? FormatNumber(share * 100) + " %" : "n/a";
}

// One run of the experiment. A step that returns false was interrupted or met errors, which are in
// `result_`; then the run ends.
class Run {
 public:
  Run(EventLoop& loop, const SocketAddress& server, SeqparOptions& options)
      : loop_(loop),
        server_(server),
        options_(options),
        start_(loop.Now()),
        random_(options.seed) {}

  absl::StatusOr<SeqparResult> All();

 private:
  // What belongs to one setting.
  struct Point {
    const FramedMessages& messages;
    ArmRunner& runner;
    Setting setting = {};
    std::optional<Duration> rtt = std::nullopt;
    std::vector<ArmRecord> arms = {};
    std::vector<RatioEstimate> speedups = {};  // Of each arm but the first.
  };

  absl::Status SetUp();
  bool needs_loops() const {
    return std::any_of(arms_.begin(), arms_.end(),
                       [](const SendArm& arm) { return arm.over_loops; });
  }
  ArmRunner::Options RunnerOptions(size_t connections, Timeline timeline) const;
  absl::StatusOr<bool> OneSetting(const FramedMessages& messages, size_t connections, bool last);
  absl::StatusOr<bool> Open(ArmRunner& runner, size_t connections);
  absl::StatusOr<bool> Blocks(Point& point);
  absl::StatusOr<bool> Calibrate(Point& point);
  absl::StatusOr<bool> Block(Point& point, uint64_t number, std::vector<ArmRecord>& arms);
  absl::StatusOr<SendResult> OneArm(Point& point, const SendArm& arm, BlockRecord& block);
  bool WantsMore(Point& point, uint64_t done, TimePoint begun);
  void Compare(Point& point);
  void Report(Point point, const std::vector<uint64_t>& accepted_before);
  absl::StatusOr<bool> TimelineBlock(const Point& point);
  void CountErrors(const ArmRunner& runner, const Setting& setting);
  std::string Name(const Setting& setting) const;
  std::vector<uint64_t> Accepted();
  bool Interrupted();

  EventLoop& loop_;
  const SocketAddress server_;
  SeqparOptions& options_;
  const TimePoint start_;
  Random random_;
  std::vector<SendArm> arms_;
  std::unique_ptr<EventLoopThreadPool> loops_;
  SeqparResult result_;
};

bool Run::Interrupted() {
  if (options_.interrupted && options_.interrupted()) result_.interrupted = true;
  return result_.interrupted;
}

std::vector<uint64_t> Run::Accepted() {
  return options_.accepted_per_loop ? options_.accepted_per_loop() : std::vector<uint64_t>();
}

// "4 connections", "4 connections of 1 KiB" if there are several sizes.
std::string Run::Name(const Setting& setting) const {
  std::string name =
      Concat(setting.connections, setting.connections == 1 ? " connection" : " connections");
  if (options_.message_bytes.size() > 1) Append(name, " of ", FormatSize(setting.message_bytes));
  return name;
}

absl::Status Run::SetUp() {
  for (const std::string& name : options_.arms) {
    absl::StatusOr<SendArm> arm = ParseSendArm(name);
    if (!arm.ok()) return arm.status();
    for (const SendArm& other : arms_) {
      if (other.name != name) continue;
      return absl::InvalidArgumentError(ToAbsl(Concat("arm ", name, " is there twice")));
    }
    arms_.push_back(*std::move(arm));
  }
  if (options_.aa && !arms_.empty()) {
    arms_.push_back(arms_.front());
    arms_.back().name += "-again";
  }
  if (arms_.size() < 2) return absl::InvalidArgumentError("a comparison needs two arms");
  if (!needs_loops()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<EventLoopThreadPool>> loops =
      EventLoopThreadPool::Start(loop_, {.workers = options_.client_loops, .name = "client"});
  if (!loops.ok()) return loops.status();
  loops_ = *std::move(loops);
  return absl::OkStatus();
}

absl::StatusOr<SeqparResult> Run::All() {
  if (absl::Status status = SetUp(); !status.ok()) return status;
  size_t left = options_.message_bytes.size() * options_.connections.size();
  for (const uint64_t message_bytes : options_.message_bytes) {
    const FramedMessages messages(options_.seed, message_bytes, options_.reply);
    for (const uint64_t connections : options_.connections) {
      const absl::StatusOr<bool> go_on = OneSetting(messages, connections, --left == 0);
      if (!go_on.ok()) return go_on.status();
      if (!*go_on) return std::move(result_);
    }
  }
  return std::move(result_);
}

ArmRunner::Options Run::RunnerOptions(size_t connections, Timeline timeline) const {
  return {.connections = connections,
          .pooled = options_.pooled,
          .no_delay = options_.no_delay,
          .connect_timeout = options_.connect_timeout,
          .reply_timeout = options_.reply_timeout,
          .think = options_.think,
          .timeline = timeline};
}

absl::StatusOr<bool> Run::Open(ArmRunner& runner, size_t connections) {
  absl::StatusOr<bool> some = runner.Open(/*over_loops=*/false);
  if (some.ok() && *some && needs_loops()) some = runner.Open(/*over_loops=*/true);
  if (!some.ok()) return some;
  if (!*some && result_.points.empty() && runner.errors().size() >= connections) {
    return absl::UnavailableError(
        ToAbsl(Concat(server_.ToString(), ": ", runner.errors().begin()->first)));
  }
  return *some && !Interrupted() && runner.errors().empty();
}

absl::StatusOr<bool> Run::OneSetting(const FramedMessages& messages, size_t connections,
                                     bool last) {
  const std::vector<uint64_t> accepted_before = Accepted();
  const auto interrupted = [this] { return Interrupted(); };
  ArmRunner runner(loop_, loops_.get(), server_, messages,
                   RunnerOptions(connections, Timeline::kOff), interrupted);
  Point point{.messages = messages, .runner = runner};
  point.setting = {.connections = connections,
                   .message_bytes = messages.message_bytes(),
                   .messages = options_.messages,
                   .think = options_.think,
                   .rtt = options_.rtt,
                   .bits_per_second = options_.bits_per_second,
                   .pooled = options_.pooled};
  absl::StatusOr<bool> complete = Open(runner, connections);
  if (!complete.ok()) return complete;
  complete = *complete ? Blocks(point) : complete;
  if (!complete.ok()) return complete;
  for (size_t i = point.arms.size(); i < arms_.size(); ++i) {
    point.arms.push_back({.name = arms_[i].name, .setting = point.setting});
  }
  CountErrors(runner, point.setting);
  Compare(point);
  Report(point, accepted_before);
  if (const absl::Status status = runner.Close(); !status.ok()) return status;
  if (*complete && last && options_.timeline) complete = TimelineBlock(point);
  return complete;
}

absl::StatusOr<bool> Run::Blocks(Point& point) {
  if (options_.measure_rtt) point.rtt = options_.measure_rtt();
  absl::StatusOr<bool> good = Calibrate(point);
  for (const SendArm& arm : arms_) {
    point.arms.push_back({.name = arm.name, .setting = point.setting});
  }
  std::vector<ArmRecord> warm_up(arms_.size());
  if (good.ok() && *good) good = Block(point, 0, warm_up);
  const TimePoint begun = loop_.Now();
  for (uint64_t number = 1; good.ok() && *good && WantsMore(point, number - 1, begun); ++number) {
    std::vector<ArmRecord> block(arms_.size());
    good = Block(point, number, block);
    if (!good.ok() || !*good) break;
    for (size_t i = 0; i < arms_.size(); ++i) {
      point.arms[i].blocks.push_back(block[i].blocks.front());
      point.arms[i].latency.Merge(block[i].latency);
      if (options_.on_block) options_.on_block(point.arms[i], point.arms[i].blocks.back());
    }
    if (options_.on_progress) {
      options_.on_progress({.connections = point.setting.connections,
                            .message_bytes = point.setting.message_bytes,
                            .blocks_done = number,
                            .blocks = std::max(number, options_.blocks)});
    }
  }
  return good;
}

// Whether another block is due after `done` of them.
bool Run::WantsMore(Point& point, uint64_t done, TimePoint begun) {
  if (done < options_.blocks) return true;
  if (!options_.target_ci.has_value()) return false;
  const bool late = loop_.Now() - begun >= options_.max_time;
  // An interval costs as much as many blocks: it is looked at less and less often.
  if (!late && done > options_.blocks && (done - options_.blocks) % (1 + done / 10) != 0) {
    return true;
  }
  Compare(point);
  double widest = 0;
  const size_t compared = options_.aa ? point.speedups.size() - 1 : point.speedups.size();
  for (size_t i = 0; i < compared; ++i) {
    widest = std::max(widest, HalfWidth(point.speedups[i]));
  }
  const bool reached = widest <= *options_.target_ci;
  if (!reached && !late) return true;
  result_.warnings.push_back(Concat(
      Name(point.setting), ": intervals of ", Percent(widest), " to either side after ", done,
      " blocks, ", reached ? "as asked for" : "wider than asked for when time was up"));
  return false;
}

absl::StatusOr<bool> Run::Calibrate(Point& point) {
  if (point.setting.messages > 0) return true;
  BlockRecord block;
  const absl::StatusOr<SendResult> result =
      point.runner.Run(arms_.front(), kCalibrationMessages, block);
  if (!result.ok()) return result.status();
  if (Interrupted() || !point.runner.errors().empty()) return false;
  // What a message of each connection takes, of the first arm.
  const Duration round = block.wall / static_cast<int64_t>(kCalibrationMessages);
  const auto messages = static_cast<uint64_t>(kBlockTime / std::max(round, Duration(1)));
  point.setting.messages = std::clamp(messages, kMinMessages, kMaxMessages);
  return true;
}

absl::StatusOr<bool> Run::Block(Point& point, uint64_t number, std::vector<ArmRecord>& arms) {
  std::vector<size_t> order(arms_.size());
  std::iota(order.begin(), order.end(), 0);
  random_.Shuffle(order);
  for (size_t i = 0; i < order.size(); ++i) {
    ArmRecord& arm = arms[order[i]];
    arm.blocks.push_back({.block = number, .order = i, .start = loop_.Now() - start_});
    const absl::StatusOr<SendResult> result = OneArm(point, arms_[order[i]], arm.blocks.back());
    if (!result.ok()) return result.status();
    if (Interrupted() || !point.runner.errors().empty()) return false;
    arm.latency.Merge(result->latency);
  }
  return true;
}

absl::StatusOr<SendResult> Run::OneArm(Point& point, const SendArm& arm, BlockRecord& block) {
  const auto server_cpu = [this]() -> std::optional<CpuTime> {
    return options_.server_cpu ? options_.server_cpu() : std::nullopt;
  };
  const auto retransmits = [this]() -> std::optional<uint64_t> {
    return options_.retransmits ? options_.retransmits() : std::nullopt;
  };
  const std::optional<CpuTime> cpu = server_cpu();
  const std::optional<uint64_t> resent = retransmits();
  absl::StatusOr<SendResult> result = point.runner.Run(arm, point.setting.messages, block);
  if (const auto cpu_now = server_cpu(); cpu.has_value() && cpu_now.has_value()) {
    block.server_cpu = *cpu_now - *cpu;
  }
  if (const auto resent_now = retransmits(); resent.has_value() && resent_now.has_value()) {
    block.retransmits = *resent_now - *resent;
  }
  return result;
}

void Run::Compare(Point& point) {
  const std::vector<Duration> base = Walls(point.arms.front());
  point.speedups.clear();
  for (size_t i = 1; i < point.arms.size(); ++i) {
    // Each has a seed of its own: the same one would give all intervals the same luck.
    const uint64_t seed =
        options_.seed + point.setting.connections + point.setting.message_bytes + (i - 1) * 7919;
    point.speedups.push_back(EstimateRatio(LogRatios(base, Walls(point.arms[i])), seed));
  }
}

void Run::Report(Point point, const std::vector<uint64_t>& accepted_before) {
  std::vector<uint64_t> accepted = Accepted();
  for (size_t i = 0; i < accepted_before.size(); ++i) accepted[i] -= accepted_before[i];
  RatioEstimate itself{.low = 1, .high = 1};
  if (options_.aa && point.speedups.back().blocks >= kMinBlocks) {
    itself = point.speedups.back();
    const auto width = [](const RatioEstimate& estimate) { return estimate.high / estimate.low; };
    if (!result_.noise_floor.has_value() || width(itself) > width(*result_.noise_floor)) {
      result_.noise_floor = itself;
    }
    if (DiffersFromItself(itself)) {
      result_.warnings.push_back(Concat(Name(point.setting), ": ", arms_.front().name,
                                        " differs from itself; only what exceeds that is judged"));
    }
  }
  for (size_t i = 1; i < point.arms.size(); ++i) {
    PointRecord record{.setting = point.setting,
                       .base_arm = arms_.front().name,
                       .arm = arms_[i].name,
                       .rtt = point.rtt,
                       .speedup = point.speedups[i - 1],
                       .accepted_per_loop = accepted};
    const bool again = options_.aa && i + 1 == point.arms.size();
    record.verdict = again ? Judge(record.speedup, options_.equivalence)
                           : JudgeAbove(itself, record.speedup, options_.equivalence);
    result_.points.push_back(std::move(record));
  }
  for (ArmRecord& arm : point.arms) result_.arms.push_back(std::move(arm));
}

absl::StatusOr<bool> Run::TimelineBlock(const Point& point) {
  const auto interrupted = [this] { return Interrupted(); };
  const size_t connections = point.setting.connections;
  ArmRunner runner(loop_, loops_.get(), server_, point.messages,
                   RunnerOptions(connections, Timeline::kOn), interrupted);
  absl::StatusOr<bool> good = Open(runner, connections);
  const size_t arms = options_.arms.size();
  const size_t first_arm = result_.arms.size() - arms_.size();
  for (size_t i = 0; good.ok() && *good && i < arms; ++i) {
    BlockRecord block;
    const absl::StatusOr<SendResult> result =
        runner.Run(arms_[i], std::min(point.setting.messages, kTimelineMessages), block);
    if (!result.ok()) return result.status();
    AppendTimeline(*result, first_arm + i, result_.timeline);
    good = !Interrupted() && runner.errors().empty();
  }
  if (!good.ok()) return good;
  CountErrors(runner, point.setting);
  if (const absl::Status status = runner.Close(); !status.ok()) return status;
  return good;
}

void Run::CountErrors(const ArmRunner& runner, const Setting& setting) {
  for (const auto& [what, count] : runner.errors()) {
    result_.errors[Concat(Name(setting), ", ", what)] += count;
  }
}

}  // namespace

absl::StatusOr<SeqparResult> RunSeqpar(EventLoop& loop, const SocketAddress& server,
                                       SeqparOptions& options) {
  return Run(loop, server, options).All();
}

}  // namespace spindle::bench
