#ifndef SPINDLE_NET_LOOP_LOOP_REF_H_
#define SPINDLE_NET_LOOP_LOOP_REF_H_

#include <memory>
#include <source_location>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"

namespace spindle {

class Mailbox;

// A reference to a loop for any thread, which may outlive the loop: then every call returns false
// and does nothing. Copyable; a copy costs one atomic increment. A default-made one names no loop.
class LoopRef {
 public:
  LoopRef() = default;
  explicit LoopRef(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}

  // Queues `task` for the loop's thread. Any thread, also the loop's own; the task never runs
  // inside this call. Tasks of one thread run in the order in which it posted them. False if the
  // loop is gone: `task` is then destroyed here, unrun. A task that is queued when the loop is
  // destroyed is destroyed by the thread that destroys the loop, unrun.
  bool Post(absl::AnyInvocable<void()> task,
            std::source_location where = std::source_location::current()) const;

  // Runs `function` as if in a callback of the loop and returns when it has run: directly on the
  // loop's own thread or while nobody runs the loop, else on the loop's thread. A thread that
  // waits here serves calls to the loop that it runs itself, so two loops can call each other.
  // False, and nothing done, if the loop is gone.
  // Not guaranteed: an end, if the loop's thread waits for this one by other means.
  bool CallAndWait(absl::FunctionRef<void()> function) const;

  // EventLoop::Quit, for threads that may outlive the loop. Any thread. False if it is gone.
  bool Quit() const;

  // True on the thread that runs the loop.
  bool IsInLoop() const;

  explicit operator bool() const { return mailbox_ != nullptr; }
  friend bool operator==(const LoopRef& a, const LoopRef& b) = default;

 private:
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_LOOP_REF_H_
