#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEFERRED_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEFERRED_H_

#include <event2/event_struct.h>

namespace spindle::compat {

// Callbacks of the library's own in the queues of a base, among those of events: for what is to run
// in the loop, without the locks of whoever caused it, and once however often it was asked for.
//
// Any thread. The callback's memory is its owner's, who cancels or finalizes it before it goes.
using DeferredFunction = void (*)(event_callback* callback, void* arg);

void InitDeferred(event_callback* callback, int priority, DeferredFunction function, void* arg);
// False if it is due already. Beyond a number in one pass it becomes due in the next one.
bool ScheduleDeferred(event_base* base, event_callback* callback);
// Does not wait for one that runs.
void CancelDeferred(event_base* base, event_callback* callback);
// `function` runs once in the loop, after the callback if that runs now; the callback will not run
// any more. Whoever frees the memory does it there.
void FinalizeDeferred(event_base* base, event_callback* callback, DeferredFunction function);

// What keeps a loop going although no event is pending.
void ChangeVirtualEvents(event_base* base, int change);

// The priority of new events.
int DefaultPriority(event_base* base);

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEFERRED_H_
