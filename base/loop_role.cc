#include "base/loop_role.h"

#include "base/check.h"

namespace spindle {

namespace internal_loop_role {
constinit thread_local uint64_t this_thread_number __attribute__((tls_model("initial-exec"))) = 0;
}  // namespace internal_loop_role

namespace {
constinit std::atomic<uint64_t> last_thread_number{0};
}  // namespace

void LoopRole::BindToThisThread() {
  uint64_t& mine = internal_loop_role::this_thread_number;
  if (mine == 0) mine = last_thread_number.fetch_add(1, std::memory_order_relaxed) + 1;
  uint64_t owner = 0;
  const bool bound = owner_.compare_exchange_strong(owner, mine, std::memory_order_relaxed);
  SPINDLE_CHECK(bound || owner == mine) << "the loop already runs on another thread";
}

void LoopRole::Unbind() {
  SPINDLE_CHECK(HeldByThisThread()) << "only the thread that runs the loop may give it up";
  owner_.store(0, std::memory_order_relaxed);
}

void LoopRole::FailNotHeld() const {
  SPINDLE_CHECK(HeldByThisThread()) << "called on another thread than the loop's";
  __builtin_unreachable();
}

}  // namespace spindle
