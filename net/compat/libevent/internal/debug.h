#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEBUG_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEBUG_H_

#include <event2/event_struct.h>

#include <atomic>

namespace spindle::compat {

// The checks of event_enable_debug_mode(): which events exist, and which of them are pending. Each
// function does nothing, at the cost of a load, while the mode is off. A failed check ends the
// program. Any thread.
namespace internal_debug {
extern std::atomic<bool> mode;
void NoteAssigned(const event* ev);
void NoteGone(const event* ev);
void NotePending(const event* ev, bool pending);
void CheckAssigned(const event* ev, const char* function);
void CheckNotAdded(const event* ev, const char* function);
}  // namespace internal_debug

inline bool DebugMode() { return internal_debug::mode.load(std::memory_order_relaxed); }
inline void DebugNoteAssigned(const event* ev) {
  if (DebugMode()) internal_debug::NoteAssigned(ev);
}
inline void DebugNoteGone(const event* ev) {
  if (DebugMode()) internal_debug::NoteGone(ev);
}
inline void DebugNoteAdded(const event* ev) {
  if (DebugMode()) internal_debug::NotePending(ev, true);
}
inline void DebugNoteDeleted(const event* ev) {
  if (DebugMode()) internal_debug::NotePending(ev, false);
}
// `function` names the caller in the message.
inline void DebugCheckAssigned(const event* ev, const char* function) {
  if (DebugMode()) internal_debug::CheckAssigned(ev, function);
}
inline void DebugCheckNotAdded(const event* ev, const char* function) {
  if (DebugMode()) internal_debug::CheckNotAdded(ev, function);
}
// From the first base or event on it is too late to switch the mode on.
void DebugNoteUse();
void DebugForgetAll();

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DEBUG_H_
