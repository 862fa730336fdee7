#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/mutex.h"
#include "net/compat/libevent/internal/deferred.h"
#include "net/compat/libevent/internal/event_base.h"
#include "net/compat/libevent/internal/log.h"
#include "net/compat/libevent/internal/signals.h"

namespace spindle::compat {
namespace {

// What handlers touch: nothing but lock-free atomics.
constinit std::atomic<int> caught[NSIG] = {};
constinit std::atomic<bool> any_caught{false};
constinit std::atomic<Waker*> wake_whom{nullptr};
constinit std::atomic<int> handlers_running{0};

// Who gets the signals.
constinit Mutex owner_mutex;
constinit Signals* owner ABSL_GUARDED_BY(owner_mutex) = nullptr;
constinit int owner_handled ABSL_GUARDED_BY(owner_mutex) = 0;

void OnSignal(int signal) {
  const int saved_errno = errno;
  handlers_running.fetch_add(1);
  caught[signal].fetch_add(1);
  any_caught.store(true);
  if (Waker* waker = wake_whom.load()) waker->Wake();
  handlers_running.fetch_sub(1);
  errno = saved_errno;
}

// When it returns, no handler uses a waker that was replaced before.
void AwaitHandlers() {
  while (handlers_running.load() != 0) sched_yield();
}

bool IsSignal(int signal) { return signal > 0 && signal < NSIG; }

}  // namespace

Signals::Signals(event_base& base) : base_(base) {
  const auto take = [](event_callback*, void* self) {
    auto* signals = static_cast<Signals*>(self);
    ScopedLock lock(signals->base_.lock);
    signals->TakeCaught();
  };
  InitDeferred(&take_, /*priority=*/0, take, this);
  SetFlag(&take_, EVLIST_INTERNAL);
}

Signals::~Signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (before_[signal] == nullptr) continue;
    sigaction(signal, before_[signal].get(), nullptr);
  }
  Disown();
}

void Signals::Own() {
  // The old one is let go of when no handler can use it any more.
  const std::shared_ptr<Waker> old = std::exchange(waker_, base_.waker);
  {
    MutexLock lock(owner_mutex);
    if (owner != nullptr && owner != this && owner_handled > 0) {
      LogWarning(
          "event base %p takes over the signals from another base; only the one that added a "
          "signal "
          "or began to run last gets any",
          static_cast<void*>(&base_));
    }
    owner = this;
    owner_handled = handled_;
    wake_whom.store(waker_.get());
  }
  AwaitHandlers();
}

void Signals::Disown() {
  {
    MutexLock lock(owner_mutex);
    if (owner != this) return;
    owner = nullptr;
    owner_handled = 0;
    wake_whom.store(nullptr);
  }
  AwaitHandlers();
}

int Signals::Add(event* ev) {
  const int signal = ev->ev_fd;
  if (!IsSignal(signal)) return -1;
  int result = 0;
  if (lists_[signal].empty()) {
    ++handled_;
    Own();
    struct sigaction action = {};
    action.sa_handler = &OnSignal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    auto before = std::make_unique<struct sigaction>();
    if (sigaction(signal, &action, before.get()) != 0) {
      LogWarningErrno("cannot catch signal %d", signal);
      --handled_;
      Own();
      return -1;
    }
    before_[signal] = std::move(before);
    result = 1;
  }
  ev->ev_.ev_signal.ev_ncalls = 0;
  ev->ev_.ev_signal.ev_pncalls = nullptr;
  lists_[signal].PushFront(ev);
  return result;
}

int Signals::Remove(event* ev) {
  const int signal = ev->ev_fd;
  if (!IsSignal(signal)) return -1;
  EventList::Remove(ev);
  if (!lists_[signal].empty()) return 0;
  --handled_;
  {
    MutexLock lock(owner_mutex);
    if (owner == this) owner_handled = handled_;
  }
  const auto before = std::move(before_[signal]);
  if (sigaction(signal, before.get(), nullptr) != 0) {
    LogWarningErrno("cannot put the former handler of signal %d back", signal);
    return -1;
  }
  return 1;
}

void Signals::Claim() {
  bool owned = handled_ > 0;
  {
    MutexLock lock(owner_mutex);
    if (owner == this) {
      if (waker_ == base_.waker) return;
      owned = true;
    }
  }
  if (owned) Own();
}

void Signals::NoteCaught() {
  if (!any_caught.load(std::memory_order_relaxed)) return;
  {
    MutexLock lock(owner_mutex);
    if (owner != this) return;
  }
  base_.Activate(&take_);
}

void Signals::TakeCaught() {
  any_caught.store(false);
  for (int signal = 1; signal < NSIG; ++signal) {
    if (caught[signal].load(std::memory_order_relaxed) == 0) continue;
    Activate(signal, caught[signal].exchange(0));
  }
}

void Signals::Activate(int signal, int count) {
  if (!IsSignal(signal)) return;
  for (event* ev = lists_[signal].front(); ev != nullptr;) {
    event* next = EventList::Next(ev);
    ActivateEvent(ev, EV_SIGNAL, static_cast<short>(std::min(count, 32767)));
    ev = next;
  }
}

int Signals::ForEach(const std::function<int(event*)>& visit) const {
  for (const EventList& list : lists_) {
    for (event* ev = list.front(); ev != nullptr; ev = EventList::Next(ev)) {
      if (const int result = visit(ev); result != 0) return result;
    }
  }
  return 0;
}

}  // namespace spindle::compat
