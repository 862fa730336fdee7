#ifndef SPINDLE_NET_LOOP_EVENT_LOOP_THREAD_POOL_H_
#define SPINDLE_NET_LOOP_EVENT_LOOP_THREAD_POOL_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread.h"

namespace spindle {

struct EventLoopThreadPoolOptions {
  // Threads besides the main loop's. With none the main loop does all the work.
  size_t workers = 0;
  // Worker i's loop and thread are called name-i.
  std::string name = "worker";
  // Worker i runs on processor cpus[i % cpus.size()] only. Empty: on any.
  std::vector<int> cpus = {};
  // For each worker's loop; its name is set by the pool.
  EventLoopOptions loop = {};
};

// A main loop, which somebody else owns and runs, and worker loops on threads of their own.
//
// Any thread, but for Start and the destructor. The set of loops never changes.
class EventLoopThreadPool {
 public:
  // Returns once all workers run. `main_loop` must outlive the pool. Errors: those of
  // EventLoopThread::Start; the workers that were started are stopped again.
  static absl::StatusOr<std::unique_ptr<EventLoopThreadPool>> Start(
      EventLoop& main_loop, EventLoopThreadPoolOptions options = {});

  // Quits all workers, then waits for each, as EventLoopThread does: allowed in callbacks of the
  // main loop and of workers.
  ~EventLoopThreadPool();
  EventLoopThreadPool(const EventLoopThreadPool&) = delete;
  EventLoopThreadPool& operator=(const EventLoopThreadPool&) = delete;

  EventLoop& main_loop() const { return main_loop_; }
  // The number of workers.
  size_t size() const { return threads_.size(); }
  // The workers' loops, or the main loop alone if there are no workers. Never empty.
  std::span<EventLoop* const> loops() const { return loops_; }

  // One of loops() after the other.
  EventLoop& NextLoop() {
    return *loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
  }
  // Always the same one for the same `hash`. Not mixed further: give it a hash whose low bits vary.
  EventLoop& LoopForHash(size_t hash) const { return *loops_[hash % loops_.size()]; }

 private:
  explicit EventLoopThreadPool(EventLoop& main_loop) : main_loop_(main_loop) {}

  EventLoop& main_loop_;
  std::vector<std::unique_ptr<EventLoopThread>> threads_;
  std::vector<EventLoop*> loops_;
  std::atomic<size_t> next_{0};
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_EVENT_LOOP_THREAD_POOL_H_
