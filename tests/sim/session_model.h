#ifndef SPINDLE_TESTS_SIM_SESSION_MODEL_H_
#define SPINDLE_TESTS_SIM_SESSION_MODEL_H_

#include <cstdint>
#include <deque>
#include <string>

#include "base/random.h"
#include "net/session/session.h"
#include "net/types/buffer.h"

namespace spindle {

// One side of a session, as the model sees it.
struct Half {
  uint32_t id = 0;
  SessionHandle handle;
  uint64_t sent = 0;      // Taken by Send.
  uint64_t received = 0;  // Handed out.
  uint32_t peer = 0;      // The half that the messages came from; 0 while unknown.
  bool opened = false;
  bool ended = false;   // on_end was called.
  bool sealed = false;  // Nothing may be sent any more.
  bool closed = false;
  SessionCloseReason reason;

  // The message of number `sequence`: who, which, and bytes that depend on both.
  std::string Message(uint64_t sequence, size_t filler) const;
};

// What sessions may do, whatever happens to them; the first breach is kept. One thread.
class SessionModel {
 public:
  // Callbacks.
  Half& Open(Session& session);
  Half& Receive(Session& session, Buffer& message);
  Half& End(Session& session);
  void Close(Session& session, const SessionCloseReason& reason);

  void CheckAtTheEnd();
  void CheckNobodyTakenForDead();

  // Null if there is none.
  Half* AnyOpen(Random& random);
  bool AllClosed() const;
  std::deque<Half>& halves() { return halves_; }
  void Fail(std::string failure) {
    if (failure_.empty()) failure_ = std::move(failure);
  }
  const std::string& failure() const { return failure_; }

 private:
  // The half of `session`; a new one if it has none.
  Half& HalfOf(Session& session);
  Half& Half1(uint32_t id) { return halves_[id - 1]; }
  // The one whose messages come from `half`, or null.
  const Half* ReceiverOf(const Half& half) const;
  void CheckAgreed(const Half& half);

  std::deque<Half> halves_;  // By id, from 1.
  std::string failure_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_SESSION_MODEL_H_
