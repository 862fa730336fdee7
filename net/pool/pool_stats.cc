#include "net/pool/pool_stats.h"

#include "base/strings.h"

namespace spindle {

std::string_view PoolCloseCauseName(PoolCloseCause cause) {
  static constexpr std::array<std::string_view, kPoolCloseCauses> kNames = {
      "peer_closed", "lost_in_use",  "stale", "dirty",   "discarded", "idle_timeout",
      "max_age",     "probe_failed", "moved", "drained", "forced",    "stopped"};
  return kNames[static_cast<size_t>(cause)];
}

uint64_t PoolStats::closed_in_all() const {
  uint64_t sum = 0;
  for (const uint64_t count : closed) sum += count;
  return sum;
}

std::string PoolStats::ToString() const {
  std::string text =
      Concat("idle ", idle, ", leased ", leased, ", connecting ", connecting, ", closing ", closing,
             ", waiting ", waiting, "; opened ", opened, ", failed ", connect_failures,
             ", greetings failed ", greet_failures, ", lost early ", early_losses, "; leases ",
             leases, ", reused ", reused, ", requeued ", requeued, ", timeouts ", timeouts,
             ", cancelled ", cancelled, ", queue full ", queue_full, "; circuit ",
             CircuitStateName(circuit), ", refused ", circuit_refusals, "; closed");
  for (size_t i = 0; i < closed.size(); ++i) {
    if (closed[i] == 0) continue;
    Append(text, " ", PoolCloseCauseName(static_cast<PoolCloseCause>(i)), " ", closed[i]);
  }
  return text;
}

}  // namespace spindle
