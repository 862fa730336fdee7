#include "net/compat/libevent/internal/deferred.h"
#include "net/compat/libevent/internal/event_base.h"

namespace spindle::compat {
namespace {

// More than these in one pass wait for the next, so that they do not keep out everything else.
constexpr int kMaxPerPass = 32;

}  // namespace

void InitDeferred(event_callback* callback, int priority, DeferredFunction function, void* arg) {
  *callback = {};
  callback->evcb_pri = static_cast<ev_uint8_t>(priority);
  callback->evcb_closure = static_cast<ev_uint8_t>(Closure::kCallback);
  callback->evcb_cb_union.evcb_selfcb = function;
  callback->evcb_arg = arg;
}

bool ScheduleDeferred(event_base* base, event_callback* callback) {
  ScopedLock lock(base->lock);
  if ((callback->evcb_flags & EVLIST_FINALIZING) != 0) return false;
  if (base->deferred_count > kMaxPerPass) return base->ActivateLater(callback);
  const bool scheduled = base->Activate(callback);
  if (scheduled) ++base->deferred_count;
  return scheduled;
}

void CancelDeferred(event_base* base, event_callback* callback) {
  ScopedLock lock(base->lock);
  if ((callback->evcb_flags & EVLIST_FINALIZING) == 0) base->CancelCallback(callback);
}

void FinalizeDeferred(event_base* base, event_callback* callback, DeferredFunction function) {
  ScopedLock lock(base->lock);
  base->CancelCallback(callback);
  callback->evcb_closure = static_cast<ev_uint8_t>(Closure::kFinalCallback);
  callback->evcb_cb_union.evcb_cbfinalize = function;
  base->Activate(callback);
  SetFlag(callback, EVLIST_FINALIZING);
}

void ChangeVirtualEvents(event_base* base, int change) {
  ScopedLock lock(base->lock);
  base->virtual_count += change;
  if (base->virtual_count > base->virtual_max) base->virtual_max = base->virtual_count;
  if (change < 0 && base->virtual_count == 0) base->NotifyLoop();
}

int DefaultPriority(event_base* base) {
  ScopedLock lock(base->lock);
  return static_cast<int>(base->priorities() / 2);
}

}  // namespace spindle::compat
