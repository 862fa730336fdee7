// Timers, next to libevent's, libuv's and Asio's, and a set ordered by time; in one run.
//
// Catalogue of workloads, N timers:
//   CancelAdd/N   one at random of N that wait is cancelled and added anew, for another time
//   AddFire/N     N are added, due in an order left to chance, and run; time for each
//
// Ours is measured twice: RunAfter and Cancel of EventLoop, which owns a callback for each timer,
// and TimerQueue, whose entries are embedded in their owners, as connections have them.
//
// Spread: --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true.

#include <event2/event.h>
#include <event2/event_struct.h>
#include <uv.h>

#include <asio.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "base/clock.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/loop/timer_queue.h"

namespace spindle::bench {
namespace {

using std::chrono::milliseconds;

// Each has: Add(i, delay) for timer i of N, Cancel(i), and RunDue() which runs what is due and
// counts it in `fired`.

class Ours {
 public:
  static constexpr const char* kName = "spindle RunAfter";
  explicit Ours(size_t count) : ids_(count) {}
  void Add(size_t i, milliseconds delay) {
    ids_[i] = loop_->RunAfter(delay, [this] { ++fired; });
  }
  void Cancel(size_t i) { loop_->Cancel(ids_[i]); }
  void RunDue() { static_cast<void>(loop_->RunOnce(WaitMode::kPoll)); }

  size_t fired = 0;

 private:
  const std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  std::vector<TimerId> ids_;
};

class OurQueue {
 public:
  static constexpr const char* kName = "spindle TimerQueue";
  explicit OurQueue(size_t count) : entries_(std::make_unique<Entry[]>(count)) {
    for (size_t i = 0; i < count; ++i) entries_[i].queue = this;
  }
  void Add(size_t i, milliseconds delay) { timers_.Add(entries_[i], now_ + delay); }
  void Cancel(size_t i) { timers_.Remove(entries_[i]); }
  void RunDue() {
    now_ = SteadyNow();  // Once for each turn of a loop.
    timers_.RunDue(now_);
  }

  size_t fired = 0;

 private:
  struct Entry final : TimerEntry {
    void OnTimer() override { ++queue->fired; }
    OurQueue* queue = nullptr;
  };
  static TimePoint SteadyNow() { return std::chrono::steady_clock::now(); }

  TimePoint now_ = SteadyNow();
  std::unique_ptr<Entry[]> entries_;
  TimerQueue timers_;
};

class LibEvent {
 public:
  static constexpr const char* kName = "libevent";
  explicit LibEvent(size_t count) : base_(event_base_new()), events_(count) {
    for (event& each : events_) evtimer_assign(&each, base_, OnTimer, this);
  }
  ~LibEvent() {
    for (event& each : events_) event_del(&each);
    event_base_free(base_);
  }
  void Add(size_t i, milliseconds delay) {
    const timeval time = {.tv_sec = delay.count() / 1000, .tv_usec = delay.count() % 1000 * 1000};
    event_add(&events_[i], &time);
  }
  void Cancel(size_t i) { event_del(&events_[i]); }
  void RunDue() { event_base_loop(base_, EVLOOP_NONBLOCK); }

  size_t fired = 0;

 private:
  static void OnTimer(evutil_socket_t, short, void* self) { ++static_cast<LibEvent*>(self)->fired; }

  event_base* const base_;
  std::vector<event> events_;
};

class LibUv {
 public:
  static constexpr const char* kName = "libuv";
  explicit LibUv(size_t count) : timers_(count) {
    uv_loop_init(&loop_);
    for (uv_timer_t& timer : timers_) {
      uv_timer_init(&loop_, &timer);
      timer.data = this;
    }
  }
  ~LibUv() {
    for (uv_timer_t& timer : timers_) uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
  }
  void Add(size_t i, milliseconds delay) {
    uv_timer_start(
        &timers_[i], [](uv_timer_t* timer) { ++static_cast<LibUv*>(timer->data)->fired; },
        static_cast<uint64_t>(delay.count()), 0);
  }
  void Cancel(size_t i) { uv_timer_stop(&timers_[i]); }
  void RunDue() { uv_run(&loop_, UV_RUN_NOWAIT); }

