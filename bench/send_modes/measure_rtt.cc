#include "bench/send_modes/measure_rtt.h"

#include <algorithm>

#include "absl/status/status.h"
#include "bench/load/client_options.h"
#include "bench/load/run_until.h"
#include "net/send/send_plan.h"

namespace spindle::bench {
namespace {

constexpr uint64_t kExchanges = 10;

}  // namespace

std::optional<Duration> MeasureRtt(EventLoop& loop, const SocketAddress& server, ReplyMode reply,
                                   Duration think, Duration timeout) {
  const FramedMessages messages(/*seed=*/1, /*message_bytes=*/1, reply);
  SendPlanOptions options{.connections = 1};
  options.client.connection = ClientConnectionOptions();
  options.client.connect_timeout = timeout;
  SendPlan plan(loop, server, options);
  SendRun run = messages.MakeRun(kExchanges, SendMode::Sequential());
  run.deadline = timeout;
  std::optional<SendResult> result;
  absl::Status status = plan.Run(std::move(run), [&](const SendResult& done) { result = done; });
  if (status.ok()) {
    status = RunUntil(loop, [&] { return result.has_value(); });
  }
  if (!status.ok() || !result->ok()) return std::nullopt;
  return std::max(result->latency.min() - think, Duration::zero());
}

}  // namespace spindle::bench
