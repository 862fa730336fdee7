#include "net/stream/couple.h"

#include <errno.h>

#include <utility>

#include "base/check.h"
#include "net/loop/io_host.h"
#include "net/stream/internal/connection_rare.h"
#include "net/stream/internal/small_input.h"

namespace spindle {

void Couple(Connection& a, Connection& b) {
  SPINDLE_CHECK(&a.loop() == &b.loop()) << "a relay lives on one loop";
  SPINDLE_CHECK(&a != &b);
  if (a.closed()) return b.Close();
  if (b.closed()) return a.Close();
  SPINDLE_CHECK(a.partner() == nullptr && b.partner() == nullptr) << "coupled already";
  // Who is paused for what it holds itself: from now on the other one is.
  a.ForgetBudgetPause();
  b.ForgetBudgetPause();
  a.rare().partner = b.id_;
  b.rare().partner = a.id_;
  a.JoinPartner(b);
  b.JoinPartner(a);
}

Connection* Connection::FindPartner() const {
  // Tokens are never given twice, and this one was a connection's.
  return static_cast<Connection*>(host_.Find(rare_->partner));
}

// What this connection has done before it had a partner now concerns the partner.
void Connection::JoinPartner(Connection& partner) {
  host_.AssertInLoop();
  if (!partner.mode_.above_high) EndPause(kWaterPause);
  if (mode_.above_high) partner.mode_.paused |= kWaterPause;
  if (!input_.empty()) {
    if (!partner.Write(std::move(input_)).ok()) {
      dropped_ += input_.size();
      input_.Clear();
    }
    if (mode_.counted) Recount();
  }
  if (mode_.state == CloseState::kPeerDone) partner.ShutdownWrite();
}

// The first `size` bytes of the loop's block go to `partner`.
void Connection::Forward(Connection& partner, size_t size) {
  IoError error;
  if (size <= kSmallInput && !partner.output_.empty()) {
    error = partner.Write(std::string_view(host_.Block().data(), size));
  } else {
    error = partner.Write(Buffer(host_.TakeBlock(), 0, size));
  }
  if (!error.ok()) dropped_ += size;
  // A relay cannot leave out a piece and go on.
  if (error.code() == ENOBUFS) End(CloseReason{CloseKind::kOutputLimit, error});
}

// This connection has ended: so does the partner.
void Connection::LeavePartner(Connection& partner) {
  switch (reason_.kind) {
    case CloseKind::kPeerReset:
    case CloseKind::kIoError:
    case CloseKind::kLocalAbort:
    case CloseKind::kOutputLimit:
    case CloseKind::kInputLimit:
    case CloseKind::kMemoryLimit:
      partner.Abort();
      break;
    default:
      partner.Close();
  }
}

}  // namespace spindle
