#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_LISTENER_WORKERS_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_LISTENER_WORKERS_H_

#include <event2/event.h>
#include <event2/event_struct.h>

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace spindle::compat {

// A thread with a base of its own that accepts for a listener, too.
//
// It is held by the listener and by its thread. The base lives until the listener has let go, and
// then until nothing is left in it: connections stay where they were accepted.
class ListenerWorker {
 public:
  // Null if the base or the thread cannot be made. `on_readable` is called with `listener` on the
  // worker's thread.
  static std::shared_ptr<ListenerWorker> Start(int fd, event_callback_fn on_readable,
                                               void* listener);

  ListenerWorker(const ListenerWorker&) = delete;
  ListenerWorker& operator=(const ListenerWorker&) = delete;

  // Any thread that holds the listener's lock or alone knows it.
  int Enable() { return event_add(&readable_, nullptr); }
  int Disable() { return event_del_noblock(&readable_); }

  // Lets go of it: it accepts no more. Waits for a callback that runs, unless that is the caller.
  void Release();

  // The base of the worker whose thread calls, if it works for `listener`; else null.
  static event_base* BaseHere(const void* listener);

 private:
  explicit ListenerWorker(void* listener) : listener_(listener) {}

  void Run();

  event_base* base_ = nullptr;
  event readable_ = {};
  void* const listener_;
  Mutex mutex_;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
};

// So many loops a listener may have.
inline constexpr int kMaxListenerLoops = 256;

// How many loops each listener of the program is to have: SPINDLE_LISTENER_LOOPS, or 1.
int ListenerLoops();

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_LISTENER_WORKERS_H_
