#ifndef SPINDLE_BENCH_SEND_MODES_ARM_RUNNER_H_
#define SPINDLE_BENCH_SEND_MODES_ARM_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/load/cpu_time.h"
#include "bench/load/load.h"
#include "bench/report/run_record.h"
#include "bench/send_modes/framed_messages.h"
#include "bench/send_modes/send_arm.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/send/send_plan.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// Runs the arms of one setting, each over its connections: those on the loop of the caller, and,
// for arms over loops, as many on the loops of a pool. Runs the loop of this thread meanwhile.
//
// One thread. `loop`, `loops` and `messages` must outlive it. Calls that say so return early, with
// OK, once `interrupted` returns true. Errors of a call are the loop's; what went wrong with
// connections is in errors().
class ArmRunner {
 public:
  struct Options {
    size_t connections = 1;
    bool pooled = true;
    bool no_delay = true;
    Duration connect_timeout{0};
    Duration reply_timeout{0};
    Duration think{0};  // Of the server, for the timeline.
    Timeline timeline = Timeline::kOff;
  };

  // `loops` may be null if no arm is over loops; it has workers.
  ArmRunner(EventLoop& loop, EventLoopThreadPool* loops, const SocketAddress& server,
            const FramedMessages& messages, const Options& options,
            absl::FunctionRef<bool()> interrupted);

  // Opens the connections that arms over loops do or do not need, if they are pooled; may return
  // early. False if not one of them could be opened.
  absl::StatusOr<bool> Open(bool over_loops);
  // Sends `messages` over each connection, and adds what that took to `block`; may return early.
  absl::StatusOr<SendResult> Run(const SendArm& arm, uint64_t messages, BlockRecord& block);
  // Ends pooled connections, in good order.
  absl::Status Close();

  // By connection: "connection 3: wrong bytes in the reply to message 0".
  const ErrorCounts& errors() const { return errors_; }

 private:
  SendPlan& PlanFor(bool over_loops);
  void CountError(size_t connection, std::string_view error);
  CpuTime WorkersCpu(bool over_loops) const;
  uint64_t SystemCalls(bool over_loops) const;

  EventLoop& loop_;
  EventLoopThreadPool* const loops_;
  const SocketAddress server_;
  const FramedMessages& messages_;
  const Options options_;
  const absl::FunctionRef<bool()> interrupted_;
  std::unique_ptr<SendPlan> here_;
  std::unique_ptr<SendPlan> over_loops_;
  ErrorCounts errors_;
};

// Adds the spans of `result` as those of the arm with that index.
void AppendTimeline(const SendResult& result, size_t arm, std::vector<TimelineSpan>& timeline);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_ARM_RUNNER_H_
