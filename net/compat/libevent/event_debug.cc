#include <event2/event.h>

#include <atomic>
#include <unordered_map>

#include "base/mutex.h"
#include "net/compat/libevent/internal/debug.h"
#include "net/compat/libevent/internal/log.h"

namespace spindle::compat {
namespace {

constinit std::atomic<bool> too_late{false};

struct Registry {
  Mutex mutex;
  // Whether the event is pending, for each that has been assigned.
  std::unordered_map<const event*, bool> events ABSL_GUARDED_BY(mutex);
};

Registry& Events() {
  static auto* registry = new Registry;
  return *registry;
}

[[noreturn]] void Fail(const event* ev, const char* function, const char* what) {
  Fatal(kAbort, "%s: %s event %p (descriptor %d, events 0x%x)", function, what,
        static_cast<const void*>(ev), ev->ev_fd, static_cast<unsigned>(ev->ev_events));
}

}  // namespace

namespace internal_debug {

constinit std::atomic<bool> mode{false};

void NoteAssigned(const event* ev) {
  MutexLock lock(Events().mutex);
  Events().events[ev] = false;
}

void NoteGone(const event* ev) {
  MutexLock lock(Events().mutex);
  Events().events.erase(ev);
}

void NotePending(const event* ev, bool pending) {
  MutexLock lock(Events().mutex);
  Events().events[ev] = pending;
}

void CheckAssigned(const event* ev, const char* function) {
  MutexLock lock(Events().mutex);
  if (Events().events.count(ev) == 0) Fail(ev, function, "a non-initialized");
}

void CheckNotAdded(const event* ev, const char* function) {
  MutexLock lock(Events().mutex);
  const auto found = Events().events.find(ev);
  if (found != Events().events.end() && found->second) Fail(ev, function, "an already added");
}

}  // namespace internal_debug

void DebugNoteUse() { too_late.store(true, std::memory_order_relaxed); }

void DebugForgetAll() {
  if (!DebugMode()) return;
  MutexLock lock(Events().mutex);
  Events().events.clear();
}

}  // namespace spindle::compat

void event_enable_debug_mode() {
  using namespace spindle::compat;
  if (DebugMode()) Fatal(1, "event_enable_debug_mode was called twice");
  if (too_late.load(std::memory_order_relaxed)) {
    Fatal(1, "event_enable_debug_mode must come before the first event or event_base");
  }
  internal_debug::mode.store(true);
}
