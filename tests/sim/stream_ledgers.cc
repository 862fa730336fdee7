#include "tests/sim/stream_ledgers.h"

#include <errno.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace spindle {

using Owner = std::shared_ptr<const StreamOwner>;

StreamLedgers::Entry* StreamLedgers::Add(const Owner& owner, Connection& connection) {
  ++connections_;
  Entry entry;
  entry.owner = owner;
  entry.handle = connection.handle();
  // Both ends know the client's port.
  const bool server = owner->side == StreamOwner::Side::kServer;
  const uint32_t port =
      server ? connection.peer_address().port() : connection.local_address().port();
  const uint32_t upward = 2 * port;
  const uint32_t downward = echo_ ? upward : upward + 1;
  entry.send_key = server ? downward : upward;
  entry.receive_key = server ? upward : downward;
  return &open_.emplace(connection.id().generation, std::move(entry)).first->second;
}

StreamLedgers::Entry* StreamLedgers::Enter(const char* callback, const Owner& owner,
                                           Connection& connection) {
  ++callbacks_;
  const uint64_t generation = connection.id().generation;
  if (owner->gone) Fail(absl::StrCat(callback, " after the destructor of its owner"));
  if (closed_.contains(generation)) Fail(absl::StrCat(callback, " after on_close"));
  const auto found = open_.find(generation);
  if (found != open_.end()) {
    if (found->second.owner != owner) Fail(absl::StrCat(callback, " of another owner"));
    return &found->second;
  }
  if (owner->tells_open) Fail(absl::StrCat(callback, " before on_open"));
  return Add(owner, connection);
}

void StreamLedgers::OnOpen(const Owner& owner, Connection& connection) {
  ++callbacks_;
  const uint64_t generation = connection.id().generation;
  if (owner->gone) Fail("on_open after the destructor of its owner");
  if (closed_.contains(generation)) Fail("on_open after on_close");
  if (open_.contains(generation)) {
    Fail("on_open twice");
    return;
  }
  if (connection.closed()) Fail("on_open of a closed connection");
  Add(owner, connection);
}

void StreamLedgers::OnBytes(const Owner& owner, Connection& connection, const Buffer& input) {
  Entry& entry = *Enter("on_bytes", owner, connection);
  if (connection.closed()) Fail("on_bytes of a closed connection");
  if (input.empty()) Fail("on_bytes with nothing");
  if (entry.in_bytes) Fail("on_bytes nests");
  if (entry.read_closed) Fail("on_bytes after on_read_closed");
  entry.in_bytes = true;
  uint64_t position = entry.consumed;
  input.ForEachSegment([&](std::string_view piece) {
    if (!pattern_.Matches(entry.receive_key, position, piece)) {
      Fail(absl::StrCat("wrong bytes received at or after position ", position));
    }
    position += piece.size();
  });
}

void StreamLedgers::OnBytesDone(uint64_t generation, size_t consumed) {
  const auto found = open_.find(generation);
  if (found == open_.end()) return;
  found->second.in_bytes = false;
  found->second.consumed += consumed;
}

void StreamLedgers::OnReadClosed(const Owner& owner, Connection& connection) {
  Entry& entry = *Enter("on_read_closed", owner, connection);
  if (connection.closed()) Fail("on_read_closed of a closed connection");
  if (entry.read_closed) Fail("on_read_closed twice");
  if (!owner->keeps_writing) Fail("on_read_closed without kKeepWriting");
  entry.read_closed = true;
}

void StreamLedgers::OnPause(const Owner& owner, Connection& connection) {
  Entry& entry = *Enter("on_pause", owner, connection);
  if (connection.closed()) Fail("on_pause of a closed connection");
  if (entry.above_high) Fail("on_pause twice");
  entry.above_high = true;
}

void StreamLedgers::OnResume(const Owner& owner, Connection& connection) {
  Entry& entry = *Enter("on_resume", owner, connection);
  if (connection.closed()) Fail("on_resume of a closed connection");
  if (!entry.above_high) Fail("on_resume without on_pause");
  entry.above_high = false;
}

void StreamLedgers::OnDrained(const Owner& owner, Connection& connection) {
  Enter("on_drained", owner, connection);
  if (connection.closed()) Fail("on_drained of a closed connection");
  if (connection.ledger().accepted == 0) Fail("on_drained though nothing was written");
}

void StreamLedgers::OnDrain(const Owner& owner, Connection& connection) {
  Entry& entry = *Enter("on_drain", owner, connection);
  if (connection.closed()) Fail("on_drain of a closed connection");
  if (entry.drained_asked) Fail("on_drain twice");
  entry.drained_asked = true;
}

void StreamLedgers::OnClose(const Owner& owner, Connection& connection, const CloseReason& reason) {
  const Entry& entry = *Enter("on_close", owner, connection);
  const ConnectionLedger ledger = connection.ledger();
  if (!connection.closed()) Fail("on_close of an open connection");
  if (reason.kind == CloseKind::kNone) Fail("on_close without a reason");
  if (connection.output_queued() != 0) Fail("on_close with output queued");
  if (connection.Write("x").code() != EPIPE) Fail("a write in on_close is taken");
  if (ledger.accepted != ledger.sent + ledger.discarded) Fail("accepted != sent + discarded");
  // Inside on_bytes what it consumes is not known yet. Without on_bytes all is dropped.
  if (!entry.in_bytes && ledger.received != entry.consumed + ledger.dropped) {
    Fail(absl::StrCat("received ", ledger.received, " != delivered ", entry.consumed, " + dropped ",
                      ledger.dropped));
  }
  sent_ += ledger.sent;
  received_ += ledger.received;
  closed_.insert(connection.id().generation);
  open_.erase(connection.id().generation);
}

const StreamLedgers::Entry* StreamLedgers::Find(uint64_t generation) const {
  const auto found = open_.find(generation);
  return found == open_.end() ? nullptr : &found->second;
}

}  // namespace spindle
