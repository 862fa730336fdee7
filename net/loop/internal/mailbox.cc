#include "net/loop/internal/mailbox.h"

#include <iterator>

#include "base/check.h"

namespace spindle {
namespace {

// The loops that this thread holds, innermost first, linked by Mailbox::next_held_. Needs no
// destructor, so that loops may live in static variables.
constinit thread_local Mailbox* innermost_held = nullptr;

}  // namespace

void CallWaiter::WaitServingCalls() {
  std::vector<CallWaiter*> outer;
  for (Mailbox* held = innermost_held; held != nullptr; held = held->next_held_) {
    outer.push_back(held->SwapWaiter(this));
  }
  do {
    for (Mailbox* held = innermost_held; held != nullptr; held = held->next_held_) {
      held->ServeCalls();
    }
  } while (WaitForNotice());
  auto previous = outer.begin();
  for (Mailbox* held = innermost_held; held != nullptr; held = held->next_held_) {
    held->SwapWaiter(*previous++);
  }
}

bool Mailbox::Post(Task&& task, std::source_location where) {
  bool wake = false;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kClosed) return false;
    if (tasks_.empty()) {
      oldest_task_ = clock_.Now();
      has_tasks_.store(true, std::memory_order_release);
    }
    tasks_.push_back(std::move(task));
    if (keep_origins_) origins_.push_back(where);
    wake = TakeSleeping();
  }
  if (wake) waker_->Wake();
  return true;
}

bool Mailbox::RequestQuit() {
  bool wake = false;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kClosed) return false;
    quit_.store(true, std::memory_order_relaxed);
    wake = TakeSleeping();
  }
  if (wake) waker_->Wake();
  return true;
}

bool Mailbox::TakeQuit() {
  MutexLock lock(mutex_);
  return quit_.exchange(false, std::memory_order_relaxed);
}

bool Mailbox::PrepareSleep() {
  MutexLock lock(mutex_);
  if (!tasks_.empty() || !calls_.empty() || quit_.load(std::memory_order_relaxed)) return false;
  sleeping_.store(true, std::memory_order_relaxed);
  return true;
}

TimePoint Mailbox::TakeTasks(std::vector<Task>& out, std::vector<std::source_location>& origins) {
  MutexLock lock(mutex_);
  if (tasks_.empty()) return kNever;
  has_tasks_.store(false, std::memory_order_relaxed);
  if (out.empty()) {
    out.swap(tasks_);  // The two vectors take turns, so that neither allocates in steady state.
  } else {
    std::move(tasks_.begin(), tasks_.end(), std::back_inserter(out));
    tasks_.clear();
  }
  if (keep_origins_) {
    origins.insert(origins.end(), origins_.begin(), origins_.end());
    origins_.clear();
  }
  return oldest_task_;
}

void Mailbox::TakeHold(State state) {
  state_ = state;
  if (state == State::kHeld) waited_for_ = false;
  role_.BindToThisThread();
  next_held_ = std::exchange(innermost_held, this);
}

void Mailbox::EndHold(State state) {
  SPINDLE_CHECK(innermost_held == this);
  innermost_held = next_held_;
  role_.Unbind();
  state_ = state;
  for (CallWaiter* waiter : release_waiters_) waiter->Finish();
  release_waiters_.clear();
}

void Mailbox::Hold() {
  while (true) {
    CallWaiter waiter;
    {
      MutexLock lock(mutex_);
      SPINDLE_CHECK(state_ != State::kHeld && state_ != State::kClosed && !HeldByThisThread())
          << "Run, RunOnce or the destructor of a loop that is running: from inside one of its "
             "callbacks, or on a second thread";
      if (state_ == State::kIdle) return TakeHold(State::kHeld);
      release_waiters_.push_back(&waiter);
    }
    waiter.WaitServingCalls();
  }
}

void Mailbox::Release() {
  bool wake = false;
  for (bool released = false; !released;) {
    ServeCalls();
    MutexLock lock(mutex_);
    if (!calls_.empty()) continue;
    sleeping_.store(false, std::memory_order_relaxed);
    // One who acted in the stead of a thread that waits may have left it work: a write, a timer.
    wake = std::exchange(waited_for_, false);
    EndHold(State::kIdle);
    released = true;
  }
  if (wake) waker_->Wake();
}

bool Mailbox::ReleaseToWait() {
  {
    MutexLock lock(mutex_);
    if (tasks_.empty() && calls_.empty()) {
      sleeping_.store(true, std::memory_order_relaxed);
      waited_for_ = true;
      EndHold(State::kIdle);
      return true;
    }
  }
  Release();
  return false;
}

void Mailbox::ServeCalls() noexcept {
  while (true) {
    Call* call = nullptr;
    {
      MutexLock lock(mutex_);
      if (calls_.empty()) {
        has_calls_.store(false, std::memory_order_relaxed);
        return;
      }
      call = calls_.front();
      calls_.erase(calls_.begin());
    }
    call->function();
    call->waiter.Finish();  // `call` may be gone now.
  }
}

bool Mailbox::CallAndWait(absl::FunctionRef<void()> function) noexcept {
  if (HeldByThisThread()) {
    function();
    return true;
  }
  Call call{.function = function, .waiter = {}};
  bool wake = false;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kClosed) return false;
    if (state_ == State::kIdle) {
      TakeHold(State::kBorrowed);
    } else {
      calls_.push_back(&call);
      has_calls_.store(true, std::memory_order_release);
      wake = TakeSleeping();
      if (holder_waiter_ != nullptr) holder_waiter_->Notify();
    }
  }
  if (HeldByThisThread()) {
    function();
    Release();
    return true;
  }
  if (wake) waker_->Wake();
  call.waiter.WaitServingCalls();
  return !call.refused;
}

CallWaiter* Mailbox::SwapWaiter(CallWaiter* waiter) {
  MutexLock lock(mutex_);
  if (waiter != nullptr && !calls_.empty()) waiter->Notify();
  return std::exchange(holder_waiter_, waiter);
}

std::vector<Task> Mailbox::Close() {
  ServeCalls();
  MutexLock lock(mutex_);
  EndHold(State::kClosed);
  for (Call* call : calls_) {
    call->refused = true;
    call->waiter.Finish();
  }
  calls_.clear();
  has_tasks_.store(false, std::memory_order_relaxed);
  return std::exchange(tasks_, {});
}

}  // namespace spindle
