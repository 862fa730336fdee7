#include "bench/compare/compare_targets.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "base/random.h"
#include "base/strings.h"
#include "bench/compare/comparison.h"
#include "bench/load/cpu_time.h"
#include "bench/send_modes/arm_runner.h"
#include "bench/send_modes/send_arm.h"

namespace spindle::bench {
namespace {

constexpr uint64_t kCalibrationMessages = 20;

std::optional<CpuTime> CpuOf(const CompareTarget& target) {
  if (target.pids.empty()) return std::nullopt;
  CpuTime sum;
  for (const pid_t pid : target.pids) {
    const std::optional<CpuTime> one = ProcessCpuTime(pid);
    if (!one.has_value()) return std::nullopt;
    sum += *one;
  }
  return sum;
}

// One run of the comparison.
class Run {
 public:
  Run(EventLoop& loop, const CompareTarget& a, const CompareTarget& b,
      CompareTargetsOptions& options)
      : loop_(loop),
        options_(options),
        start_(loop.Now()),
        random_(options.seed),
        messages_(options.seed, options.message_bytes, options.reply),
        sides_{Side{a}, Side{b}} {}

  absl::StatusOr<CompareTargetsResult> All();

 private:
  struct Side {
    const CompareTarget& target;
    std::unique_ptr<ArmRunner> runner = nullptr;
    ArmRecord arm = {};
    std::vector<Histogram> latencies = {};  // Of each block.
  };

  absl::Status Connect(Side& side);
  // What a step returns: false if the run must end.
  absl::StatusOr<bool> Calibrate();
  absl::StatusOr<bool> Block(uint64_t number);
  absl::StatusOr<SendResult> OneSide(Side& side, BlockRecord& block);
  void Compare();
  bool Interrupted();

  EventLoop& loop_;
  CompareTargetsOptions& options_;
  const TimePoint start_;
  Random random_;
  const FramedMessages messages_;
  // ArmRunner keeps a reference.
  const std::function<bool()> ask_interrupted_ = [this] { return Interrupted(); };
  const SendArm arm_{.name = "parallel", .mode = SendMode::Parallel()};
  std::array<Side, 2> sides_;
  uint64_t per_connection_ = 0;
  CompareTargetsResult result_;
};

bool Run::Interrupted() {
  if (options_.interrupted && options_.interrupted()) result_.interrupted = true;
  return result_.interrupted;
}

absl::Status Run::Connect(Side& side) {
  side.runner =
      std::make_unique<ArmRunner>(loop_, nullptr, side.target.address, messages_,
                                  ArmRunner::Options{.connections = options_.connections,
                                                     .connect_timeout = options_.connect_timeout,
                                                     .reply_timeout = options_.reply_timeout},
                                  ask_interrupted_);
  const absl::StatusOr<bool> some = side.runner->Open(/*over_loops=*/false);
  if (!some.ok()) return some.status();
  if (Interrupted() || side.runner->errors().empty()) return absl::OkStatus();
  return absl::UnavailableError(
      ToAbsl(Concat(side.target.address.ToString(), ": ", side.runner->errors().begin()->first)));
}

absl::StatusOr<SendResult> Run::OneSide(Side& side, BlockRecord& block) {
  const std::optional<CpuTime> before = CpuOf(side.target);
  absl::StatusOr<SendResult> result = side.runner->Run(arm_, per_connection_, block);
  const std::optional<CpuTime> after = CpuOf(side.target);
  if (before.has_value() && after.has_value()) block.server_cpu = *after - *before;
  return result;
}

// As many messages as the slower side sends in the time of a block.
absl::StatusOr<bool> Run::Calibrate() {
  per_connection_ = kCalibrationMessages;
  Duration slowest{1};
  for (Side& side : sides_) {
    BlockRecord block;
    const absl::StatusOr<SendResult> result = OneSide(side, block);
    if (!result.ok()) return result.status();
    if (Interrupted() || !side.runner->errors().empty()) return false;
    slowest = std::max(slowest, block.wall);
  }
  const double share =
      static_cast<double>(options_.block_time.count()) / static_cast<double>(slowest.count());
  per_connection_ = std::max<uint64_t>(
      1, static_cast<uint64_t>(share * static_cast<double>(kCalibrationMessages)));
  return true;
}

absl::StatusOr<bool> Run::Block(uint64_t number) {
  std::array<size_t, 2> order = {0, 1};
  random_.Shuffle(order);
  std::array<BlockRecord, 2> blocks;
  std::array<Histogram, 2> latencies;
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t which = order[i];
    blocks[which] = {.block = number, .order = i, .start = loop_.Now() - start_};
    const absl::StatusOr<SendResult> result = OneSide(sides_[which], blocks[which]);
    if (!result.ok()) return result.status();
    if (Interrupted() || !sides_[which].runner->errors().empty()) return false;
    latencies[which] = result->latency;
  }
  if (number == 0) return true;  // Warm-up.
  for (size_t i = 0; i < sides_.size(); ++i) {
    Side& side = sides_[i];
    side.arm.blocks.push_back(blocks[i]);
    side.arm.latency.Merge(latencies[i]);
    side.latencies.push_back(std::move(latencies[i]));
    if (options_.on_block) options_.on_block(side.arm, side.arm.blocks.back());
  }
  if (options_.on_progress) options_.on_progress(number);
  return true;
}

void Run::Compare() {
  for (const Metric metric : kMetrics) {
    Samples samples;
    for (size_t i = 0; i < sides_[0].arm.blocks.size(); ++i) {
      const auto a = ValueOf(metric, sides_[0].arm.blocks[i], sides_[0].latencies[i]);
      const auto b = ValueOf(metric, sides_[1].arm.blocks[i], sides_[1].latencies[i]);
      if (!a.has_value() || !b.has_value()) continue;
      samples.a.push_back(*a);
      samples.b.push_back(*b);
    }
    if (samples.a.empty()) continue;
    result_.compare.push_back(ComparePaired(metric, samples, options_.seed, options_.equivalence));
  }
}

absl::StatusOr<CompareTargetsResult> Run::All() {
  absl::StatusOr<bool> good = true;
  for (Side& side : sides_) {
    if (absl::Status status = Connect(side); !status.ok()) return status;
  }
  if (!Interrupted()) good = Calibrate();
  for (Side& side : sides_) {
    side.arm.name = side.target.name;
    side.arm.setting = {.connections = options_.connections,
                        .message_bytes = options_.message_bytes,
                        .messages = per_connection_};
  }
  for (uint64_t number = 0; good.ok() && *good && number <= options_.blocks; ++number) {
    good = Block(number);
  }
  if (!good.ok()) return good.status();
  Compare();
  for (Side& side : sides_) {
    for (const auto& [what, count] : side.runner->errors()) {
      result_.errors[Concat(side.target.name, ": ", what)] += count;
    }
    if (const absl::Status status = side.runner->Close(); !status.ok()) return status;
    result_.arms.push_back(std::move(side.arm));
  }
  return std::move(result_);
}

}  // namespace

absl::StatusOr<CompareTargetsResult> CompareTargets(EventLoop& loop, const CompareTarget& a,
                                                    const CompareTarget& b,
                                                    CompareTargetsOptions& options) {
  return Run(loop, a, b, options).All();
}

}  // namespace spindle::bench
