#include "tests/sim/session_model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"

namespace spindle {
namespace {

using Kind = SessionCloseKind;

struct Id {
  uint32_t value;
};

}  // namespace

std::string Half::Message(uint64_t sequence, size_t filler) const {
  std::string out(8 + filler, static_cast<char>('a' + (sequence * 7 + id) % 26));
  StoreBig32(out.data(), id);
  StoreBig32(out.data() + 4, static_cast<uint32_t>(sequence));
  return out;
}

Half& SessionModel::HalfOf(Session& session) {
  if (const Id* const id = session.data<Id>()) return Half1(id->value);
  Half& half = halves_.emplace_back();
  half.id = static_cast<uint32_t>(halves_.size());
  half.handle = session.handle();
  session.EmplaceData<Id>(Id{half.id});
  return half;
}

Half& SessionModel::Open(Session& session) {
  Half& half = HalfOf(session);
  if (std::exchange(half.opened, true)) Fail("opened twice");
  if (half.closed) Fail("opened after the close");
  return half;
}

Half& SessionModel::Receive(Session& session, Buffer& message) {
  Half& half = HalfOf(session);
  if (!half.opened || half.ended || half.closed) Fail("a message out of order");
  const std::string text = message.ToString();
  if (text.size() < 8) {
    Fail("a message is cut");
    return half;
  }
  const uint32_t from = LoadBig32(text.data());
  if (half.peer == 0) half.peer = from;
  if (from != half.peer || from == 0 || from > halves_.size() || from == half.id) {
    Fail("a message of another session");
    return half;
  }
  if (text != Half1(from).Message(half.received, text.size() - 8)) {
    Fail(absl::StrCat("not message ", half.received, " of session ", from));
  }
  ++half.received;
  if (half.received > Half1(from).sent) Fail("more messages than were sent");
  return half;
}

Half& SessionModel::End(Session& session) {
  Half& half = HalfOf(session);
  if (!half.opened || half.closed) Fail("an end out of order");
  if (std::exchange(half.ended, true)) Fail("ended twice");
  return half;
}

void SessionModel::Close(Session& session, const SessionCloseReason& reason) {
  Half& half = HalfOf(session);
  if (std::exchange(half.closed, true)) Fail("closed twice");
  half.reason = reason;
  switch (reason.kind) {
    case Kind::kNone:
    case Kind::kNoSession:
    case Kind::kBadVersion:
    case Kind::kProtocolError:
      Fail(absl::StrCat("a reason that cannot be: ", reason.ToString()));
      break;
    case Kind::kAgreed:
      if (!half.opened || !half.ended) Fail("agreed without an end");
      if (!reason.local_end.has_value() || !reason.peer_end.has_value()) {
        Fail("agreed without both ends");
      }
      break;
    default:
      break;
  }
  if (half.ended != reason.peer_end.has_value()) Fail("the peer's end is reported wrongly");
}

const Half* SessionModel::ReceiverOf(const Half& half) const {
  for (const Half& other : halves_) {
    if (other.peer == half.id) return &other;
  }
  return nullptr;
}

// All was handed out, in both directions, whatever the other side knows of it.
void SessionModel::CheckAgreed(const Half& half) {
  const Half* const receiver = ReceiverOf(half);
  const uint64_t received = receiver == nullptr ? 0 : receiver->received;
  if (received != half.sent) {
    Fail(absl::StrCat("agreed, but ", received, " of ", half.sent, " messages were handed out"));
  }
  const Half* const peer = half.peer != 0 ? &Half1(half.peer) : receiver;
  if (peer == nullptr) return;
  if (peer->sent != half.received) {
    Fail(absl::StrCat("agreed, but ", half.received, " of ", peer->sent, " messages came"));
  }
  // The other side has said its end and heard ours; it may only lack the last acknowledgement.
  if (peer->reason.kind != Kind::kAgreed && peer->reason.state != SessionState::kLastAck) {
    Fail(absl::StrCat("agreed, but the other side: ", peer->reason.ToString()));
  }
}

void SessionModel::CheckAtTheEnd() {
  for (const Half& half : halves_) {
    if (!half.closed) Fail("a session without on_close");
    if (half.reason.agreed()) CheckAgreed(half);
  }
}

void SessionModel::CheckNobodyTakenForDead() {
  for (const Half& half : halves_) {
    if (half.reason.kind == Kind::kPeerSilent) {
      Fail(absl::StrCat("taken for dead: ", half.reason.ToString()));
    }
  }
}

Half* SessionModel::AnyOpen(Random& random) {
  if (halves_.empty()) return nullptr;
  Half& half = halves_[random.Uniform(halves_.size())];
  return half.closed || !half.opened ? nullptr : &half;
}

bool SessionModel::AllClosed() const {
  for (const Half& half : halves_) {
    if (!half.closed) return false;
  }
  return true;
}

}  // namespace spindle
