#ifndef SPINDLE_NET_LOOP_INTERNAL_LOOP_CORE_H_
#define SPINDLE_NET_LOOP_INTERNAL_LOOP_CORE_H_

#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/live_counter.h"
#include "net/loop/event_loop.h"
#include "net/loop/internal/mailbox.h"
#include "net/loop/internal/timer_table.h"
#include "net/loop/io_host.h"

namespace spindle {

// One turn of a loop, and the parts that it runs: what EventLoop is made of.
//
// Loop thread only, but for mailbox(). Invariant: the timer of the back end is armed for the
// earliest deadline or for an earlier time, never for a later one; `armed_` says for which.
class LoopCore : private LiveCounted<EventLoop> {
 public:
  // `watchdog`: null if there is none.
  LoopCore(EventLoop& loop, EventLoopOptions options, std::unique_ptr<IoBackend> backend,
           std::unique_ptr<WatchedLoop> watchdog);
  ~LoopCore();

  // A callback that throws ends the process here, where its stack can still be seen.
  absl::StatusOr<size_t> Turn(WaitMode mode) noexcept;

  // True if a turn would do something at once: run work or tasks, serve calls, or arm the timer.
  bool NeedsTurn() const;

  // Arms the timer; true unless a turn has something to do at once. Tasks are the mailbox's to
  // tell.
  absl::StatusOr<bool> PrepareWait();

  const EventLoopOptions& options() const { return options_; }
  Mailbox& mailbox() { return *mailbox_; }
  const std::shared_ptr<Mailbox>& shared_mailbox() const { return mailbox_; }
  IoHost& host() { return host_; }
  TimerTable& timers() { return timers_; }
  uint32_t index() const { return index_; }

 private:
  IoError ArmTimer();
  size_t RunTimers();
  void ServeCalls();
  size_t RunTasks();

  const EventLoopOptions options_;
  const uint32_t index_;
  const std::shared_ptr<Mailbox> mailbox_;
  IoHost host_;
  TimerTable timers_;
  std::vector<IoEvent> events_;
  std::vector<Task> tasks_;  // Taken from the mailbox; those from next_task_ on have not run.
  std::vector<std::source_location> origins_;  // Of tasks_, where callbacks are measured.
  size_t next_task_ = 0;
  TimePoint armed_ = kNever;
  TimePoint turn_end_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_LOOP_CORE_H_
