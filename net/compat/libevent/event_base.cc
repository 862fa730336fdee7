#include "net/compat/libevent/internal/event_base.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "net/compat/libevent/internal/debug.h"
#include "net/compat/libevent/internal/log.h"
#include "net/compat/libevent/internal/memory.h"
#include "net/compat/libevent/internal/method.h"

using namespace spindle::compat;

namespace {

// How old the distance between the two clocks may grow, in microseconds.
constexpr Micros kWallOffsetAge = 1000000;

Micros ToMicros(spindle::TimePoint time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}

}  // namespace

event_base::event_base(const event_config* config, const char* method, int features)
    : method(method),
      features(features),
      flags(config == nullptr ? 0 : config->flags),
      files_allowed((features & EV_FEATURE_FDS) != 0),
      max_dispatch_time(config == nullptr ? kNoDeadline : config->max_dispatch_time),
      max_dispatch_callbacks(config == nullptr ? INT32_MAX : config->max_dispatch_callbacks),
      limit_after_priority(max_dispatch_time == kNoDeadline && max_dispatch_callbacks == INT32_MAX
                               ? INT32_MAX
                               : config->limit_after_priority) {
  active.push_back(std::make_unique<CallbackQueue>());
}

event_base::~event_base() {
  FreeOnceEvents(*this);
  if (loop != nullptr) {
    // The slots go first: the loop is told of nothing that it must not call.
    descriptors.Detach(/*reachable=*/!waiting);
    host().timers().Remove(*alarm);
  }
  FreeCondition(callback_done);
  FreeLock(lock);
}

bool event_base::Open() {
  absl::StatusOr<std::unique_ptr<spindle::EventLoop>> made =
      spindle::EventLoop::Create({.name = "libevent"});
  if (!made.ok()) {
    LogWarning("event_base_new: %s", std::string(made.status().message()).c_str());
    return false;
  }
  loop = *std::move(made);
  waker = host().backend().waker();
  alarm = std::make_unique<Alarm>();
  return true;
}

Micros event_base::ClockNow() { return ToMicros(loop->Now()); }

Micros event_base::Now() { return cached_now != 0 ? cached_now : ClockNow(); }

void event_base::CacheTime() {
  cached_now = (flags & EVENT_BASE_FLAG_NO_CACHE_TIME) != 0 ? 0 : ClockNow();
}

void event_base::CacheTurnTime() {
  cached_now = (flags & EVENT_BASE_FLAG_NO_CACHE_TIME) != 0 ? 0 : ToMicros(loop->now());
}

timeval event_base::WallTime(Micros monotonic) {
  if (wall_offset_read == INT64_MIN || monotonic - wall_offset_read > kWallOffsetAge) {
    timeval wall;
    gettimeofday(&wall, nullptr);
    wall_offset_read = ClockNow();
    wall_offset = ToMicros(wall) - wall_offset_read;
  }
  return ToTimeval(monotonic + wall_offset);
}

void event_base::CountAdded(int event_flags, int change) {
  if ((event_flags & EVLIST_INTERNAL) != 0) return;
  added_count += change;
  added_max = std::max(added_max, added_count);
}

void event_base::CountActive(int change) {
  active_events += change;
  active_max = std::max(active_max, active_events);
}

void event_base::InsertActive(event_callback* callback) {
  SetFlag(callback, EVLIST_ACTIVE);
  CountAdded(callback->evcb_flags, 1);
  CountActive(1);
  ++active_count;
  active[callback->evcb_pri]->PushBack(callback);
}

void event_base::RemoveActive(event_callback* callback) {
  CountAdded(callback->evcb_flags, -1);
  CountActive(-1);
  if ((callback->evcb_flags & EVLIST_ACTIVE) != 0) {
    --active_count;
    active[callback->evcb_pri]->Remove(callback);
  } else {
    later.Remove(callback);
  }
  ClearFlag(callback, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER);
}

bool event_base::Activate(event_callback* callback) {
  if ((callback->evcb_flags & (EVLIST_FINALIZING | EVLIST_ACTIVE)) != 0) return false;
  const bool was_later = (callback->evcb_flags & EVLIST_ACTIVE_LATER) != 0;
  if (was_later) RemoveActive(callback);
  InsertActive(callback);
  NotifyLoop();
  return !was_later;
}

