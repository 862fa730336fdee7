// Buffer next to std::string, absl::Cord, libevent's evbuffer and, as the bound, one flat block
// with two indexes that neither grows nor shares; in one run.
//
// Catalogue of workloads; each is run on all five:
//   AppendConsume/N     append N bytes, consume them: one message through a connection
//   AppendMany/N        1,000 appends of N bytes, then consumed in bites of 4 KiB; time per append
//   AppendManyFresh     the same from a fresh buffer, 64 bytes: with the growing
//   AppendFixed         1,000 appends of 64 bytes, a size that the compiler knows; time per append
//   AppendMoveConsume   append 64 bytes, move the buffer into another, consume there
//   Move                move a buffer of 64 bytes to and fro; time per move
//   Queue               16 x 64 KiB appended, consumed in steps of 40,000: a slow reader's queue
//   HeaderAndBody       8 bytes in front of 1,000 that are there already, then consumed
//
// Sizes are hidden from the compiler. Spread: --benchmark_repetitions=9
// --benchmark_enable_random_interleaving=true, and read the medians of one run only.

#include <event2/buffer.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/cord.h"
#include "benchmark/benchmark.h"
#include "net/types/buffer.h"

namespace spindle {
namespace {

struct OurBuffer {
  Buffer bytes;
  void Append(std::string_view data) { bytes.Append(data); }
  void Prepend(std::string_view data) { bytes.Prepend(data); }
  void Consume(size_t n) { bytes.Consume(n); }
};

struct String {
  std::string bytes;
  void Append(std::string_view data) { bytes.append(data); }
  void Prepend(std::string_view data) { bytes.insert(0, data); }
  void Consume(size_t n) { bytes.erase(0, n); }
};

struct Cord {
  absl::Cord bytes;
  void Append(std::string_view data) { bytes.Append(absl::string_view(data.data(), data.size())); }
  void Prepend(std::string_view data) {
    bytes.Prepend(absl::string_view(data.data(), data.size()));
  }
  void Consume(size_t n) { bytes.RemovePrefix(n); }
};

// libevent's; a move is that of all its chains into another one.
struct EvBuffer {
  struct Bytes {
    Bytes() = default;
    Bytes(Bytes&& other) noexcept { *this = std::move(other); }
    Bytes& operator=(Bytes&& other) noexcept {
      evbuffer_add_buffer(buffer, other.buffer);
      return *this;
    }
    ~Bytes() { evbuffer_free(buffer); }
    evbuffer* buffer = evbuffer_new();
  };
  Bytes bytes;
  void Append(std::string_view data) { evbuffer_add(bytes.buffer, data.data(), data.size()); }
  void Prepend(std::string_view data) { evbuffer_prepend(bytes.buffer, data.data(), data.size()); }
  void Consume(size_t n) { evbuffer_drain(bytes.buffer, n); }
};

struct FlatBlock {
  struct Bytes {
    std::unique_ptr<char[]> block = std::make_unique_for_overwrite<char[]>(kSize);
    size_t begin = 0;
    size_t end = 0;
  };
  static constexpr size_t kSize = 17 * 65536;
  static constexpr size_t kHeadroom = 16;

