#ifndef SPINDLE_NET_LOOP_INTERNAL_MAILBOX_H_
#define SPINDLE_NET_LOOP_INTERNAL_MAILBOX_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <source_location>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "base/loop_role.h"
#include "base/mutex.h"
#include "base/syscalls.h"
#include "net/backend/io_backend.h"
#include "net/loop/internal/call_waiter.h"

namespace spindle {

using Task = absl::AnyInvocable<void()>;

// A loop's face to other threads: its task queue, its quit flag and who may act in its stead. It
// outlives the loop, held by every LoopRef.
//
// Invariants, all under `mutex_`:
//  - `sleeping_` is set only while there is neither task nor call nor quit request, so whoever adds
//    one of them and finds it set is the one who wakes the loop; no other eventfd write is needed.
//  - `waited_for_` is set only while nobody holds the loop, from ReleaseToWait until it is held by
//    its thread again or has been woken; `sleeping_` is then set, too, until the wake-up.
//  - the loop is idle, held by one thread (that runs or destroys it, or acts in its stead while
//    nobody runs it), or closed. Only the holder may touch what belongs to the loop.
//  - a holder serves all waiting calls before it lets go.
// A thread takes several loops and lets go of them in the manner of a stack.
//
// Any thread, but for the functions marked "holder only".
class Mailbox {
 public:
  // `clock` must outlive the mailbox.
  Mailbox(std::shared_ptr<Waker> waker, Syscalls& clock)
      : waker_(std::move(waker)), clock_(clock) {}

  // Bound to the thread that holds the loop.
  LoopRole& role() { return role_; }

  // Notes where each task comes from, from now on. Before other threads know the mailbox.
  void KeepOrigins() { keep_origins_ = true; }

  // Queues `task` and wakes the loop if it sleeps. False, and `task` untouched, once closed.
  bool Post(Task&& task, std::source_location where);

  // Runs `function` with the rights of the loop's thread and returns when it is done: directly if
  // this thread holds the loop or nobody does, else on the holder's thread between two of its
  // callbacks. While it waits, this thread serves calls made to the loops that it holds itself, so
  // two loops may call each other at once. False, and nothing done, once closed.
  // Not guaranteed: progress, while the other loop's callback waits for this thread by other means.
  bool CallAndWait(absl::FunctionRef<void()> function) noexcept;

  // Makes the current Run return, or the next one. Any thread. False once closed.
  bool RequestQuit();

  // Takes the loop for this thread, to run or to destroy it. Waits, serving calls, for one who acts
  // in its stead; CHECKs that nobody runs it, this thread included.
  void Hold();
  // Holder only: serves the calls that wait, then lets go of the loop.
  void Release();

  // Holder only: lets go of the loop while its thread waits in a loop of its own. True if it may,
  // and then whoever leaves a task, or acts in the loop's stead, wakes the back end. False if
  // somebody left something meanwhile. Either way the hold has ended.
  bool ReleaseToWait();

  // Holder only. True if a quit was requested since the last time that this returned true.
  bool TakeQuit();
  bool quit_requested() const { return quit_.load(std::memory_order_relaxed); }

  // Holder only: true if the loop may sleep now. False if somebody left something meanwhile.
  bool PrepareSleep();
  // Holder only: the loop is awake again; spares others a wake-up.
  void Awake() { sleeping_.store(false, std::memory_order_relaxed); }

  // Holder only: appends what has been posted to `out`, in order, and where each comes from to
  // `origins` if that is kept. Returns when the oldest of them was posted, kNever if there was
  // none.
  TimePoint TakeTasks(std::vector<Task>& out, std::vector<std::source_location>& origins);
  bool has_tasks() const { return has_tasks_.load(std::memory_order_acquire); }

  // Holder only: runs the calls of other threads that wait. A call that throws ends the process.
  void ServeCalls() noexcept;
  bool has_calls() const { return has_calls_.load(std::memory_order_acquire); }

  // Holder only: nothing is accepted from now on, and the hold ends. Returns the tasks that never
  // ran.
  std::vector<Task> Close();

  // True if the calling thread holds the loop.
  bool HeldByThisThread() const { return role_.HeldByThisThread(); }

 private:
  friend class CallWaiter;
  enum class State : uint8_t {
    kIdle,
    kHeld,      // By one who runs or destroys the loop.
    kBorrowed,  // By one who acts in its stead.
    kClosed,
  };
  struct Call {
    absl::FunctionRef<void()> function;
    CallWaiter waiter;
    bool refused = false;  // The loop was closed first. Written before the wait ends.
  };

  void TakeHold(State state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndHold(State state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the waiter before, to be put back: waits nest.
  CallWaiter* SwapWaiter(CallWaiter* waiter) ABSL_LOCKS_EXCLUDED(mutex_);
  bool TakeSleeping() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool sleeping = sleeping_.load(std::memory_order_relaxed);
    if (sleeping) sleeping_.store(false, std::memory_order_relaxed);
    return sleeping;
  }

  const std::shared_ptr<Waker> waker_;
  Syscalls& clock_;
  bool keep_origins_ = false;
  LoopRole role_;
  Mailbox* next_held_ = nullptr;  // Holder only: the loop that the thread took before this one.

  mutable Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kIdle;
  bool waited_for_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::source_location> origins_ ABSL_GUARDED_BY(mutex_);
  std::vector<Call*> calls_ ABSL_GUARDED_BY(mutex_);
  // The holder's, while it waits for another loop.
  CallWaiter* holder_waiter_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Of those who wait for the end of a borrowing.
  std::vector<CallWaiter*> release_waiters_ ABSL_GUARDED_BY(mutex_);
  TimePoint oldest_task_ ABSL_GUARDED_BY(mutex_) = kNever;
  // Written under `mutex_`, but for Awake; read without it as hints.
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> has_tasks_{false};
  std::atomic<bool> has_calls_{false};
  std::atomic<bool> quit_{false};
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_MAILBOX_H_
