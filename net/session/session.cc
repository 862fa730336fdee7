#include "net/session/session.h"

#include <errno.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/strings.h"
#include "net/loop/io_host.h"
#include "net/types/chunk.h"

namespace spindle {
namespace {

enum class Role : uint8_t { kAcceptor, kInitiator };

SessionEvent EventOf(FrameType type) {
  constexpr SessionEvent kEvents[] = {
      SessionEvent::kBadInput, SessionEvent::kHello, SessionEvent::kMessage, SessionEvent::kPing,
      SessionEvent::kPong,     SessionEvent::kEnd,   SessionEvent::kEndAck,  SessionEvent::kError};
  return kEvents[static_cast<int>(type)];
}

constexpr std::string_view kProtocolName = "spindle-session/1";
constexpr std::string_view kExpected = "spindle-session/1 expected";

}  // namespace

// Shared by the sessions of one server or client; held by its callbacks, which outlive them.
struct Session::Config {
  SessionCallbacks callbacks;
  SessionOptions options;
  Role role;
  FrameCodec codec;
};

Session::Session(Key, Connection& connection, const Config& config)
    : connection_(connection),
      config_(config),
      interval_(config.options.heartbeat_interval),
      misses_(config.options.heartbeat_misses) {}

Session::~Session() {
  if (scheduled()) IoHost::Of(connection_.loop()).timers().Remove(*this);
}

// ---- Time. One timer serves the heartbeat and the deadlines; no traffic ever moves it.

void Session::Schedule() {
  const TimePoint when = std::min(next_beat_, deadline_);
  if (when == kNever || (scheduled() && TimerEntry::deadline() <= when)) return;
  IoHost::Of(loop()).timers().Add(*this, when);
}

void Session::SetDeadline(Duration timeout) {
  deadline_ = timeout > Duration::zero() ? SaturatingAdd(now(), timeout) : kNever;
  Schedule();
}

CallbackOrigin Session::origin() const { return {.kind = "session", .connection = id()}; }

void Session::OnTimer() {
  if (connection_.closing()) return;  // It has its own deadline.
  if (deadline_ <= now()) OnDeadline();
  if (next_beat_ <= now()) Beat();
  Schedule();
}

// Sessions that opened in one moment do not beat in one moment.
void Session::FirstBeat() {
  if (interval_ == Duration::zero()) return;
  const uint32_t spread = id().slot * 2654435769u;  // Knuth, vol. 3, 6.4: multiplicative hashing.
  const Duration half = interval_ / 2;
  next_beat_ = SaturatingAdd(now(), half + half / 256 * (spread >> 24));
  Schedule();
}

void Session::Beat() {
  next_beat_ = kNever;
  if (!IsTalking(state_) || interval_ == Duration::zero()) return;
  // Without output, it is no water mark that keeps us from reading, but a rate limit of our own.
  const bool held = connection_.reading_paused() && connection_.output_queued() == 0;
  const Heartbeat::Line line = {.listening = !user_paused_ && !held,
                                .queued = connection_.output_queued(),
                                .sent = connection_.ledger().sent};
  const Heartbeat::Verdict verdict = heartbeat_.Tick(line, misses_);
  if (verdict == Heartbeat::Verdict::kDead) {
    const SessionState in = state_;
    state_ = NextStep(in, SessionEvent::kSilence).next;
    Decide(connection_.reading_paused() ? SessionCloseKind::kPeerStalled
                                        : SessionCloseKind::kPeerSilent,
           in);
    return connection_.Abort();
  }
  if (verdict == Heartbeat::Verdict::kPing) {
    // A buffer of its own: by Write(view) each session that beats in this turn would hold one of
    // the loop's large blocks until the turn's end. Refused for want of room, it is one question
    // less; what is queued asks as well.
    Buffer ping(EncodedFrame::Ping(heartbeat_.Ping(loop().Now())).view());
    static_cast<void>(connection_.Write(std::move(ping)));
  }
  next_beat_ = SaturatingAdd(now(), interval_);
}

void Session::SetHeartbeat(Duration interval, uint32_t misses) {
  SPINDLE_CHECK(interval >= Duration::zero() && misses >= 1);
  interval_ = interval;
  misses_ = misses;
  if (!IsTalking(state_)) return;
  next_beat_ = interval > Duration::zero() ? SaturatingAdd(now(), interval) : kNever;
  Schedule();
}

void Session::OnDeadline() {
  deadline_ = kNever;
  const SessionState in = state_;
  if (NextStep(in, SessionEvent::kDeadline).action != SessionAction::kFail) return;
  if (in == SessionState::kHello) {
    GiveUp(SessionCloseKind::kHelloTimeout, in, SessionCode::kTimeout,
           Concat(kExpected, ", got nothing in time"));
  } else if (in == SessionState::kEndAcked) {
    GiveUp(SessionCloseKind::kEndTimeout, in, SessionCode::kTimeout, "no end in time");
  } else {
    GiveUp(SessionCloseKind::kAckTimeout, in, SessionCode::kTimeout,
           "end not acknowledged in time");
  }
}

SessionStats Session::stats() const {
  return SessionStats{.messages_sent = messages_sent_,
                      .messages_received = messages_received_,
                      .missed_beats = heartbeat_.missed(),
                      .last_rtt = heartbeat_.last_rtt(),
                      .smoothed_rtt = heartbeat_.smoothed_rtt()};
}

// ---- Output.

IoError Session::CheckSend(size_t size) const {
  if (state_ == SessionState::kHello) return IoError(ENOTCONN, IoOp::kWrite);
  if (!can_send()) return IoError(EPIPE, IoOp::kWrite);
  return size > peer_max_message_ ? IoError(EMSGSIZE, IoOp::kWrite) : IoError();
}

IoError Session::Send(std::string_view message) {
  if (IoError error = CheckSend(message.size()); !error.ok()) return error;
  const EncodedFrame header = EncodedFrame::DataHeader(static_cast<uint32_t>(message.size()));
  const IoError error = connection_.Writev({header.view(), message});
  if (error.ok()) ++messages_sent_;
  return error;
}

IoError Session::Send(Buffer&& message) {
  if (IoError error = CheckSend(message.size()); !error.ok()) return error;
  const EncodedFrame header = EncodedFrame::DataHeader(static_cast<uint32_t>(message.size()));
  message.Prepend(header.view());
  const IoError error = connection_.Write(std::move(message));
  if (error.ok()) {
    ++messages_sent_;
  } else {
    message.Consume(kFrameHeaderSize);
  }
  return error;
}

void Session::WriteControl(const EncodedFrame& frame) {
  if (connection_.closing()) return;
  if (connection_.Write(frame.view()).ok() || connection_.closing()) return;
  Decide(SessionCloseKind::kOutputLimit, state_);
  state_ = SessionState::kFailed;
  connection_.Abort();
}

// ---- Input.

void Session::PauseReading() {
  connection_.PauseReading();
  user_paused_ = true;
}

void Session::ResumeReading() {
  connection_.ResumeReading();
  user_paused_ = false;
}

void Session::Start() {
  if (config_.role == Role::kInitiator) {
    WriteControl(EncodedFrame::Hello({.max_message = config_.options.max_message}));
  }
  SetDeadline(config_.options.hello_timeout);
}

void Session::OnBytes(Buffer& input) {
  heartbeat_.Heard();
  Frame frame;
  // A rate limit, or the high water mark, pauses what is still to be read; this has been.
  while (connection_.delivers_input() && !user_paused_) {
    const FrameRead read = config_.codec.Next(input, frame);
    if (read == FrameRead::kNeedMore) return;
    if (read != FrameRead::kFrame) return OnBadInput(read, input);
    if (frame.type != FrameType::kOptional) OnFrame(frame);
    // The last frame took the block along that all was received in: it is used again.
    if (ChunkRef block = frame.payload.TakeChunk(); block && input.empty()) {
      input.SetSpare(std::move(block));
    }
  }
}

void Session::OnBadInput(FrameRead read, const Buffer& input) {
  const SessionState in = state_;
  SPINDLE_CHECK(NextStep(in, SessionEvent::kBadInput).action == SessionAction::kRefuse);
  if (read == FrameRead::kNoSession && in == SessionState::kHello) {
    if (config_.role == Role::kInitiator && OnText(input)) return;
    GiveUp(SessionCloseKind::kNoSession, in, SessionCode::kProtocolError,
           Concat(kExpected, ", got ", QuoteForeignBytes(input.Front())));
  } else if (read == FrameRead::kBadVersion) {
    char version = 0;
    static_cast<void>(input.CopyOut(1, std::span(&version, 1)));
    GiveUp(SessionCloseKind::kBadVersion, in, SessionCode::kBadVersion,
           Concat(kExpected, ", got version ", unsigned{static_cast<uint8_t>(version)}));
  } else if (read == FrameRead::kTooLong) {
    GiveUp(SessionCloseKind::kProtocolError, in, SessionCode::kTooLong,
           Concat("frame too long, messages may have ", config_.codec.max_message(), " bytes"));
  } else {
    GiveUp(SessionCloseKind::kProtocolError, in, SessionCode::kProtocolError,
           Concat("bad frame: ", FrameReadName(read)));
  }
}

// An acceptor that has not heard our hello in time takes us for a stranger, and says so in text.
// False if this is not what came.
bool Session::OnText(const Buffer& input) {
  std::string line(kMaxFrameText, '\0');
  line.resize(input.CopyOut(0, line));
  if (kProtocolName != std::string_view(line).substr(0, kProtocolName.size()) &&
      !kProtocolName.starts_with(line)) {
    return false;
  }
  const size_t end = line.find('\n');
  if (end == line.npos && line.size() < kMaxFrameText) return true;  // More is to come.
  const SessionState in = std::exchange(state_, SessionState::kFailed);
  PeerFailed(FrameError{.code = SessionCode::kProtocolError, .text = line.substr(0, end)}, in);
  return true;
}

void Session::OnFrame(Frame& frame) {
  const SessionState in = state_;
  const SessionStep step = NextStep(in, EventOf(frame.type));
  state_ = step.next;
  switch (step.action) {
    case SessionAction::kOpen:
      return Opened(FrameCodec::ParseHello(frame.payload));
    case SessionAction::kDeliver:
      return Deliver(frame.payload);
    case SessionAction::kPong:
      // Refused for want of room, the peer hears what is queued instead.
      static_cast<void>(
          connection_.Write(EncodedFrame::Pong(FrameCodec::ParseToken(frame.payload)).view()));
      return;
    case SessionAction::kMeasure:
      return heartbeat_.Pong(FrameCodec::ParseToken(frame.payload), loop().Now());
    case SessionAction::kAckEnd:
    case SessionAction::kAckAndFinish:
      return PeerEnded(FrameCodec::ParseEnd(frame.payload), in);
    case SessionAction::kNoteAck:
    case SessionAction::kFinish:
      return EndAcknowledged(FrameCodec::ParseToken(frame.payload), in);
    case SessionAction::kPeerFailed:
      return PeerFailed(FrameCodec::ParseError(frame.payload), in);
    case SessionAction::kRefuse:
      return GiveUp(SessionCloseKind::kProtocolError, in, SessionCode::kProtocolError,
                    step.complaint);
    default:
      SPINDLE_CHECK(false) << "a frame with no action in state " << SessionStateName(in);
  }
}

void Session::Opened(const FrameHello& hello) {
  opened_ = true;
  peer_max_message_ = hello.max_message;
  deadline_ = kNever;
  if (config_.role == Role::kAcceptor) {
    WriteControl(EncodedFrame::Hello({.max_message = config_.options.max_message}));
  }
  FirstBeat();
  if (config_.callbacks.on_open) config_.callbacks.on_open(*this);
}

void Session::Deliver(Buffer& message) {
  ++messages_received_;
  if (config_.callbacks.on_message) config_.callbacks.on_message(*this, message);
}

void Session::PeerEnded(FrameEnd end, SessionState in) {
  if (end.messages != messages_received_) {
    return GiveUp(SessionCloseKind::kProtocolError, in, SessionCode::kProtocolError,
                  Concat("end after ", end.messages, " messages, ", messages_received_, " came"));
  }
  const SessionNote note = {.code = end.code, .text = std::move(end.text)};
  ending().peer_end = note;
  WriteControl(EncodedFrame::EndAck(messages_received_));
  if (state_ == SessionState::kAgreed) Finish(in);
  if (config_.callbacks.on_end) config_.callbacks.on_end(*this, note);
  if (config_.options.peer_end == PeerEndPolicy::kEndToo) Close();
}

void Session::EndAcknowledged(uint64_t messages, SessionState in) {
  if (messages != messages_sent_) {
    return GiveUp(SessionCloseKind::kProtocolError, in, SessionCode::kProtocolError,
                  Concat(messages, " messages acknowledged, ", messages_sent_, " sent"));
  }
  if (state_ == SessionState::kAgreed) return Finish(in);
  SetDeadline(config_.options.end_timeout);
}

void Session::PeerFailed(FrameError error, SessionState in) {
  Decide(SessionCloseKind::kPeerFailed, in).error = {error.code, std::move(error.text)};
  Shutdown();
}

void Session::OnPeerFin() {
  const SessionState in = state_;
  if (in >= SessionState::kAgreed) return;
  state_ = SessionState::kFailed;
  Decide(SessionCloseKind::kPeerVanished, in);
  Shutdown();
}

// ---- The end.

SessionCloseReason& Session::ending() {
  if (ending_ == nullptr) ending_ = std::make_unique<SessionCloseReason>();
  return *ending_;
}

SessionCloseReason& Session::Decide(SessionCloseKind kind, SessionState in) {
  SessionCloseReason& reason = ending();
  if (reason.kind == SessionCloseKind::kNone) {
    reason.kind = kind;
    reason.state = in;
  }
  return reason;
}

void Session::Shutdown() {
  next_beat_ = deadline_ = kNever;
  if (config_.options.shutdown_timeout > Duration::zero()) {
    connection_.CloseAfterFlush(config_.options.shutdown_timeout);
  } else {
    connection_.Close();
  }
}

void Session::GiveUp(SessionCloseKind kind, SessionState in, uint32_t code, std::string_view text) {
  state_ = SessionState::kFailed;
  Decide(kind, in).error = {code, std::string(text.substr(0, kMaxFrameText))};
  // Who has not said hello to us may not know what a frame is.
  const bool stranger =
      in == SessionState::kHello && config_.role == Role::kAcceptor &&
      (kind == SessionCloseKind::kHelloTimeout || kind == SessionCloseKind::kLocalFail);
  if (!connection_.closing()) {
    const std::string_view colon = kind == SessionCloseKind::kLocalFail ? ": " : "";
    const std::string_view name = colon.empty() ? "" : kProtocolName;
    // Refused for want of room, the peer only learns that this was the end.
    const IoError error = stranger || kind == SessionCloseKind::kNoSession
                              ? connection_.Writev({name, colon, text, "\n"})
                              : connection_.Write(EncodedFrame::Error(code, text).view());
    static_cast<void>(error);
  }
  Shutdown();
}

void Session::Finish(SessionState in) {
  Decide(SessionCloseKind::kAgreed, in);
  Shutdown();
}

void Session::Close(uint32_t code, std::string_view text) {
  if (connection_.closing()) return;
  const SessionState in = state_;
  const SessionStep step = NextStep(in, SessionEvent::kClose);
  state_ = step.next;
  if (step.action == SessionAction::kFail) {
    return GiveUp(SessionCloseKind::kLocalFail, in, code, text.empty() ? "going away" : text);
  }
  if (step.action != SessionAction::kSendEnd) return;
  ending().local_end = SessionNote{code, std::string(text.substr(0, kMaxFrameText))};
  WriteControl(EncodedFrame::End(messages_sent_, code, text));
  if (state_ != SessionState::kFailed) SetDeadline(config_.options.ack_timeout);
}

void Session::Fail(uint32_t code, std::string_view text) {
  if (connection_.closing()) return;
  const SessionState in = state_;
  if (NextStep(in, SessionEvent::kFail).action != SessionAction::kFail) return;
  GiveUp(SessionCloseKind::kLocalFail, in, code, text);
}

void Session::Abort() { connection_.Abort(); }

void Session::OnDrain() {
  if (config_.callbacks.on_drain && opened()) return config_.callbacks.on_drain(*this);
  Close(SessionCode::kGoingAway);
}

void Session::OnConnectionClosed(const CloseReason& connection_reason) {
  if (scheduled()) IoHost::Of(loop()).timers().Remove(*this);
  SessionCloseReason reason = std::move(Decide(KindOfConnectionEnd(connection_reason), state_));
  reason.connection = connection_reason;
  state_ = NextStep(state_, SessionEvent::kGone).next;
  if (config_.callbacks.on_close) config_.callbacks.on_close(*this, reason);
}

// ---- Attaching to connections.

ConnectionCallbacks MakeSessionCallbacks(std::shared_ptr<const Session::Config> config) {
  const SessionOptions& options = config->options;
  SPINDLE_CHECK(options.heartbeat_misses >= 1);
  for (const Duration duration :
       {options.heartbeat_interval, options.hello_timeout, options.ack_timeout, options.end_timeout,
        options.shutdown_timeout}) {
    SPINDLE_CHECK(duration >= Duration::zero());
  }
  const auto session = [](Connection& connection) -> Session& {
    Session* const found = connection.data<Session>();
    SPINDLE_CHECK(found != nullptr) << "the session's slot was used for other data";
    return *found;
  };
  // Only what is wanted: a connection that nobody asks about its output is faster.
  const auto pass_on =
      [&](auto SessionCallbacks::*member) -> absl::AnyInvocable<void(Connection&) const> {
    if (!(config->callbacks.*member)) return nullptr;
    return [config, session, member](Connection& connection) {
      Session& target = session(connection);
      if (target.opened()) (config->callbacks.*member)(target);
    };
  };
  return ConnectionCallbacks{
      .on_open =
          [config](Connection& connection) {
            connection.EmplaceData<Session>(Session::Key(), connection, *config).Start();
          },
      .on_bytes = [session](Connection& connection,
                            Buffer& input) { session(connection).OnBytes(input); },
      .on_read_closed = [session](Connection& connection) { session(connection).OnPeerFin(); },
      .on_pause = pass_on(&SessionCallbacks::on_pause),
      .on_resume = pass_on(&SessionCallbacks::on_resume),
      .on_drained = pass_on(&SessionCallbacks::on_drained),
      .on_drain = [session](Connection& connection) { session(connection).OnDrain(); },
      .on_close =
          [session](Connection& connection, const CloseReason& reason) {
            session(connection).OnConnectionClosed(reason);
          },
  };
}

namespace {

ConnectionCallbacks Make(Role role, SessionCallbacks callbacks, const SessionOptions& options) {
  return MakeSessionCallbacks(std::make_shared<const Session::Config>(
      Session::Config{.callbacks = std::move(callbacks),
                      .options = options,
                      .role = role,
                      .codec = FrameCodec(options.max_message)}));
}

}  // namespace

ConnectionCallbacks AcceptorSessions(SessionCallbacks callbacks, SessionOptions options) {
  return Make(Role::kAcceptor, std::move(callbacks), options);
}

ConnectionCallbacks InitiatorSessions(SessionCallbacks callbacks, SessionOptions options) {
  return Make(Role::kInitiator, std::move(callbacks), options);
}

}  // namespace spindle
