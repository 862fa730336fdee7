#include "bench/send_modes/measure_rtt.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "absl/status/status.h"
#include "bench/load/client_options.h"
#include "bench/send_modes/await_plan.h"
#include "net/send/send_plan.h"

namespace spindle::bench {
namespace {

constexpr uint64_t kExchanges = 10;
constexpr Duration kTime = std::chrono::seconds(1);  // That much thinking, at most.

uint64_t Exchanges(Duration think) {
  if (think <= Duration::zero()) return kExchanges;
  return std::clamp<uint64_t>(static_cast<uint64_t>(kTime / think), 1, kExchanges);
}

}  // namespace

std::optional<Duration> MeasureRtt(EventLoop& loop, const SocketAddress& server, ReplyMode reply,
                                   Duration think, Duration timeout,
                                   absl::FunctionRef<bool()> interrupted) {
  const FramedMessages messages(/*seed=*/1, /*message_bytes=*/1, reply);
  SendPlanOptions options{.connections = 1};
  options.client.connection = ClientConnectionOptions();
  options.client.connect_timeout = timeout;
  SendPlan plan(loop, server, options);
  SendRun run = messages.MakeRun(Exchanges(think), SendMode::Sequential());
  run.deadline = timeout;
  std::optional<SendResult> result;
  absl::Status status = plan.Run(std::move(run), [&](const SendResult& done) { result = done; });
  if (status.ok()) {
    status = AwaitPlan(
        loop, plan, [&] { return result.has_value(); }, interrupted);
  }
  if (!status.ok() || !result->ok()) return std::nullopt;
  return std::max(result->latency.min() - think, Duration::zero());
}

}  // namespace spindle::bench