  size_t fired = 0;

 private:
  uv_loop_t loop_ = {};
  std::vector<uv_timer_t> timers_;
};

class Asio {
 public:
  static constexpr const char* kName = "asio";
  explicit Asio(size_t count) {
    timers_.reserve(count);
    for (size_t i = 0; i < count; ++i) timers_.emplace_back(context_);
  }
  void Add(size_t i, milliseconds delay) {
    timers_[i].expires_after(delay);
    timers_[i].async_wait([this](std::error_code error) {
      if (!error) ++fired;
    });
  }
  // The cancelled handlers run, too.
  void Cancel(size_t i) {
    timers_[i].cancel();
    context_.poll();
    context_.restart();
  }
  void RunDue() {
    context_.poll();
    context_.restart();
  }

  size_t fired = 0;

 private:
  asio::io_context context_{1};
  std::vector<asio::steady_timer> timers_;
};

class Btree {
 public:
  static constexpr const char* kName = "absl::btree_set";
  explicit Btree(size_t count) : deadlines_(count) {}
  void Add(size_t i, milliseconds delay) {
    deadlines_[i] = now_ + delay;
    timers_.emplace(deadlines_[i], i);
  }
  void Cancel(size_t i) { timers_.erase({deadlines_[i], i}); }
  void RunDue() {
    now_ = std::chrono::steady_clock::now();
    while (!timers_.empty() && timers_.begin()->first <= now_) {
      timers_.erase(timers_.begin());
      ++fired;
    }
  }

  size_t fired = 0;

 private:
  TimePoint now_ = std::chrono::steady_clock::now();
  std::vector<TimePoint> deadlines_;
  absl::btree_set<std::pair<TimePoint, size_t>> timers_;
};

// Cheap, so that it is no part of what is measured.
milliseconds RandomDelay(Random& random) {
  return milliseconds(100'000 + static_cast<int64_t>(random.Next() >> 44));
}

template <typename Timers>
void CancelAdd(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  Random random(1);
  Timers timers(count);
  for (size_t i = 0; i < count; ++i) timers.Add(i, RandomDelay(random));
  for (auto _ : state) {
    const auto i = static_cast<size_t>((random.Next() >> 32) * count >> 32);
    timers.Cancel(i);
    timers.Add(i, RandomDelay(random));
  }
  state.SetLabel(Timers::kName);
}

template <typename Timers>
void AddFire(benchmark::State& state) {
  constexpr int64_t kSpreadMs = 16;
  const auto count = static_cast<size_t>(state.range(0));
  Random random(1);
  Timers timers(count);
  for (auto _ : state) {
    timers.fired = 0;
    timers.RunDue();  // The clock.
    for (size_t i = 0; i < count; ++i) {
      timers.Add(i, milliseconds(static_cast<int64_t>(random.Next() >> 60)));
    }
    state.PauseTiming();  // Until all are due.
    std::this_thread::sleep_for(milliseconds(2 * kSpreadMs));
    state.ResumeTiming();
    while (timers.fired < count) timers.RunDue();
  }
  state.SetLabel(Timers::kName);
  state.counters["each"] =
      benchmark::Counter(static_cast<double>(count), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}

#define SPINDLE_BENCHMARK_ALL(workload)                       \
  BENCHMARK(workload<Ours>)->Arg(10'000)->Arg(1'000'000);     \
  BENCHMARK(workload<OurQueue>)->Arg(10'000)->Arg(1'000'000); \
  BENCHMARK(workload<LibEvent>)->Arg(10'000)->Arg(1'000'000); \
  BENCHMARK(workload<LibUv>)->Arg(10'000)->Arg(1'000'000);    \
  BENCHMARK(workload<Asio>)->Arg(10'000)->Arg(1'000'000);     \
  BENCHMARK(workload<Btree>)->Arg(10'000)->Arg(1'000'000)

SPINDLE_BENCHMARK_ALL(CancelAdd);
SPINDLE_BENCHMARK_ALL(AddFire);

}  // namespace
}  // namespace spindle::bench
