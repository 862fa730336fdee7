#ifndef SPINDLE_NET_SESSION_SESSION_H_
#define SPINDLE_NET_SESSION_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/live_counter.h"
#include "base/user_slot.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer_queue.h"
#include "net/session/frame_codec.h"
#include "net/session/internal/heartbeat.h"
#include "net/session/session_close_reason.h"
#include "net/session/session_handle.h"
#include "net/session/session_options.h"
#include "net/session/session_state.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/types/buffer.h"
#include "net/types/close_reason.h"
#include "net/types/io_error.h"

namespace spindle {

// Callbacks for a StreamServer or StreamClient whose connections are to be sessions:
//
//   StreamServer::Listen(*pool, address, AcceptorSessions({.on_message = ...}, {...}));
//   StreamClient client(*loop, address, InitiatorSessions({.on_message = ...}, {...}));
//
// The initiator says hello first; so a program of another protocol that connects to an acceptor
// gets one line of text and the end of the connection, and nothing else. CHECKs the options
// (heartbeat_misses >= 1, no negative durations). The connections' own slot for user data holds the
// Session: users keep theirs in Session::EmplaceData.
ConnectionCallbacks AcceptorSessions(SessionCallbacks callbacks, SessionOptions options = {});
ConnectionCallbacks InitiatorSessions(SessionCallbacks callbacks, SessionOptions options = {});

struct SessionStats {
  uint64_t messages_sent = 0;      // Taken by Send.
  uint64_t messages_received = 0;  // Handed to on_message.
  uint32_t missed_beats = 0;       // Intervals without a sign of life until now.
  // Of the heartbeat; negative while unknown. It includes what waited in queues before the PING.
  Duration last_rtt{-1};
  Duration smoothed_rtt{-1};  // RFC 6298: an eighth of each new one.
};

// Messages over one connection, with a heartbeat and an end that both sides agree on.
//
// Loop thread only; other threads use handle(). Lives in its connection, from the connection's
// on_open until on_close has returned. No function here calls back: what it causes is reported
// after the current callback.
//
// The agreed end: Close sends END behind all messages; the peer hands them out, acknowledges, sends
// its own END behind its last message, and gets an acknowledgement for that. Each count is checked.
// A side that reports kAgreed knows that every message that either side's Send took was handed out
// by the other. Not guaranteed: that both sides learn of it (the last acknowledgement can get lost;
// then the other side reports how), and anything about messages when the end was not agreed, but
// that what was handed out is in order, without gaps and whole.
class Session final : private TimerEntry, private LiveCounted<Session> {
  struct Key {};  // Only the callbacks above make sessions.

 public:
  struct Config;
  Session(Key, Connection& connection, const Config& config);
  ~Session();

  ConnectionId id() const { return connection_.id(); }
  SessionHandle handle() const { return SessionHandle(connection_.handle()); }
  EventLoop& loop() const { return connection_.loop(); }
  // For options, addresses, the ledger. Writing to it breaks the stream; ending it ends the session
  // without agreement.
  Connection& connection() const { return connection_; }
  SessionState state() const { return state_; }
  // The peer has said hello: on_open was called, or is running.
  bool opened() const { return opened_; }

  // ---- Output. Each takes a whole message or nothing. Errors: ENOTCONN before on_open; EPIPE
  // after Close, Fail, Abort and the end; EMSGSIZE above max_message(); those of
  // Connection::Write. Backpressure is the connection's: on_pause, on_resume, ENOBUFS.

  // Copies `message`.
  IoError Send(std::string_view message);
  // Moves it; after an error it is as it was.
  IoError Send(Buffer&& message);
  bool can_send() const { return CanSend(state_) && !connection_.closing(); }
  // Bytes of the largest message that the peer takes; 0 until on_open.
  size_t max_message() const { return peer_max_message_; }
  size_t output_queued() const { return connection_.output_queued(); }

  // ---- Input.

  // No on_message, and nothing else of what the peer sends, until ResumeReading. Meanwhile the peer
  // is not missed, but our deadlines go on: an END_ACK is not seen either. A reset is.
  void PauseReading();
  // What has come meanwhile is handed out, the peer's END too.
  void ResumeReading();

  // ---- The end.

  // The agreed end; see above. Messages of the peer still come. `text`: at most 255 bytes.
  void Close(uint32_t code = SessionCode::kNormal, std::string_view text = {});
  // The end without agreement: what is queued is still sent, then an ERROR with `code` and `text`;
  // input is discarded.
  void Fail(uint32_t code, std::string_view text = {});
  // The end at once, by a reset.
  void Abort();

  SessionStats stats() const;

  // From the next beat on. Zero: no heartbeat. CHECKs misses >= 1.
  void SetHeartbeat(Duration interval, uint32_t misses);

  // ---- One slot for the user's state, of any type; it is destroyed with the session.

  template <typename T, typename... Args>
  T& EmplaceData(Args&&... args) {
    return user_.Emplace<T>(std::forward<Args>(args)...);
  }
  // Null if the slot is empty or holds another type.
  template <typename T>
  T* data() const {
    return user_.Get<T>();
  }

 private:
  friend ConnectionCallbacks MakeSessionCallbacks(std::shared_ptr<const Config> config);

  void OnTimer() override;
  CallbackOrigin origin() const override;
  void Start();
  void OnBytes(Buffer& input);
  void OnPeerFin();
  void OnDrain();
  void OnConnectionClosed(const CloseReason& reason);

  // `in`: the state in which what is being dealt with came.
  void OnBadInput(FrameRead read, const Buffer& input);
  bool OnText(const Buffer& input);
  void OnFrame(Frame& frame);
  void Opened(const FrameHello& hello);
  void Deliver(Buffer& message);
  void PeerEnded(FrameEnd end, SessionState in);
  void EndAcknowledged(uint64_t messages, SessionState in);
  void PeerFailed(FrameError error, SessionState in);
  void Finish(SessionState in);
  void Beat();
  void FirstBeat();
  void OnDeadline();

  // Ends without agreement, and says why to the peer.
  void GiveUp(SessionCloseKind kind, SessionState in, uint32_t code, std::string_view text);
  // A frame that the session depends on. Out of room for it, the session ends (kOutputLimit).
  void WriteControl(const EncodedFrame& frame);
  // Ends the connection, all that is queued first.
  void Shutdown();
  // Fixes why the session ends, unless that is fixed already.
  SessionCloseReason& Decide(SessionCloseKind kind, SessionState in);
  SessionCloseReason& ending();
  IoError CheckSend(size_t size) const;
  void SetDeadline(Duration timeout);
  void Schedule();
  TimePoint now() const { return loop().now(); }

  Connection& connection_;
  const Config& config_;
  Heartbeat heartbeat_;
  Duration interval_;
  TimePoint next_beat_ = kNever;
  TimePoint deadline_ = kNever;  // Of the step at hand.
  uint64_t messages_sent_ = 0;
  uint64_t messages_received_ = 0;
  uint32_t peer_max_message_ = 0;
  uint32_t misses_;
  SessionState state_ = SessionState::kHello;
  bool opened_ = false;
  bool user_paused_ = false;
  std::unique_ptr<SessionCloseReason> ending_;  // From the first word about the end on.
  UserSlot user_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_SESSION_SESSION_H_
