#ifndef SPINDLE_NET_LOOP_EVENT_LOOP_THREAD_H_
#define SPINDLE_NET_LOOP_EVENT_LOOP_THREAD_H_

#include <memory>

#include "absl/status/statusor.h"
#include "net/loop/event_loop.h"
#include "net/loop/loop_ref.h"

namespace spindle {

struct EventLoopThreadOptions {
  // The thread is named after the loop: the first 15 bytes of its name, which top -H shows.
  EventLoopOptions loop = {};
  // Runs on this processor only; -1: on any.
  int cpu = -1;
};

// A thread that makes a loop, runs it and destroys it.
//
// The thread blocks all signals but SIGPROF and those that name a fault of the thread itself
// (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT): handlers and SignalWatchers belong
// to the program's own threads. Programs that its callbacks exec(2) inherit that mask.
//
// loop() and ref() from any thread; the rest by one thread at a time.
class EventLoopThread {
 public:
  // Returns once the loop runs. Errors: those of EventLoop::Create; EAGAIN if there can be no more
  // threads; EINVAL if there is no such processor. No thread is left after an error.
  static absl::StatusOr<std::unique_ptr<EventLoopThread>> Start(
      EventLoopThreadOptions options = {});

  // Quits the loop and waits for the end of the thread, which destroys the loop; meanwhile serves
  // calls (LoopRef::CallAndWait) to a loop that the calling thread runs. On the loop's own thread
  // it only asks it to quit: the loop ends after the turn at hand, and nobody waits for that.
  ~EventLoopThread();
  EventLoopThread(const EventLoopThread&) = delete;
  EventLoopThread& operator=(const EventLoopThread&) = delete;

  // Valid until this object is destroyed. After EventLoop::Quit the loop stands still, but lives.
  EventLoop& loop() const;
  LoopRef ref() const;

 private:
  class Body;
  explicit EventLoopThread(std::shared_ptr<Body> body);

  const std::shared_ptr<Body> body_;  // Shared with the thread.
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_EVENT_LOOP_THREAD_H_
