#ifndef SPINDLE_NET_LOOP_INTERNAL_HAND_OVER_QUEUE_H_
#define SPINDLE_NET_LOOP_INTERNAL_HAND_OVER_QUEUE_H_

#include <errno.h>

#include <atomic>
#include <cstddef>
#include <deque>
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
// The acceptor queues a connection first and registers it then, outside of the mutex. So a loop
// that gets an event for a token it does not know finds it in the queue; and such a connection is
// certainly registered. One without an event may be still on its way into the epoll set: the loop
// adopts it only when Take says that none is (`settled`), or else a connection that is closed at
// once could be registered after that, under a descriptor that is somebody else's by then.
//
// Any thread, but for the functions marked. Outlives the loop, held by the acceptors.
class HandOverQueue {
 public:
  // `backend` must live until Close.
  explicit HandOverQueue(IoBackend& backend) : backend_(backend) {}

  // Queues `token` and registers token.fd(), edge-triggered. On an error nothing happened and the
  // descriptor is still the caller's: as IoBackend::Add; ECANCELED once the loop is gone.
  // `target` must live until the loop has taken it.
  IoError HandOver(SlotToken token, Interest interest, AdoptTarget& target,
                   const SocketAddress& peer) {
    {
      MutexLock lock(mutex_);
      if (closed_) return IoError(ECANCELED, IoOp::kAccept);
      ++registering_;
      queue_.push_back(HandedOver{token, &target, peer});
      has_items_.store(true, std::memory_order_relaxed);
    }
    const IoError error = backend_.Add(token, interest, Trigger::kEdge);
    MutexLock lock(mutex_);
    --registering_;
    if (!error.ok() && std::erase_if(queue_, [&](const HandedOver& handed) {
                         return handed.token == token;
                       }) == 0) {
      failed_.push_back(token);  // The loop has taken it: it will find it here.
    }
    if (closed_) settled_.NotifyAll();
    return error;
  }

  // A hint, one load.
  bool empty() const { return !has_items_.load(std::memory_order_relaxed); }

  // Loop thread only. Appends what is queued to `out`, which holds what was taken and not adopted
  // before, and removes from it what could not be registered. True if all in it is registered.
  bool Take(std::deque<HandedOver>& out) {
    MutexLock lock(mutex_);
    out.insert(out.end(), queue_.begin(), queue_.end());
    queue_.clear();
    has_items_.store(false, std::memory_order_relaxed);
    for (const SlotToken token : failed_) {
      std::erase_if(out, [&](const HandedOver& handed) { return handed.token == token; });
    }
    failed_.clear();
    return registering_ == 0;
  }

  // Loop thread only: refuses everything from now on, and waits for registrations under way.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    while (registering_ > 0) settled_.Wait(mutex_);
  }

 private:
  IoBackend& backend_;
  Mutex mutex_;
  CondVar settled_;
  std::vector<HandedOver> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<SlotToken> failed_ ABSL_GUARDED_BY(mutex_);
  size_t registering_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> has_items_{false};
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_HAND_OVER_QUEUE_H_
