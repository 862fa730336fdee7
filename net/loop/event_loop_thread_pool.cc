#include "net/loop/event_loop_thread_pool.h"

#include <utility>

#include "base/strings.h"

namespace spindle {

absl::StatusOr<std::unique_ptr<EventLoopThreadPool>> EventLoopThreadPool::Start(
    EventLoop& main_loop, EventLoopThreadPoolOptions options) {
  std::unique_ptr<EventLoopThreadPool> pool(new EventLoopThreadPool(main_loop));
  for (size_t i = 0; i < options.workers; ++i) {
    EventLoopThreadOptions worker{.loop = options.loop};
    worker.loop.name = Concat(options.name, "-", i);
    if (!options.cpus.empty()) worker.cpu = options.cpus[i % options.cpus.size()];
    auto thread = EventLoopThread::Start(std::move(worker));
    if (!thread.ok()) return thread.status();
    pool->loops_.push_back(&(*thread)->loop());
    pool->threads_.push_back(*std::move(thread));
  }
  if (pool->loops_.empty()) pool->loops_.push_back(&main_loop);
  return pool;
}

EventLoopThreadPool::~EventLoopThreadPool() {
  for (const auto& thread : threads_) thread->loop().Quit();
}

}  // namespace spindle
