#include <event2/event.h>

#include "net/compat/libevent/internal/debug.h"
#include "net/compat/libevent/internal/event_base.h"
#include "net/compat/libevent/internal/log.h"
#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

int Finalize(event* ev, event_finalize_callback_fn callback, Closure closure) {
  event_base* base = ev->ev_base;
  if (base == nullptr) {
    LogWarning("event_finalize: the event belongs to no base");
    return -1;
  }
  ScopedLock lock(base->lock);
  DebugCheckAssigned(ev, "event_finalize");
  DeleteEvent(ev, DeleteMode::kNoBlock);
  ev->ev_evcallback.evcb_closure = static_cast<ev_uint8_t>(closure);
  ev->ev_evcallback.evcb_cb_union.evcb_evfinalize = callback;
  ActivateEvent(ev, EV_FINALIZE, 1);
  SetFlag(ToCallback(ev), EVLIST_FINALIZING);
  if (closure == Closure::kFinalizeFree) DebugNoteGone(ev);
  return 0;
}

void RunFinalizer(event_callback* callback) {
  switch (ClosureOf(callback)) {
    case Closure::kFinalize:
    case Closure::kFinalizeFree: {
      const bool frees = ClosureOf(callback) == Closure::kFinalizeFree;
      event* ev = ToEvent(callback);
      if (const auto function = callback->evcb_cb_union.evcb_evfinalize) {
        function(ev, callback->evcb_arg);
      }
      if (frees) Release(ev);
      break;
    }
    case Closure::kFinalCallback:
      callback->evcb_cb_union.evcb_cbfinalize(callback, callback->evcb_arg);
      break;
    case Closure::kEvent:
    case Closure::kSignal:
    case Closure::kPersistent:
    case Closure::kCallback:
      break;
  }
}

// The next callback that is due, or null.
event_callback* AnyActive(const event_base& base) {
  for (const auto& queue : base.active) {
    if (!queue->empty()) return queue->front();
  }
  return base.later.front();
}

}  // namespace

void CancelAll(event_base& base, bool run_finalizers) {
  ScopedLock lock(base.lock);
  // Deleting changes what is walked over, so from the start each time.
  event* found = nullptr;
  const std::function<int(event*)> take = [&found](event* ev) {
    found = ev;
    return 1;
  };
  while (base.descriptors.ForEach(take) != 0) {
    DeleteEvent(found, DeleteMode::kEvenIfFinalizing);
  }
  while (base.signals.ForEach(take) != 0) DeleteEvent(found, DeleteMode::kEvenIfFinalizing);
  while (base.timers.ForEach(take) != 0) DeleteEvent(found, DeleteMode::kEvenIfFinalizing);
  // A finalizer may make others due.
  while (event_callback* callback = AnyActive(base)) {
    const bool is_final = (callback->evcb_flags & EVLIST_FINALIZING) != 0;
    base.CancelCallback(callback);
    if (is_final && run_finalizers) RunFinalizer(callback);
  }
}

}  // namespace spindle::compat

using namespace spindle::compat;

int event_finalize(unsigned, event* ev, event_finalize_callback_fn callback) {
  return Finalize(ev, callback, Closure::kFinalize);
}

int event_free_finalize(unsigned, event* ev, event_finalize_callback_fn callback) {
  return Finalize(ev, callback, Closure::kFinalizeFree);
}
