#ifndef SPINDLE_NET_SESSION_SESSION_OPTIONS_H_
#define SPINDLE_NET_SESSION_SESSION_OPTIONS_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "net/session/session_close_reason.h"
#include "net/types/buffer.h"

namespace spindle {

class Session;

// What the peer's END means.
enum class PeerEndPolicy : uint8_t {
  kEndToo,       // When on_end has returned our side ends too (code 0), unless it has already.
  kKeepSending,  // Our side stays open until Close.
};

// How one side of a session behaves; the other side need not be set alike. Durations of zero mean
// "no such deadline".
struct SessionOptions {
  // Bytes of the largest message that we take; told to the peer, whose Send then refuses larger
  // ones.
  uint32_t max_message = 16 * 1024 * 1024;

  // A PING so often, also when there is traffic, for the round-trip time. Zero: none; then a peer
  // that falls silent is not found by this side.
  Duration heartbeat_interval = std::chrono::seconds(10);
  // So many intervals without any sign of life end the session: between misses and misses + 1
  // intervals after the last one. At least 1.
  uint32_t heartbeat_misses = 3;

  PeerEndPolicy peer_end = PeerEndPolicy::kEndToo;

  // Deadlines of the steps, each from its beginning:
  Duration hello_timeout = std::chrono::seconds(10);    // the connection is there -> HELLO
  Duration ack_timeout = std::chrono::seconds(10);      // our END -> its END_ACK
  Duration end_timeout = std::chrono::seconds(30);      // that END_ACK -> the peer's END
  Duration shutdown_timeout = std::chrono::seconds(5);  // all is said -> the connection's end
};

// What a user wants to hear about the sessions of a server or client: one set for all of them. Each
// is optional. The rules are those of ConnectionCallbacks: the loop's thread, never nested, any
// operation allowed inside, destroying the server included; a Session is valid until the callback
// returns.
//
// Order for one session: on_open at most once, then any of the others, then on_close once, and
// nothing after it. on_close comes for each session, also for one that never opened: who makes
// something in on_open finds in the session's data whether it is there.
struct SessionCallbacks {
  // The peer has said hello: messages may be sent.
  absl::AnyInvocable<void(Session&) const> on_open = nullptr;

  // One whole message, in order. `message` may be moved away; what is left in it is dropped. It
  // shares the chunks that it was received in: who keeps many small ones for long copies them.
  absl::AnyInvocable<void(Session&, Buffer& message) const> on_message = nullptr;

  // The peer has sent its last message: all of them have been handed out.
  absl::AnyInvocable<void(Session&, const SessionNote&) const> on_end = nullptr;

  // Queued output rose above the high water mark; fell to the low one; is empty.
  absl::AnyInvocable<void(Session&) const> on_pause = nullptr;
  absl::AnyInvocable<void(Session&) const> on_resume = nullptr;
  absl::AnyInvocable<void(Session&) const> on_drained = nullptr;

  // The server drains: end this session soon. Without it: Close(SessionCode::kGoingAway).
  absl::AnyInvocable<void(Session&) const> on_drain = nullptr;

  absl::AnyInvocable<void(Session&, const SessionCloseReason&) const> on_close = nullptr;
};

}  // namespace spindle

#endif  // SPINDLE_NET_SESSION_SESSION_OPTIONS_H_
