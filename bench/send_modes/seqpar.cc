#include "bench/send_modes/seqpar.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/parse.h"
#include "base/random.h"
#include "base/strings.h"
#include "bench/load/cpu_time.h"
#include "bench/load/run_until.h"
#include "bench/report/statistics.h"
#include "bench/send_modes/windowed_sends.h"

namespace spindle::bench {
namespace {

constexpr size_t kSequential = 0;
constexpr size_t kParallel = 1;

// How many messages a block has unless that is given: enough to be timed, and not so many that the
// user waits for long.
constexpr Duration kBlockTime = std::chrono::milliseconds(30);
constexpr uint64_t kMinMessages = 2;
constexpr uint64_t kMaxMessages = 1000;
constexpr uint64_t kCalibrationMessages = 4;

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
  using Arms = std::array<ArmRecord, 2>;

  absl::StatusOr<bool> Point(size_t connections);
  absl::StatusOr<bool> Blocks(SenderPool& pool, Arms& arms);
  absl::StatusOr<bool> Calibrate(SenderPool& pool);
  absl::StatusOr<bool> Block(SenderPool& pool, uint64_t number, Arms& arms);
  absl::Status Arm(SenderPool& pool, size_t which, ArmRecord& arm);
  absl::Status Wait(absl::FunctionRef<bool()> done, TimePoint deadline);
  PointRecord Compare(const Arms& arms) const;
  std::vector<uint64_t> Accepted();
  bool Interrupted();

