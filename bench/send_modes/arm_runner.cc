#include "bench/send_modes/arm_runner.h"

#include <optional>
#include <utility>

#include "base/strings.h"
#include "bench/load/client_options.h"
#include "bench/load/cpu_time.h"
#include "bench/load/run_until.h"
#include "bench/send_modes/await_plan.h"
#include "net/loop/loop_stats.h"

namespace spindle::bench {
namespace {

constexpr Duration kCloseTime = std::chrono::seconds(3);

std::string_view Hint(ReplyMode mode) {
  return mode == ReplyMode::kAck ? " (is the server in mode ack?)"
                                 : " (is the server in mode echo?)";
}

TimelineSpan ToRecord(const SendSpan& span, size_t arm) {
  TimelineSpan record{.arm = arm,
                      .connection = span.connection,
                      .message = span.message,
                      .start = span.start,
                      .length = span.length};
  switch (span.phase) {
    case SendPhase::kConnect:
      record.phase = TimelineSpan::Phase::kConnect;
      break;
    case SendPhase::kWrite:
      record.phase = TimelineSpan::Phase::kWrite;
      break;
    case SendPhase::kInFlight:
      record.phase = TimelineSpan::Phase::kInFlight;
      break;
    case SendPhase::kThink:
      record.phase = TimelineSpan::Phase::kThink;
      break;
    case SendPhase::kAck:
      record.phase = TimelineSpan::Phase::kAck;
      break;
    case SendPhase::kClose:
      record.phase = TimelineSpan::Phase::kClose;
      break;
  }
  return record;
}

CpuTime Sum(const CpuTime& a, const CpuTime& b) {
  return {a.user + b.user, a.system + b.system, a.context_switches + b.context_switches};
}

uint64_t SystemCallsOf(const EventLoop& loop) {
  const LoopStats stats = loop.Stats();
  return stats.reads + stats.writes + stats.turns;
}

}  // namespace

void AppendTimeline(const SendResult& result, size_t arm, std::vector<TimelineSpan>& timeline) {
  for (const SendSpan& span : result.timeline) timeline.push_back(ToRecord(span, arm));
}

ArmRunner::ArmRunner(EventLoop& loop, EventLoopThreadPool* loops, const SocketAddress& server,
                     const FramedMessages& messages, const Options& options,
                     absl::FunctionRef<bool()> interrupted)
    : loop_(loop),
      loops_(loops),
      server_(server),
      messages_(messages),
      options_(options),
      interrupted_(interrupted) {}

SendPlan& ArmRunner::PlanFor(bool over_loops) {
  std::unique_ptr<SendPlan>& plan = over_loops ? over_loops_ : here_;
  if (plan != nullptr) return *plan;
  SendPlanOptions options{.connections = options_.connections};
  options.kind = options_.pooled ? SendConnections::kPooled : SendConnections::kFresh;
  options.client.connection = ClientConnectionOptions();
  options.client.connection.no_delay = options_.no_delay;
  // As close(2) does: our FIN, and nobody waits for the server's.
  if (!options_.pooled) options.client.connection.linger_timeout = Duration::zero();
  options.client.connect_timeout = options_.connect_timeout;
  // One after the other: a server that deals them out in turn does so in the order of their
  // numbers.
  options.connects_at_once = 1;
  options.timeline = options_.timeline;
  EventLoop* const here[] = {&loop_};
  plan = std::make_unique<SendPlan>(
      loop_, over_loops ? loops_->loops() : std::span<EventLoop* const>(here), server_, options);
  return *plan;
}

absl::StatusOr<bool> ArmRunner::Open(bool over_loops) {
  if (!options_.pooled) return true;
  SendPlan& plan = PlanFor(over_loops);
  std::optional<OpenResult> opened;
  absl::Status status = plan.Open([&](const OpenResult& result) { opened = result; });
  if (status.ok()) {
    status = AwaitPlan(
        loop_, plan, [&] { return opened.has_value(); }, interrupted_);
  }
  if (!status.ok()) return status;
  if (interrupted_()) return true;
  for (const OpenResult::Failure& failure : opened->failures) {
    CountError(failure.connection, failure.error);
  }
  return opened->open > 0;
}

absl::StatusOr<SendResult> ArmRunner::Run(const SendArm& arm, uint64_t messages,
                                          BlockRecord& block) {
  SendPlan& plan = PlanFor(arm.over_loops);
  SendRun run = messages_.MakeRun(messages, arm.mode);
  run.reply_timeout = options_.reply_timeout;
  run.think = options_.think;
  const uint64_t calls = SystemCalls(arm.over_loops);
  // Asking the other threads costs switches: it is done outside of what this thread counts.
  const CpuTime workers = WorkersCpu(arm.over_loops);
  const CpuTime cpu = ThreadCpuTime();
  std::optional<SendResult> result;
  absl::Status status = plan.Run(std::move(run), [&](const SendResult& done) { result = done; });
  if (status.ok()) {
    status = AwaitPlan(
        loop_, plan, [&] { return result.has_value(); }, interrupted_);
  }
  if (!status.ok()) return status;
  block.cpu = ThreadCpuTime() - cpu;
  block.cpu = Sum(block.cpu, WorkersCpu(arm.over_loops) - workers);
  block.system_calls = SystemCalls(arm.over_loops) - calls;
  block.wall = options_.pooled ? result->wall : result->wall_to_close;
  block.messages = result->answered;
  block.bytes = result->answered * messages_.message_bytes();
  if (result->status == SendStatus::kCancelled) return *std::move(result);
  for (size_t i = 0; i < result->connections.size(); ++i) {
    const std::string& error = result->connections[i].error;
    if (!error.empty()) CountError(i, error);
  }
  return *std::move(result);
}

absl::Status ArmRunner::Close() {
  if (!options_.pooled) return absl::OkStatus();
  for (const std::unique_ptr<SendPlan>& plan : {std::move(here_), std::move(over_loops_)}) {
    if (plan == nullptr) continue;
    bool closed = false;
    absl::Status status = plan->Close([&] { closed = true; });
    if (status.ok()) {
      status = RunUntil(
          loop_, [&] { return closed; }, SaturatingAdd(loop_.Now(), kCloseTime));
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void ArmRunner::CountError(size_t connection, std::string_view error) {
  const bool wrong = error.starts_with("wrong bytes");
  ++errors_[Concat("connection ", connection, ": ", error, wrong ? Hint(messages_.reply()) : "")];
}

CpuTime ArmRunner::WorkersCpu(bool over_loops) const {
  CpuTime sum;
  if (!over_loops) return sum;
  for (EventLoop* const loop : loops_->loops()) {
    loop->ref().CallAndWait([&] { sum = Sum(sum, ThreadCpuTime()); });
  }
  return sum;
}

uint64_t ArmRunner::SystemCalls(bool over_loops) const {
  uint64_t sum = SystemCallsOf(loop_);
  if (!over_loops) return sum;
  for (EventLoop* const loop : loops_->loops()) sum += SystemCallsOf(*loop);
  return sum;
}

}  // namespace spindle::bench
