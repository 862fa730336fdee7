// Tasks from other threads, next to a mutex with a vector, libuv's uv_async with such a vector, and
// Asio's post; in one run.
//
// Catalogue of workloads:
//   Post/P   100,000 tasks from P producers, until the loop has run them all; ns and CPU for each
//   Wake     one task to a loop that sleeps: from the call until it runs
//
// Spread: --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "bench/micro/rival_loops.h"
#include "benchmark/benchmark.h"

namespace spindle::bench {
namespace {

constexpr int64_t kTasks = 100'000;

// Counts tasks on the loop's thread and tells one that waits for all of them.
class Countdown {
 public:
  void Start(int64_t count) {
    left_ = count;
    done_.store(false, std::memory_order_relaxed);
  }
  void Done() {
    if (--left_ > 0) return;
    done_.store(true, std::memory_order_release);
    done_.notify_one();
  }
  void Wait() { done_.wait(false, std::memory_order_acquire); }

 private:
  int64_t left_ = 0;
  std::atomic<bool> done_ = false;
};

template <typename Loop>
void Post(benchmark::State& state) {
  const int64_t producers = state.range(0);
  Loop loop;
  Countdown countdown;
  for (auto _ : state) {
    countdown.Start(kTasks);
    std::vector<std::thread> threads;
    for (int64_t i = 0; i < producers; ++i) {
      threads.emplace_back([&] {
        for (int64_t n = 0; n < kTasks / producers; ++n) {
          loop.Post([&countdown] { countdown.Done(); });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    countdown.Wait();
  }
  state.SetLabel(Loop::kName);
  state.SetItemsProcessed(state.iterations() * kTasks);
}

// Long enough for the loop to fall asleep after its last task.
constexpr std::chrono::microseconds kPause{200};

template <typename Loop>
void Wake(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  Loop loop;
  Countdown countdown;
  for (auto _ : state) {
    std::this_thread::sleep_for(kPause);
    countdown.Start(1);
    Clock::time_point ran;
    const Clock::time_point posted = Clock::now();
    loop.Post([&ran, &countdown] {
      ran = Clock::now();
      countdown.Done();
    });
    countdown.Wait();
    state.SetIterationTime(std::chrono::duration<double>(ran - posted).count());
  }
  state.SetLabel(Loop::kName);
}

#define SPINDLE_BENCHMARK_ALL(workload, ...)     \
  BENCHMARK(workload<OurThread>) __VA_ARGS__;    \
  BENCHMARK(workload<VectorThread>) __VA_ARGS__; \
  BENCHMARK(workload<UvThread>) __VA_ARGS__;     \
  BENCHMARK(workload<AsioThread>) __VA_ARGS__

SPINDLE_BENCHMARK_ALL(Post, ->Arg(1)->Arg(4)->MeasureProcessCPUTime()->UseRealTime());
SPINDLE_BENCHMARK_ALL(Wake, ->UseManualTime()->Iterations(2000));

}  // namespace
}  // namespace spindle::bench