  EventLoop& loop_;
  const SocketAddress server_;
  SeqparOptions& options_;
  const TimePoint start_;
  Random random_;
  uint64_t messages_ = 0;  // Per connection, arm and block.
  SeqparResult result_;
};

bool Run::Interrupted() {
  if (options_.interrupted && options_.interrupted()) result_.interrupted = true;
  return result_.interrupted;
}

absl::Status Run::Wait(absl::FunctionRef<bool()> done, TimePoint deadline) {
  return RunUntil(
      loop_, [&] { return done() || Interrupted(); }, deadline);
}

std::vector<uint64_t> Run::Accepted() {
  return options_.accepted_per_loop ? options_.accepted_per_loop() : std::vector<uint64_t>();
}

absl::StatusOr<SeqparResult> Run::All() {
  for (const uint64_t connections : options_.connections) {
    const absl::StatusOr<bool> go_on = Point(connections);
    if (!go_on.ok()) return go_on.status();
    if (!*go_on) break;
  }
  return std::move(result_);
}

absl::StatusOr<bool> Run::Point(size_t connections) {
  const std::vector<uint64_t> before = Accepted();
  SenderPool pool(loop_, server_,
                  {.connections = connections,
                   .message_bytes = options_.message_bytes,
                   .reply = options_.reply,
                   .seed = options_.seed,
                   .connect_timeout = options_.connect_timeout});
  pool.Connect();
  absl::Status status = Wait([&] { return pool.connected(); }, kNever);
  if (!status.ok()) return status;
  if (pool.connected() && pool.open() == 0 && result_.points.empty()) {
    return absl::UnavailableError(
        ToAbsl(Concat(server_.ToString(), ": ", pool.errors().begin()->first)));
  }
  Arms arms = {ArmRecord{.name = "sequential"}, ArmRecord{.name = "parallel"}};
  for (ArmRecord& arm : arms) {
    arm.setting.connections = connections;
    arm.setting.message_bytes = options_.message_bytes;
  }
  absl::StatusOr<bool> complete = false;
  if (pool.open() == connections && !Interrupted()) complete = Blocks(pool, arms);
  if (!complete.ok()) return complete;

  PointRecord point = Compare(arms);
  point.accepted_per_loop = Accepted();
  for (size_t i = 0; i < before.size(); ++i) point.accepted_per_loop[i] -= before[i];
  result_.points.push_back(std::move(point));
  for (ArmRecord& arm : arms) result_.arms.push_back(std::move(arm));
  for (const auto& [what, count] : pool.errors()) {
    result_.errors[Concat(connections, " connections, ", what)] += count;
  }
  pool.Close();
  status = RunUntil(
      loop_, [&] { return pool.closed(); }, SaturatingAdd(loop_.Now(), std::chrono::seconds(3)));
  if (!status.ok()) return status;
  return complete;
}

absl::StatusOr<bool> Run::Blocks(SenderPool& pool, Arms& arms) {
  absl::StatusOr<bool> good = Calibrate(pool);
  Arms warm_up = {};
  if (good.ok() && *good) good = Block(pool, 0, warm_up);
  for (uint64_t number = 1; good.ok() && *good && number <= options_.blocks; ++number) {
    Arms block = {};
    good = Block(pool, number, block);
    if (!good.ok() || !*good) break;
    for (size_t i = 0; i < arms.size(); ++i) {
      arms[i].blocks.push_back(block[i].blocks.front());
      arms[i].latency.Merge(block[i].latency);
    }
    if (options_.on_progress) options_.on_progress({pool.size(), number, options_.blocks});
  }
  return good;
}

absl::StatusOr<bool> Run::Calibrate(SenderPool& pool) {
  messages_ = options_.messages;
  if (messages_ > 0) return true;
  messages_ = kCalibrationMessages;
  ArmRecord arm;
  arm.blocks.emplace_back();
  const absl::Status status = Arm(pool, kSequential, arm);
  if (!status.ok()) return status;
  // The median, so that one slow message does not count.
  const Duration round = arm.latency.ValueAtQuantile(0.5) * static_cast<int64_t>(pool.size());
  messages_ = static_cast<uint64_t>(kBlockTime / std::max(round, Duration(1)));
  messages_ = std::clamp(messages_, kMinMessages, kMaxMessages);
  return !Interrupted() && pool.errors().empty();
}

absl::StatusOr<bool> Run::Block(SenderPool& pool, uint64_t number, Arms& arms) {
  std::array<size_t, 2> order = {kSequential, kParallel};
  random_.Shuffle(order);
  for (size_t i = 0; i < order.size(); ++i) {
    ArmRecord& arm = arms[order[i]];
    arm.blocks.push_back({.block = number, .order = i, .start = loop_.Now() - start_});
    const absl::Status status = Arm(pool, order[i], arm);
    if (!status.ok()) return status;
    if (Interrupted() || !pool.errors().empty()) return false;
  }
  return true;
}

absl::Status Run::Arm(SenderPool& pool, size_t which, ArmRecord& arm) {
  WindowedSends sends(pool, which == kSequential ? 1 : pool.size(), messages_);
  const CpuTime cpu = ThreadCpuTime();
  sends.Start();
  while (!sends.done() && !Interrupted()) {
    const uint64_t answered = sends.answered();
    const TimePoint deadline = SaturatingAdd(loop_.Now(), options_.reply_timeout);
    const absl::Status status = Wait([&] { return sends.done(); }, deadline);
    if (!status.ok()) return status;
    if (sends.answered() == answered && !sends.done() && !Interrupted()) {
      pool.GiveUpWaiting(Concat("no reply within ", FormatDuration(options_.reply_timeout)));
    }
  }
  BlockRecord& block = arm.blocks.back();
  block.wall = sends.wall();
  block.messages = sends.answered();
  block.bytes = sends.answered() * pool.message_bytes();
  block.cpu = ThreadCpuTime() - cpu;
  arm.latency.Merge(sends.latency());
  return absl::OkStatus();
}

PointRecord Run::Compare(const Arms& arms) const {
  std::array<std::vector<Duration>, 2> walls;
  for (size_t i = 0; i < arms.size(); ++i) {
    for (const BlockRecord& block : arms[i].blocks) walls[i].push_back(block.wall);
  }
  PointRecord point{.setting = arms[0].setting};
  // Each point has a seed of its own: the same one would give all intervals the same luck.
  point.speedup = EstimateRatio(LogRatios(walls[kSequential], walls[kParallel]),
                                options_.seed + point.setting.connections);
  point.verdict = Judge(point.speedup, options_.equivalence);
  return point;
}

}  // namespace

absl::StatusOr<SeqparResult> RunSeqpar(EventLoop& loop, const SocketAddress& server,
                                       SeqparOptions& options) {
  return Run(loop, server, options).All();
}

}  // namespace spindle::bench
