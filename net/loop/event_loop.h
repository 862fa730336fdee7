#ifndef SPINDLE_NET_LOOP_EVENT_LOOP_H_
#define SPINDLE_NET_LOOP_EVENT_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/loop_role.h"
#include "base/syscalls.h"
#include "net/backend/io_backend.h"
#include "net/loop/loop_ref.h"
#include "net/loop/loop_stats.h"
#include "net/loop/slow_callback.h"
#include "net/loop/timer.h"

namespace spindle {

class IoHost;
class LoopCore;

struct EventLoopOptions {
  // For logs and metrics.
  std::string name = "loop";
  // Per turn, so that nobody starves anybody: what is left over waits for the next turn, which then
  // does not sleep.
  size_t max_events_per_turn = 256;
  size_t max_tasks_per_turn = 1024;
  // Callbacks that run for longer are counted, logged (one line a second for all loops) and kept
  // for SlowCallbacks; LoopStats::callback_times then holds them all. Zero: callbacks are not
  // measured, which saves a read of the clock for each.
  Duration slow_callback{0};
  // A callback that runs for longer is logged while it runs, with its stack: what the line about a
  // slow callback, which comes when it has returned, cannot say of one that never does. Again at
  // twice that time, four times and so on; one line a second for each loop. A thread of its own,
  // one for all loops, looks four times in this time (at least every 250 ms), and has the loop's
  // thread write down its stack by a signal (net/loop/watchdog.h) where it finds one. In real time,
  // also on a simulated machine. Zero: no watchdog. Costs three stores for each callback.
  Duration watchdog{0};
  // Size of the block that all connections of the loop read into, in bytes.
  size_t read_block_size = 64 * 1024;
  // The kernel, or a simulated or faulty one. Must outlive the loop and every LoopRef to it.
  Syscalls* syscalls = &Syscalls::Real();
};

// One event loop: waits for I/O, timers and tasks of other threads, and runs their callbacks, one
// after the other, on the thread that calls Run.
//
// A turn: wait, I/O, timers, tasks, writes that were put off, closes.
//
// Loop thread only, but for Quit, Post, ref(), Stats, SlowCallbacks and IsInLoop. Before the first
// Run, and after the last one has returned, any one thread may use it (a set-up in main, then Run
// elsewhere); from the first Run on every entry point checks the thread, in release builds too. A
// callback that throws ends the process.
class EventLoop {
 public:
  // Errors: EMFILE, ENFILE or ENOMEM while making the epoll set, the timer or the wake-up; with a
  // watchdog EAGAIN (no thread) and RESOURCE_EXHAUSTED (no signal).
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create(EventLoopOptions options = {});

  // Must not be called while a thread is inside Run, nor from one of the loop's callbacks. Closes
  // the loop's connections (kLoopStopped, on_close is called) and destroys queued tasks and timers,
  // unrun.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs turns until Quit; then the turn at hand is finished first. Can be called again. Errors are
  // the kernel's refusal to wait (ENOMEM); callbacks' failures never end up here.
  absl::Status Run();

  // One turn. Returns how many events, timers and tasks it ran. kPoll does not wait. Leaves a quit
  // request to Run.
  absl::StatusOr<size_t> RunOnce(WaitMode mode = WaitMode::kBlock);

  // For a program that waits in a loop of its own, which poll(2), select(2) or another epoll set
  // drives. Each time, right before it waits, it calls PrepareWait: false means that there is work
  // already, so that it must not wait. Then, or once pollable_fd() is readable, it calls
  // RunOnce(WaitMode::kPoll), which may be called at any other time as well.
  //
  //   while (!done) {
  //     const bool may_wait = *loop.PrepareWait();
  //     pollfd fds[] = {{loop.pollable_fd(), POLLIN, 0}, {other_fd, POLLIN, 0}};
  //     poll(fds, 2, may_wait ? -1 : 0);
  //     if (fds[1].revents != 0) HandleOther();
  //     loop.RunOnce(WaitMode::kPoll);
  //   }
  //
  // Between the two calls the loop's own thread must set no timer and write nothing; other threads
  // may do what they always may. Quit has no effect on RunOnce. Errors: as RunOnce.
  absl::StatusOr<bool> PrepareWait();
  // The same all the loop's life. Only to be waited on: not to be read, changed or closed. Waiting
  // by edges (EPOLLET) is enough.
  int pollable_fd() const;

  // Makes Run return. Any thread. A request before Run, or between two, is kept for the next Run,
  // which then returns at once; requests do not add up.
  //
  // The loop must live until this returns, not only until it is called: Run may have returned by
  // then. So a thread that calls it is joined before the loop is destroyed; one that is not calls
  // ref().Quit(), on a reference that it got before.
  void Quit();

  // Runs `callback` once, at `when` or, if that has passed, in the next turn; never early, never
  // inside this call. Timers with equal deadlines run in the order in which they were set.
  TimerId RunAt(TimePoint when, absl::AnyInvocable<void()> callback,
                std::source_location where = std::source_location::current());

  // Runs `callback` once, `delay` from now on. Zero and negative delays mean the next turn; delays
  // that end after the end of the clock (292 years) never run.
  TimerId RunAfter(Duration delay, absl::AnyInvocable<void()> callback,
                   std::source_location where = std::source_location::current());

  // Runs `callback` every `period` (at least 1 ns; CHECKed), first one period from now on. In step:
  // the n-th call is due n periods after the start, whatever the callbacks take. If the loop comes
  // late by more than a period, the missed calls are made up for by one.
  TimerId RunEvery(Duration period, absl::AnyInvocable<void()> callback,
                   std::source_location where = std::source_location::current());

  // True if the timer was waiting, or is periodic and running now; then it does not run again, also
  // if it is due in this very turn. False for an id that has run, was cancelled or is invalid.
  bool Cancel(TimerId id);

  // Queues `task` for a later moment on the loop's thread. Any thread; see LoopRef::Post. As the
  // loop must exist at the time of the call, other threads had better use ref().
  void Post(absl::AnyInvocable<void()> task,
            std::source_location where = std::source_location::current());

  // Any thread.
  LoopRef ref() const;
  bool IsInLoop() const;

  // The time at which this turn began: cheap, and up to one turn old.
  TimePoint now() const;
  // Read afresh.
  TimePoint Now() const;

  // A copy taken between two callbacks. Any thread; waits for the loop's thread.
  LoopStats Stats() const;
  // The latest 64 that took longer than EventLoopOptions::slow_callback, oldest first. As Stats.
  std::vector<SlowCallback> SlowCallbacks() const;
  // EventLoopOptions::slow_callback; zero: callbacks are not measured. Any thread.
  Duration slow_callback_limit() const;
  const std::string& name() const;
  // 0, 1, 2 ... in the order in which the loops of this process were made.
  uint32_t index() const;
  std::string_view backend_name() const;

 private:
  friend class IoHost;
  EventLoop();

  std::unique_ptr<LoopCore> core_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_EVENT_LOOP_H_