bool event_base::ActivateLater(event_callback* callback) {
  if ((callback->evcb_flags & (EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) != 0) return false;
  SetFlag(callback, EVLIST_ACTIVE_LATER);
  CountAdded(callback->evcb_flags, 1);
  CountActive(1);
  later.PushBack(callback);
  NotifyLoop();
  return true;
}

void event_base::CancelCallback(event_callback* callback) {
  if ((callback->evcb_flags & EVLIST_INIT) != 0) {
    DeleteEvent(ToEvent(callback), DeleteMode::kEvenIfFinalizing);
  } else if ((callback->evcb_flags & (EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) != 0) {
    RemoveActive(callback);
  }
}

void event_base::MakeLaterActive() {
  while (event_callback* callback = later.front()) {
    later.Remove(callback);
    ClearFlag(callback, EVLIST_ACTIVE_LATER);
    SetFlag(callback, EVLIST_ACTIVE);
    active[callback->evcb_pri]->PushBack(callback);
    ++active_count;
    if (ClosureOf(callback) == Closure::kCallback) ++deferred_count;
  }
}

void event_base::NotifyLoop() {
  if (InLoopThread() || notified) return;
  notified = true;
  waker->Wake();
}

void event_base::EnterDispatch() {
  if (dispatching) return;
  Acquire(lock);
  dispatching = true;
}

namespace spindle::compat {

event_base*& CurrentBase() {
  static constinit event_base* current = nullptr;
  return current;
}

}  // namespace spindle::compat

event_base* event_base_new_with_config(const event_config* config) {
  DebugNoteUse();
  const Method* method = ChooseMethod(config);
  if (method == nullptr) {
    LogWarning("event_base_new: no method has what was asked for");
    return nullptr;
  }
  auto* base = New<event_base>(config, method->name, method->features);
  if (base == nullptr || !base->Open()) {
    Delete(base);
    return nullptr;
  }
  if (LockingEnabled() && (base->flags & EVENT_BASE_FLAG_NOLOCK) == 0) {
    base->lock = NewLock();
    base->callback_done = NewCondition();
  }
  return base;
}

event_base* event_base_new() {
  const event_config config;
  return event_base_new_with_config(&config);
}

static void FreeBase(event_base* base, bool run_finalizers) {
  if (base == nullptr) base = CurrentBase();
  if (base == nullptr) {
    LogWarning("event_base_free: no base to free");
    return;
  }
  if (base == CurrentBase()) CurrentBase() = nullptr;
  CancelAll(*base, run_finalizers);
  Delete(base);
}

void event_base_free(event_base* base) { FreeBase(base, /*run_finalizers=*/true); }

void event_base_free_nofinalize(event_base* base) { FreeBase(base, /*run_finalizers=*/false); }

int event_reinit(event_base* base) {
  ScopedLock lock(base->lock);
  // If the parent's loop was waiting on another thread, its locks may be held for ever here.
  const bool reachable = !base->waiting;
  base->descriptors.Detach(reachable);
  if (reachable) base->host().timers().Remove(*base->alarm);
  std::unique_ptr<spindle::EventLoop> old = std::move(base->loop);
  std::unique_ptr<Alarm> old_alarm = std::move(base->alarm);
  if (!reachable) {
    static_cast<void>(old.release());
    static_cast<void>(old_alarm.release());
  }
  base->waiting = false;
  base->notified = false;
  if (!base->Open()) {
    Fatal(1, "event_reinit: the child cannot have a loop of its own");
  }
  base->signals.Claim();
  return base->descriptors.AttachAll() ? 0 : -1;
}

int event_base_priority_init(event_base* base, int n) {
  ScopedLock lock(base->lock);
  if (base->active_count > 0 || n < 1 || n >= EVENT_MAX_PRIORITIES) return -1;
  if (static_cast<size_t>(n) == base->priorities()) return 0;
  base->active.clear();
  for (int i = 0; i < n; ++i) base->active.push_back(std::make_unique<CallbackQueue>());
  return 0;
}

int event_base_get_npriorities(event_base* base) {
  if (base == nullptr) base = CurrentBase();
  ScopedLock lock(base->lock);
  return static_cast<int>(base->priorities());
}

const char* event_base_get_method(const event_base* base) { return base->method; }

int event_base_get_features(const event_base* base) { return base->features; }

void libevent_global_shutdown() {
  // A base of event_init() is the program's to free.
  CurrentBase() = nullptr;
  DebugForgetAll();
}
