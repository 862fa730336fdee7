#include "net/send/internal/send_lane.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/strings.h"
#include "net/send/internal/send_group.h"

namespace spindle {

// ---- The connection.

void SendLane::Connect() {
  // One that is not quite over yet makes way.
  if (link_ != Link::kShut) DropClient();
  if (client_ == nullptr) {
    StreamClientOptions options = group_.options().client;
    options.retry.reconnect_after_close = false;
    options.connection.pause_reading_above_high_water = false;
    options.connection.output_limit = std::numeric_limits<size_t>::max();
    // Saves asking the system for one.
    if (options.random_seed == 0 && options.retry.max_attempts == 1) options.random_seed = 1;
    client_ = std::make_unique<StreamClient>(group_.loop(), group_.server(), MakeCallbacks(),
                                             std::move(options), [this](const ConnectError& error) {
                                               if (error.will_retry) return;
                                               link_ = Link::kShut;
                                               group_.OnLinkFailed(*this,
                                                                   error.ToString(group_.server()));
                                             });
  }
  link_ = Link::kConnecting;
  link_since_ = group_.loop().Now();
  client_->Connect();
}

ConnectionCallbacks SendLane::MakeCallbacks() {
  ConnectionCallbacks callbacks;
  callbacks.on_open = [this](Connection&) { OnOpen(); };
  callbacks.on_bytes = [this](Connection&, Buffer& input) { OnBytes(input); };
  if (group_.timeline()) callbacks.on_drained = [this](Connection&) { OnDrained(); };
  callbacks.on_close = [this](Connection&, const CloseReason& reason) { OnClose(reason); };
  return callbacks;
}

void SendLane::OnOpen() {
  link_ = Link::kOpen;
  if (group_.timeline()) AddSpan(0, SendPhase::kConnect, link_since_, group_.loop().Now());
  group_.OnLinkOpen(*this);
}

void SendLane::OnClose(const CloseReason& reason) {
  if (link_ == Link::kShut) return;  // Dropped.
  link_ = Link::kShut;
  last_close_ = reason;
  group_.OnLinkClosed(*this, reason);
}

void SendLane::Close() {
  if (link_ != Link::kOpen) return;
  link_ = Link::kClosing;
  link_since_ = group_.loop().Now();
  client_->Stop();
}

void SendLane::Abort() {
  if (link_ == Link::kConnecting) {
    client_->Stop();
    link_ = Link::kShut;
  } else if (link_ != Link::kShut) {
    link_ = Link::kClosing;
    if (Connection* const connection = client_->connection()) connection->Abort();
  }
}

void SendLane::DropClient() {
  link_ = Link::kShut;
  client_.reset();
}

// ---- One run.

void SendLane::BeginRun(const RunSpec& spec) {
  spec_ = &spec;
  messages_ = spec.messages();
  outcome_ = {};
  finished = placed = false;
  slots_.assign(std::bit_ceil(std::max<size_t>(1, spec.pipeline())), InFlight());
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool SendLane::Expect(const MessageBytes& message) {
  if (spec_->matcher() != nullptr) return true;
  const MessageBytes reply = spec_->Reply(index_, outcome_.answered, message);
  if (group_.stopped()) return false;
  if (reply.head.empty() && reply.body.empty()) {
    FailEmptyReply();
    return false;
  }
  matcher_.Expect(reply.head, reply.body);
  return true;
}

bool SendLane::ExpectNext() {
  if (spec_->matcher() != nullptr) return true;
  const MessageBytes message = spec_->Message(index_, outcome_.answered);
  return !group_.stopped() && Expect(message);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool SendLane::SendNext(Connection& connection, TimePoint now) {
  const MessageBytes message = spec_->Message(index_, outcome_.sent);
  if (group_.stopped()) return false;
  if (const IoError error = spec_->Write(connection, message); !error.ok()) {
    FailWrite(error);
    return false;
  }
  InFlight& slot = Slot(outcome_.sent);
  slot.sent_at = now;
  slot.bytes = message.head.size() + message.body.size();
  if (group_.timeline()) slot.written_at = slot.first_byte_at = TimePoint();
  const bool next = in_flight() == 0;
  ++outcome_.sent;
  if (!next) return true;
  waiting_since_ = now;
  return Expect(message);
}

bool SendLane::Pump(TimePoint now) {
  Connection* const connection = client_->connection();
  if (connection == nullptr) {
    FailNotOpen();
    return false;
  }
  do {
    if (!SendNext(*connection, now)) return false;
  } while (has_more() && in_flight() < spec_->pipeline());
  return true;
}

inline MatchOutcome SendLane::Match(Buffer& input) {
  const ReplyFunction* const function = spec_->matcher();
  if (function == nullptr) return matcher_.Feed(input);
  return (*function)(index_, outcome_.answered, input);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void SendLane::OnAnswered(TimePoint now) {
  const InFlight& message = Slot(outcome_.answered);
  group_.CountReply(message.bytes, now - message.sent_at);
  if (group_.timeline()) NoteAnswered(message, now);
  ++outcome_.answered;
  waiting_since_ = now;
  if (in_flight() > 0 && !ExpectNext()) return;
  group_.OnReply(*this, now);
}

void SendLane::OnBytes(Buffer& input) {
  const SendGroup::Entry entry(group_);
  const TimePoint now = group_.loop().Now();
  while (!input.empty()) {
    if (spec_ == nullptr || in_flight() == 0) {
      group_.OnStray(*this);
      break;
    }
    InFlight& slot = Slot(outcome_.answered);
    if (group_.timeline() && slot.first_byte_at == TimePoint()) slot.first_byte_at = now;
    const MatchOutcome outcome = Match(input);
    if (group_.stopped()) return;
    if (outcome == MatchOutcome::kMore) return;
    if (outcome == MatchOutcome::kWrong) {
      FailWrongReply();
      break;
    }
    OnAnswered(now);
    if (group_.stopped()) return;
    if (!outcome_.error.empty()) break;
  }
  group_.Settle();
}

void SendLane::FailNotOpen() { group_.Fail(*this, Concat("ended: ", last_close_.ToString())); }

void SendLane::FailWrite(IoError error) { group_.Fail(*this, error.ToString()); }

void SendLane::FailEmptyReply() {
  group_.Fail(*this, Concat("the reply to message ", outcome_.answered, " would be empty"));
}

void SendLane::FailWrongReply() {
  group_.Fail(*this, Concat("wrong bytes in the reply to message ", outcome_.answered));
}

void SendLane::NoteError(std::string_view error) {
  if (outcome_.error.empty()) outcome_.error = error;
}

// ---- Timeline.

void SendLane::OnDrained() {
  const TimePoint now = group_.loop().Now();
  for (uint64_t i = outcome_.sent; i > outcome_.answered; --i) {
    InFlight& slot = Slot(i - 1);
    if (slot.written_at != TimePoint()) return;
    slot.written_at = now;
  }
}

void SendLane::AddSpan(uint64_t message, SendPhase phase, TimePoint from, TimePoint to) {
  group_.AddSpan(index_, message, phase, from, to);
}

void SendLane::NoteAnswered(const InFlight& message, TimePoint now) {
  const uint64_t index = outcome_.answered;
  // A reply may begin before the message has gone out to its end.
  TimePoint written = message.written_at == TimePoint() ? now : message.written_at;
  const TimePoint first_byte = std::max(message.first_byte_at, message.sent_at);
  AddSpan(index, SendPhase::kWrite, message.sent_at, written);
  // The server had the message before it began to think, also where this thread was late to note
  // that the kernel had taken it.
  const Duration think = std::min(spec_->run().think, first_byte - message.sent_at);
  written = std::min(written, first_byte - think);
  if (think > Duration::zero()) {
    const TimePoint there = written + (first_byte - written - think) / 2;
    AddSpan(index, SendPhase::kInFlight, written, there);
    AddSpan(index, SendPhase::kThink, there, there + think);
    AddSpan(index, SendPhase::kInFlight, there + think, first_byte);
  } else {
    AddSpan(index, SendPhase::kInFlight, written, first_byte);
  }
  AddSpan(index, SendPhase::kAck, first_byte, now);
}

void SendLane::NoteLost(TimePoint now) {
  for (uint64_t i = outcome_.answered; i < outcome_.sent; ++i) {
    const InFlight& slot = Slot(i);
    const bool written = slot.written_at != TimePoint();
    AddSpan(i, SendPhase::kWrite, slot.sent_at, written ? slot.written_at : now);
    if (written) AddSpan(i, SendPhase::kInFlight, slot.written_at, now);
  }
}

void SendLane::NoteClosed(TimePoint now) {
  AddSpan(messages_ == 0 ? 0 : messages_ - 1, SendPhase::kClose, link_since_, now);
}

}  // namespace spindle
