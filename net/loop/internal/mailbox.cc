#include "net/loop/internal/mailbox.h"

#include <algorithm>

#include "base/check.h"

namespace spindle {
namespace {

// The mailboxes of the loops that this thread holds, outermost first.
std::vector<Mailbox*>& HeldMailboxes() {
  thread_local std::vector<Mailbox*> held;
  return held;
}

}  // namespace

void Mailbox::Waiter::Notify() {
  MutexLock lock(mutex);
  notified = true;
  condition.NotifyOne();
}

void Mailbox::Waiter::Wait() {
  MutexLock lock(mutex);
  while (!notified) condition.Wait(mutex);
  notified = false;
}

bool Mailbox::Post(Task&& task) {
  bool wake = false;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kClosed) return false;
    if (tasks_.empty()) {
      oldest_task_ = Clock::now();
      has_tasks_.store(true, std::memory_order_release);
    }
    tasks_.push_back(std::move(task));
    wake = TakeSleeping();
  }
  if (wake) waker_->Wake();
  return true;
}

void Mailbox::RequestQuit() {
  bool wake = false;
  {
    MutexLock lock(mutex_);
    quit_.store(true, std::memory_order_relaxed);
    wake = TakeSleeping();
  }
  if (wake) waker_->Wake();
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

TimePoint Mailbox::TakeTasks(std::vector<Task>& out) {
  MutexLock lock(mutex_);
  if (tasks_.empty()) return kNever;
  has_tasks_.store(false, std::memory_order_relaxed);
  if (out.empty()) {
    out.swap(tasks_);  // The two vectors take turns, so that neither allocates in steady state.
  } else {
    std::move(tasks_.begin(), tasks_.end(), std::back_inserter(out));
    tasks_.clear();
  }
  return oldest_task_;
}

void Mailbox::TakeHold() {
  state_ = State::kHeld;
  role_.BindToThisThread();
  HeldMailboxes().push_back(this);
}

void Mailbox::Hold() {
  MutexLock lock(mutex_);
  SPINDLE_CHECK(!HeldByThisThread()) << "Run called from inside a callback of the same loop";
  while (state_ == State::kHeld) released_.Wait(mutex_);
  SPINDLE_CHECK(state_ != State::kClosed);
  TakeHold();
}

void Mailbox::Release() {
  while (true) {
    ServeCalls();
    MutexLock lock(mutex_);
    if (!calls_.empty()) continue;
    std::erase(HeldMailboxes(), this);
    role_.Unbind();
    state_ = State::kIdle;
    sleeping_.store(false, std::memory_order_relaxed);
    released_.NotifyAll();
    return;
  }
}

void Mailbox::ServeCalls() {
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
    Waiter& waiter = call->waiter;  // `call` may be gone once it is done.
    MutexLock lock(waiter.mutex);
    call->done.store(true, std::memory_order_release);
    waiter.notified = true;
    waiter.condition.NotifyOne();
  }
}

bool Mailbox::CallAndWait(absl::FunctionRef<void()> function) {
  if (HeldByThisThread()) {
    function();
    return true;
  }
  Waiter waiter;
  Call call{.function = function, .waiter = waiter};
  bool wake = false;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kClosed) return false;
    if (state_ == State::kHeld) {
      calls_.push_back(&call);
      has_calls_.store(true, std::memory_order_release);
      wake = TakeSleeping();
      if (waiter_ != nullptr) waiter_->Notify();
    } else {
      TakeHold();
    }
  }
  if (HeldByThisThread()) {
    function();
    Release();
    return true;
  }
  if (wake) waker_->Wake();
  WaitForCall(call, waiter);
  return !call.refused;
}

void Mailbox::WaitForCall(Call& call, Waiter& waiter) {
  const std::vector<Mailbox*> held = HeldMailboxes();
  std::vector<Waiter*> outer;
  for (Mailbox* mailbox : held) outer.push_back(mailbox->SwapWaiter(&waiter));
  while (!call.done.load(std::memory_order_acquire)) {
    for (Mailbox* mailbox : held) mailbox->ServeCalls();
    if (call.done.load(std::memory_order_acquire)) break;
    waiter.Wait();
  }
  for (size_t i = 0; i < held.size(); ++i) held[i]->SwapWaiter(outer[i]);
  // The one who set `done` may still hold the waiter's mutex, which dies with our caller's frame.
  MutexLock lock(waiter.mutex);
}

Mailbox::Waiter* Mailbox::SwapWaiter(Waiter* waiter) {
  MutexLock lock(mutex_);
  if (waiter != nullptr && !calls_.empty()) waiter->Notify();
  return std::exchange(waiter_, waiter);
}

std::vector<Task> Mailbox::Close() {
  ServeCalls();
  MutexLock lock(mutex_);
  std::erase(HeldMailboxes(), this);
  role_.Unbind();
  state_ = State::kClosed;
  for (Call* call : calls_) {
    call->refused = true;
    Waiter& waiter = call->waiter;
    MutexLock waiter_lock(waiter.mutex);
    call->done.store(true, std::memory_order_release);
    waiter.notified = true;
    waiter.condition.NotifyOne();
  }
  calls_.clear();
  has_tasks_.store(false, std::memory_order_relaxed);
  return std::exchange(tasks_, {});
}

}  // namespace spindle
