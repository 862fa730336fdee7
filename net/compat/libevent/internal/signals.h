#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_SIGNALS_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_SIGNALS_H_

#include <event2/event_struct.h>
#include <signal.h>

#include <functional>
#include <memory>

#include "net/backend/io_backend.h"
#include "net/compat/libevent/internal/queues.h"

struct event_base;

namespace spindle::compat {

// The events of one base that wait for signals.
//
// Signals are caught by handlers, not by signalfd(2): a program's threads and children keep the
// masks that they would have without us. A handler counts the signal and wakes the loop. Handlers
// are the process's, so only one base gets signals: the last one that added a signal or began to
// run.
//
// Guarded by the lock of the base.
class Signals {
 public:
  explicit Signals(event_base& base);
  // Puts the former handlers back.
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // 0, or 1 if the handler of the signal was set or put back; -1 if there is no such signal.
  int Add(event* ev);
  int Remove(event* ev);

  // This base gets the signals from now on, if it waits for any; also when it has a new waker.
  void Claim();
  // After each wait: if signals have been caught, a callback of the library's own becomes active;
  // in its turn among the others it makes those active that wait for them.
  void NoteCaught();
  // Makes those active that wait for `signal`.
  void Activate(int signal, int count);

  int ForEach(const std::function<int(event*)>& visit) const;

 private:
  void Own();
  void Disown();
  void TakeCaught();

  event_base& base_;
  std::shared_ptr<Waker> waker_;
  event_callback take_;  // TakeCaught, in the queue of the most urgent.
  int handled_ = 0;      // How many signals have our handler because of this base.
  EventList lists_[NSIG];
  std::unique_ptr<struct sigaction> before_[NSIG];
};

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_SIGNALS_H_
