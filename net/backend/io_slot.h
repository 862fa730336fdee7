#ifndef SPINDLE_NET_BACKEND_IO_SLOT_H_
#define SPINDLE_NET_BACKEND_IO_SLOT_H_

#include "net/backend/io_event.h"
#include "net/types/callback_origin.h"

namespace spindle {

// Whatever a loop dispatches to: a connection, a listener, a connecting socket, a watched
// descriptor. It is in the loop's slot table from Attach to Detach, and gets nothing before or
// after.
//
// Loop thread only. The loop does not own a slot; the slot's owner detaches it before it dies.
class IoSlot {
 public:
  IoSlot() = default;
  IoSlot(const IoSlot&) = delete;
  IoSlot& operator=(const IoSlot&) = delete;

  // The registration, or an invalid token while detached.
  SlotToken token() const { return token_; }
  int fd() const { return token_.fd(); }

  // An event of this turn.
  virtual void OnIoEvent(const IoEvent& event) = 0;
  // The slot asked for a call later in this turn or early in the next (IoHost::MarkReady): there is
  // more to read, accept or write, but others come first.
  virtual void OnReady() {}
  // The end of a turn in which the slot asked for it (IoHost::MarkFlush).
  virtual void OnFlush() {}
  // Whose callback is run, where the loop is asked to tell.
  virtual CallbackOrigin origin() const { return {.kind = "descriptor"}; }
  // The loop is being destroyed: detach and let go of the descriptor now.
  virtual void OnLoopGone() = 0;

 protected:
  ~IoSlot() = default;

  // OnReady is due.
  bool marked_ready() const { return marked_ready_; }

 private:
  friend class IoHost;
  SlotToken token_;
  bool marked_ready_ = false;  // In the loop's ready list.
  bool marked_flush_ = false;  // In the loop's flush list.
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_IO_SLOT_H_
