#ifndef SPINDLE_BENCH_MICRO_RIVAL_LOOPS_H_
#define SPINDLE_BENCH_MICRO_RIVAL_LOOPS_H_

#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include <asio.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread.h"
#include "net/loop/loop_ref.h"

// Threads that run a loop of each library, and take tasks from others.

namespace spindle::bench {

class OurThread {
 public:
  static constexpr const char* kName = "spindle";
  template <typename Task>
  void Post(Task task) {
    ref_.Post(std::move(task));
  }

 private:
  const std::unique_ptr<EventLoopThread> thread_ = *EventLoopThread::Start();
  const LoopRef ref_ = thread_->ref();
};

// Tasks in a vector under a mutex, for loops that know wake-ups only.
class TaskVector {
 public:
  using Task = std::function<void()>;

  // True if it is the first one since Take: the loop must be woken.
  bool Add(Task task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    return tasks_.size() == 1;
  }
  void RunAll() {
    {
      const std::lock_guard lock(mutex_);
      running_.swap(tasks_);
    }
    for (Task& task : running_) task();
    running_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<Task> tasks_;
  std::vector<Task> running_;
};

// Mutex, vector and eventfd; the eventfd is written when the vector was empty.
class VectorThread {
 public:
  static constexpr const char* kName = "mutex+vector";
  ~VectorThread() {
    Post([this] { quit_ = true; });
    thread_.join();
    close(wake_);
  }
  void Post(TaskVector::Task task) {
    if (tasks_.Add(std::move(task))) eventfd_write(wake_, 1);
  }

 private:
  void Run() {
    while (!quit_) {
      eventfd_t value = 0;
      eventfd_read(wake_, &value);
      tasks_.RunAll();
    }
  }

  const int wake_ = eventfd(0, EFD_CLOEXEC);
  TaskVector tasks_;
  bool quit_ = false;
  std::thread thread_{[this] { Run(); }};
};

class UvThread {
 public:
  static constexpr const char* kName = "libuv";
  UvThread() {
    uv_loop_init(&loop_);
    uv_async_init(&loop_, &async_,
                  [](uv_async_t* async) { static_cast<UvThread*>(async->data)->tasks_.RunAll(); });
    async_.data = this;
    thread_ = std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); });
  }
  ~UvThread() {
    Post([this] { uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr); });
    thread_.join();
    uv_loop_close(&loop_);
  }
  void Post(TaskVector::Task task) {
    if (tasks_.Add(std::move(task))) uv_async_send(&async_);
  }

 private:
  uv_loop_t loop_ = {};
  uv_async_t async_ = {};
  TaskVector tasks_;
  std::thread thread_;
};

class AsioThread {
 public:
  static constexpr const char* kName = "asio";
  ~AsioThread() {
    context_.stop();
    thread_.join();
  }
  template <typename Task>
  void Post(Task task) {
    asio::post(context_, std::move(task));
  }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  std::thread thread_{[this] { context_.run(); }};
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_MICRO_RIVAL_LOOPS_H_