  Bytes bytes;
  void Append(std::string_view data) {
    if (bytes.begin == bytes.end) bytes.begin = bytes.end = kHeadroom;
    if (data.size() > kSize - bytes.end) std::abort();
    std::memcpy(bytes.block.get() + bytes.end, data.data(), data.size());
    bytes.end += data.size();
  }
  void Prepend(std::string_view data) {
    if (data.size() > bytes.begin) std::abort();
    bytes.begin -= data.size();
    std::memcpy(bytes.block.get() + bytes.begin, data.data(), data.size());
  }
  void Consume(size_t n) { bytes.begin += n; }
};

std::string_view Hidden(const std::string& text) {
  size_t size = text.size();
  benchmark::DoNotOptimize(size);
  return {text.data(), size};
}

template <typename T>
void AppendConsume(benchmark::State& state) {
  const std::string text(static_cast<size_t>(state.range(0)), 'x');
  T buffer;
  for (auto _ : state) {
    const std::string_view data = Hidden(text);
    buffer.Append(data);
    benchmark::ClobberMemory();
    buffer.Consume(data.size());
  }
}

constexpr int kAppends = 1000;

template <typename T>
void ConsumeInBites(T& buffer, size_t size, size_t bite) {
  for (size_t left = size; left > 0; left -= std::min(left, bite)) {
    buffer.Consume(std::min(left, bite));
  }
}

void ReportPer(benchmark::State& state, const char* what, int count) {
  state.counters[what] = benchmark::Counter(
      count, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <typename T>
void AppendMany(benchmark::State& state) {
  const std::string text(static_cast<size_t>(state.range(0)), 'x');
  T buffer;
  for (auto _ : state) {
    for (int i = 0; i < kAppends; ++i) {
      buffer.Append(Hidden(text));
      benchmark::ClobberMemory();
    }
    ConsumeInBites(buffer, kAppends * text.size(), 4096);
  }
  ReportPer(state, "per_append", kAppends);
}

template <typename T>
void AppendManyFresh(benchmark::State& state) {
  const std::string text(64, 'x');
  for (auto _ : state) {
    T buffer;
    for (int i = 0; i < kAppends; ++i) {
      buffer.Append(Hidden(text));
      benchmark::ClobberMemory();
    }
    ConsumeInBites(buffer, kAppends * text.size(), 4096);
  }
  ReportPer(state, "per_append", kAppends);
}

template <typename T>
void AppendFixed(benchmark::State& state) {
  static constexpr char kText[64] = {};
  T buffer;
  for (auto _ : state) {
    for (int i = 0; i < kAppends; ++i) {
      buffer.Append(std::string_view(kText, sizeof(kText)));
      benchmark::ClobberMemory();
    }
    ConsumeInBites(buffer, kAppends * sizeof(kText), 4096);
  }
  ReportPer(state, "per_append", kAppends);
}

template <typename T>
void AppendMoveConsume(benchmark::State& state) {
  const std::string text(64, 'x');
  T buffer;
  T other;
  for (auto _ : state) {
    const std::string_view data = Hidden(text);
    buffer.Append(data);
    other = std::move(buffer);
    benchmark::ClobberMemory();
    other.Consume(data.size());
    buffer = std::move(other);
  }
}

template <typename T>
void Move(benchmark::State& state) {
  T buffer;
  T other;
  buffer.Append(std::string(64, 'x'));
  for (auto _ : state) {
    other.bytes = std::move(buffer.bytes);
    benchmark::DoNotOptimize(other);
    buffer.bytes = std::move(other.bytes);
    benchmark::DoNotOptimize(buffer);
  }
  ReportPer(state, "per_move", 2);
}

template <typename T>
void Queue(benchmark::State& state) {
  const std::string text(65536, 'x');
  for (auto _ : state) {
    T buffer;
    for (int i = 0; i < 16; ++i) buffer.Append(Hidden(text));
    ConsumeInBites(buffer, 16 * text.size(), 40000);
  }
  state.SetBytesProcessed(state.iterations() * 16 * 65536);
}

template <typename T>
void HeaderAndBody(benchmark::State& state) {
  const std::string body(1000, 'x');
  const std::string header(8, 'h');
  T buffer;
  for (auto _ : state) {
    buffer.Append(Hidden(body));
    buffer.Prepend(Hidden(header));
    benchmark::ClobberMemory();
    buffer.Consume(body.size() + header.size());
  }
}

#define SPINDLE_BENCHMARK_ALL(workload, ...)  \
  BENCHMARK(workload<OurBuffer>) __VA_ARGS__; \
  BENCHMARK(workload<String>) __VA_ARGS__;    \
  BENCHMARK(workload<Cord>) __VA_ARGS__;      \
  BENCHMARK(workload<EvBuffer>) __VA_ARGS__;  \
  BENCHMARK(workload<FlatBlock>) __VA_ARGS__

SPINDLE_BENCHMARK_ALL(AppendConsume, ->Arg(64)->Arg(16384));
SPINDLE_BENCHMARK_ALL(AppendMany, ->Arg(8)->Arg(64));
SPINDLE_BENCHMARK_ALL(AppendManyFresh);
SPINDLE_BENCHMARK_ALL(AppendFixed);
SPINDLE_BENCHMARK_ALL(AppendMoveConsume);
SPINDLE_BENCHMARK_ALL(Move);
SPINDLE_BENCHMARK_ALL(Queue);
SPINDLE_BENCHMARK_ALL(HeaderAndBody);

}  // namespace
}  // namespace spindle
