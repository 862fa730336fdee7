#ifndef SPINDLE_NET_SESSION_SESSION_CLOSE_REASON_H_
#define SPINDLE_NET_SESSION_SESSION_CLOSE_REASON_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "net/session/session_state.h"
#include "net/types/close_reason.h"

namespace spindle {

// Every way in which a session can end. Each session ends with exactly one of them.
enum class SessionCloseKind : uint8_t {
  kNone,             // not ended
  kAgreed,           // both sides said END: every message of either side was handed out
  kPeerSilent,       // nothing came while the heartbeat missed its answers
  kPeerStalled,      // we waited, not reading, for a peer that took none of our output
  kPeerVanished,     // the connection's FIN without an END: the peer's program is gone
  kPeerReset,        // RST: the peer's program died with input unread, or cut the connection
  kPeerUnreachable,  // the kernel gave up: TCP_USER_TIMEOUT, keep-alive, no route
  kPeerFailed,       // the peer gave up and said why: code and text
  kHelloTimeout,     // no HELLO in time
  kAckTimeout,       // our END was not acknowledged in time
  kEndTimeout,       // it was, but the peer did not end in time
  kNoSession,        // the peer speaks another protocol
  kBadVersion,       // the peer speaks another version of this one
  kProtocolError,    // the peer broke the rules: text says which
  kLocalFail,        // our Fail: code and text
  kLocalAbort,       // our Abort, or the end of the connection by our own hand
  kTimeout,          // a deadline of the connection; see `connection`
  kOutputLimit,      // queued output passed the connection's hard cap
  kStopped,          // server, client or loop were stopped or destroyed
  kIoError,          // any other failure; see `connection`
};
inline constexpr int kSessionCloseKinds = 20;

// Codes of END and ERROR are the application's, but for those from kReserved on.
struct SessionCode {
  static constexpr uint32_t kNormal = 0;
  static constexpr uint32_t kReserved = 0xffffff00;
  static constexpr uint32_t kGoingAway = 0xffffff01;      // The server drains.
  static constexpr uint32_t kProtocolError = 0xffffff02;  // What came broke the rules.
  static constexpr uint32_t kTooLong = 0xffffff03;        // More than the hello allows.
  static constexpr uint32_t kBadVersion = 0xffffff04;
  static constexpr uint32_t kTimeout = 0xffffff05;  // Of a step.
};

// What one side says at the end. `text` is at most 255 bytes, of the peer's whatever it likes.
struct SessionNote {
  uint32_t code = SessionCode::kNormal;
  std::string text = {};
  friend bool operator==(const SessionNote&, const SessionNote&) = default;
};

// Why a session ended. Value.
struct SessionCloseReason {
  SessionCloseKind kind = SessionCloseKind::kNone;
  // How far the session was when it was decided.
  SessionState state = SessionState::kHello;
  // What our END and the peer's said, if they were sent and received.
  std::optional<SessionNote> local_end = std::nullopt;
  std::optional<SessionNote> peer_end = std::nullopt;
  // kPeerFailed: what the peer said; else what we told it, or would have.
  SessionNote error = {};
  // How the connection below ended.
  CloseReason connection = {};

  bool agreed() const { return kind == SessionCloseKind::kAgreed; }
  // The peer, or the way to it, is gone, without a word.
  bool peer_lost() const {
    return kind >= SessionCloseKind::kPeerSilent && kind <= SessionCloseKind::kPeerUnreachable;
  }

  // "peer_silent" ...; stable, a literal.
  std::string_view name() const;
  // "protocol_error in open: message after end (code 4294967042)". Text of the peer is escaped.
  std::string ToString() const;
};

// What the end of a connection means to a session that had not ended by then.
SessionCloseKind KindOfConnectionEnd(const CloseReason& connection);

std::string_view SessionCloseKindName(SessionCloseKind kind);
std::ostream& operator<<(std::ostream& out, SessionCloseKind kind);
std::ostream& operator<<(std::ostream& out, const SessionCloseReason& reason);

}  // namespace spindle

#endif  // SPINDLE_NET_SESSION_SESSION_CLOSE_REASON_H_
