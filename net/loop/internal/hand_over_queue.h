#ifndef SPINDLE_NET_LOOP_INTERNAL_HAND_OVER_QUEUE_H_
#define SPINDLE_NET_LOOP_INTERNAL_HAND_OVER_QUEUE_H_

#include <errno.h>

#include <atomic>
#include <vector>

#include "base/mutex.h"
#include "net/backend/io_backend.h"
#include "net/backend/slot_token.h"
#include "net/types/socket_address.h"

namespace spindle {

// Takes connections that an acceptor on another thread has registered with a loop's back end.
class AdoptTarget {
 public:
  // The registration `token` is this loop's from now on, and so is its descriptor. Loop thread.
  virtual void Adopt(SlotToken token, const SocketAddress& peer) = 0;

 protected:
  ~AdoptTarget() = default;
};

struct HandedOver {
  SlotToken token;
  AdoptTarget* target = nullptr;
  SocketAddress peer;
};

// Connections on their way from an acceptor to a loop. The acceptor registers the descriptor on the
// loop's back end itself, so that no wake-up and no task is needed: the loop learns of the
// connection when there is something to do for it.
//
// Registration and queueing are one step under the mutex. So a loop that gets an event for a token
// it does not know, and then takes the queue, is sure to find it there; and a connection that was
// adopted (and perhaps closed at once) is never registered after that.
//
// Any thread, but for the functions marked. Outlives the loop, held by the acceptors.
class HandOverQueue {
 public:
  // `backend` must live until Close.
  explicit HandOverQueue(IoBackend& backend) : backend_(backend) {}

  // Registers token.fd(), edge-triggered, and queues it. On an error nothing happened and the
  // descriptor is still the caller's: as IoBackend::Add; ECANCELED once the loop is gone.
  // `target` must live until the loop has taken it.
  IoError HandOver(SlotToken token, Interest interest, AdoptTarget& target,
                   const SocketAddress& peer) {
    MutexLock lock(mutex_);
    if (closed_) return IoError(ECANCELED, IoOp::kAccept);
    if (IoError error = backend_.Add(token, interest, Trigger::kEdge); !error.ok()) return error;
    queue_.push_back(HandedOver{token, &target, peer});
    has_items_.store(true, std::memory_order_relaxed);
    return IoError();
  }

  // A hint, one load.
  bool empty() const { return !has_items_.load(std::memory_order_relaxed); }

  // Loop thread only. Waits for a hand-over that is under way. `out` must be empty.
  void TakeAll(std::vector<HandedOver>& out) {
    MutexLock lock(mutex_);
    out.swap(queue_);
    has_items_.store(false, std::memory_order_relaxed);
  }

  // Loop thread only: refuses everything from now on.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
  }

 private:
  IoBackend& backend_;
  Mutex mutex_;
  std::vector<HandedOver> queue_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> has_items_{false};
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_HAND_OVER_QUEUE_H_
