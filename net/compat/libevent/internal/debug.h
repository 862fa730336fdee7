#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEBUG_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEBUG_H_

#include <event2/event_struct.h>

namespace spindle::compat {

// The checks of event_enable_debug_mode(): which events exist, and which of them are pending. Each
// function does nothing, at the cost of a load, while the mode is off. A failed check ends the
// program. Any thread.
bool DebugMode();
void DebugNoteAssigned(const event* ev);
void DebugNoteGone(const event* ev);
void DebugNoteAdded(const event* ev);
void DebugNoteDeleted(const event* ev);
// `function` names the caller in the message.
void DebugCheckAssigned(const event* ev, const char* function);
void DebugCheckNotAdded(const event* ev, const char* function);
// From the first base or event on it is too late to switch the mode on.
void DebugNoteUse();
void DebugForgetAll();

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEBUG_H_
