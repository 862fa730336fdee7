#ifndef SPINDLE_BASE_LOOP_ROLE_H_
#define SPINDLE_BASE_LOOP_ROLE_H_

#include <atomic>
#include <cstdint>

#include "absl/base/optimization.h"
#include "absl/base/thread_annotations.h"

namespace spindle {

namespace internal_loop_role {
// The number of this thread, 0 until it binds a role for the first time. Never used twice, unlike
// thread ids and addresses, so a dead owner is not mistaken for a new thread. constinit and
// initial-exec make reading it a load without a call, in position-independent code too.
extern constinit thread_local uint64_t this_thread_number
    __attribute__((tls_model("initial-exec")));
}  // namespace internal_loop_role

// The right to touch what belongs to one loop, held by the thread that runs it.
//
// A capability for clang's -Wthread-safety: members are ABSL_GUARDED_BY(loop.role()), and a
// function proves that it may touch them by AssertHeld() or ABSL_EXCLUSIVE_LOCKS_REQUIRED. It locks
// nothing.
//
// While no thread is bound (set-up, and after the loop has stopped) any thread may act, one at a
// time; ordering between them is the caller's affair, such as starting or joining a thread.
class ABSL_LOCKABLE LoopRole {
 public:
  LoopRole() = default;
  LoopRole(const LoopRole&) = delete;
  LoopRole& operator=(const LoopRole&) = delete;

  // Makes the calling thread the owner. Any thread, from the loop's Run. CHECKs that no other
  // thread is bound; binding again on the owner does nothing.
  void BindToThisThread() ABSL_ASSERT_EXCLUSIVE_LOCK();

  // Ends the ownership. CHECKs that the calling thread is the owner.
  void Unbind();

  // True on the owning thread only; false on every thread while nobody is bound. Any thread.
  bool HeldByThisThread() const noexcept {
    const uint64_t owner = owner_.load(std::memory_order_relaxed);
    return owner != 0 && owner == internal_loop_role::this_thread_number;
  }

  // True while some thread is bound. Any thread; may be out of date at once.
  bool IsBound() const noexcept { return owner_.load(std::memory_order_relaxed) != 0; }

  // CHECKs, in release builds too, that the caller is the owner or that nobody is bound.
  // Two loads, a compare and a branch.
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() {
    const uint64_t owner = owner_.load(std::memory_order_relaxed);
    if (ABSL_PREDICT_TRUE(owner == internal_loop_role::this_thread_number)) return;
    if (ABSL_PREDICT_FALSE(owner != 0)) FailNotHeld();
  }

 private:
  [[noreturn]] void FailNotHeld() const;

  std::atomic<uint64_t> owner_{0};  // this_thread_number of the owner, 0: unbound
};

}  // namespace spindle

#endif  // SPINDLE_BASE_LOOP_ROLE_H_
