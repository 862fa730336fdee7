#ifndef SPINDLE_NET_STREAM_INTERNAL_CLOSE_STATE_H_
#define SPINDLE_NET_STREAM_INTERNAL_CLOSE_STATE_H_

#include <cstdint>
#include <string_view>

namespace spindle {

// How far a connection is on its way to the end. "Our FIN" is sent when the output that was queued
// before it has been given to the kernel.
enum class CloseState : uint8_t {
  kOpen,         // Both directions.
  kPeerDone,     // The peer's FIN is here; we write on.
  kHalfClosing,  // ShutdownWrite: output first, then our FIN; we read on.
  kHalfClosed,   // Our FIN is sent; we read on.
  kFlushing,     // Close: output first; input is discarded.
  kFinishing,    // Close, and the peer's FIN is here: output first, then the end.
  kLingering,    // Close: our FIN is sent; input is discarded until the peer's.
  kClosed,       // The descriptor is closed.
};
inline constexpr int kCloseStates = 8;

enum class CloseEvent : uint8_t {
  kPeerFin,        // recv returned 0.
  kShutdownWrite,  // The user wants no more output than is queued.
  kClose,          // The user wants the end, after the output that is queued.
  kFlushed,        // No output is queued (any more).
  kFatal,          // Abort, an error, a deadline, the end of the owner or the loop.
};
inline constexpr int kCloseEvents = 5;

// The state after `event` in `state`; the same state where the event means nothing.
CloseState Next(CloseState state, CloseEvent event);

// The user may queue output.
constexpr bool CanWrite(CloseState state) {
  return state == CloseState::kOpen || state == CloseState::kPeerDone;
}
// Received bytes go to the user.
constexpr bool DeliversInput(CloseState state) {
  return state == CloseState::kOpen || state == CloseState::kHalfClosing ||
         state == CloseState::kHalfClosed;
}
// Received bytes are discarded: we only wait for the peer's FIN.
constexpr bool DiscardsInput(CloseState state) {
  return state == CloseState::kFlushing || state == CloseState::kLingering;
}
// Once no output is queued, our FIN (or the end) follows.
constexpr bool EndsWhenFlushed(CloseState state) {
  return state == CloseState::kHalfClosing || state == CloseState::kFlushing ||
         state == CloseState::kFinishing;
}

std::string_view CloseStateName(CloseState state);

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_CLOSE_STATE_H_
