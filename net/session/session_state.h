#ifndef SPINDLE_NET_SESSION_SESSION_STATE_H_
#define SPINDLE_NET_SESSION_SESSION_STATE_H_

#include <cstdint>
#include <string_view>

namespace spindle {

// How far a session is. Each side tells the other by END that it has sent its last message, and
// acknowledges the other's END when all messages before it have been handed out. When both ENDs are
// acknowledged as far as one side can know, its session has ended by agreement.
enum class SessionState : uint8_t {
  kHello,      // The peer's HELLO has not come.
  kOpen,       // Messages in both directions.
  kEnding,     // Our END is sent, not acknowledged; the peer may send on.
  kEndAcked,   // Our END is acknowledged; the peer may send on.
  kPeerEnded,  // The peer's END has come and is acknowledged; we may send on.
  kLastAck,    // Both ENDs are sent; ours is not acknowledged.
  kAgreed,     // All is said: the connection is being shut down.
  kFailed,     // Given up by either side: the connection is being shut down, or cut.
  kClosed,     // The connection is gone and on_close has been called.
};
inline constexpr int kSessionStates = 9;

enum class SessionEvent : uint8_t {
  // Frames of the peer.
  kHello,
  kMessage,
  kPing,
  kPong,
  kEnd,
  kEndAck,
  kError,
  // Our side.
  kBadInput,  // What came is no frame.
  kClose,     // The user wants the agreed end.
  kFail,      // The user gives up.
  kSilence,   // The heartbeat found the peer dead.
  kDeadline,  // The step at hand took too long.
  kGone,      // The connection has ended.
};
inline constexpr int kSessionEvents = 13;

// What is to be done with an event, besides going to the next state.
enum class SessionAction : uint8_t {
  kNone,
  kOpen,          // Answer the HELLO (the acceptor), call on_open.
  kDeliver,       // Call on_message.
  kPong,          // Answer the PING.
  kMeasure,       // Take the round-trip time.
  kAckEnd,        // Acknowledge the END, call on_end, perhaps end as well.
  kAckAndFinish,  // Acknowledge the END; that was the last word of both.
  kFinish,        // The acknowledgement was the last word of both.
  kSendEnd,       // Send our END.
  kNoteAck,       // Our END is acknowledged: the next step's deadline.
  kPeerFailed,    // The peer has given up: note why, shut down.
  kRefuse,        // Tell the peer what it did wrong, shut down.
  kFail,          // Tell the peer that we give up, shut down.
  kCut,           // Reset the connection.
  kReport,        // Call on_close.
};

struct SessionStep {
  SessionState next = SessionState::kClosed;
  SessionAction action = SessionAction::kNone;
  // For kRefuse: what the peer did wrong, "message after end".
  const char* complaint = nullptr;
};

// The one table: what `event` means in `state`.
SessionStep NextStep(SessionState state, SessionEvent event);

// Send takes messages.
constexpr bool CanSend(SessionState state) {
  return state == SessionState::kOpen || state == SessionState::kPeerEnded;
}
// The heartbeat runs.
constexpr bool IsTalking(SessionState state) {
  return state != SessionState::kHello && state < SessionState::kAgreed;
}

// "open", "peer-ended"; a literal.
std::string_view SessionStateName(SessionState state);
std::string_view SessionEventName(SessionEvent event);

}  // namespace spindle

#endif  // SPINDLE_NET_SESSION_SESSION_STATE_H_
