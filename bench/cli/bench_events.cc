#include "bench/cli/bench_events.h"

#include "bench/report/run_record.h"

namespace spindle::bench {

void BenchEvents::Start(const CommandLine& command_line, const BenchMeasurement& measurement) {
  if (active()) lines_->Start(BenchRecord(flags_, command_line, measurement));
}

void BenchEvents::Interval(const LoadProgress& at) {
  const Duration now = at.elapsed - at.warmup;
  if (!active() || at.warming_up || now <= last_ || at.messages < messages_) return;
  const uint64_t messages = at.messages - messages_;
  const Setting setting{.connections = flags_.connections, .message_bytes = flags_.message_bytes};
  lines_->Interval(flags_.kind(), setting,
                   {.start = last_,
                    .length = now - last_,
                    .messages = messages,
                    .bytes = messages * flags_.message_bytes});
  last_ = now;
  messages_ = at.messages;
}

}  // namespace spindle::bench
