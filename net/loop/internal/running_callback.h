#ifndef SPINDLE_NET_LOOP_INTERNAL_RUNNING_CALLBACK_H_
#define SPINDLE_NET_LOOP_INTERNAL_RUNNING_CALLBACK_H_

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "net/types/callback_origin.h"

namespace spindle {

// What a loop's thread is running, said to its watchdog: three plain stores for each callback.
//
// Written on the loop's thread; read there by a signal handler, and in part by other threads.
class RunningCallback {
 public:
  // ---- Loop thread.

  // `origin` must live until End.
  void Begin(const CallbackOrigin& origin) {
    origin_.store(&origin, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_release);
    Count();
  }
  void End() { Count(); }
  // The loop runs on this thread of `process`, the caller's. True if that is news.
  bool NoteThread(pid_t process) {
    struct Self {
      pid_t process = 0;
      pid_t thread = 0;
    };
    static thread_local constinit Self self;
    if (self.process != process) self = {process, gettid()};  // Once, and after fork.
    if (thread_.load(std::memory_order_relaxed) == self.thread) return false;
    thread_.store(self.thread, std::memory_order_relaxed);
    return true;
  }
  // The running callback's, or null if it is another than the one of `count`. Signal handlers may
  // ask.
  const CallbackOrigin* origin(uint64_t count) const {
    if (count_.load(std::memory_order_relaxed) != count) return nullptr;
    std::atomic_signal_fence(std::memory_order_acquire);
    return origin_.load(std::memory_order_relaxed);
  }

  // ---- Any thread.

  // Begins and ends so far: odd while a callback runs.
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  // The kernel's id of the loop's thread; 0 if there was none.
  pid_t thread() const { return thread_.load(std::memory_order_relaxed); }

 private:
  void Count() {
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::atomic<const CallbackOrigin*> origin_{nullptr};
  std::atomic<uint64_t> count_{0};
  std::atomic<pid_t> thread_{0};
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_RUNNING_CALLBACK_H_
