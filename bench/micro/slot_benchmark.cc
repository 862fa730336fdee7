// From what epoll_data names to the object: our table by descriptor with a generation, next to hash
// maps by descriptor, which do not notice an event for one that was closed and used again, and the
// bound, a plain pointer in epoll_data; in one run.
//
// Catalogue of workloads:
//   Lookup/N   one at random of N open connections is found and touched
//   Stale/N    the same, but the registration has ended
//
// Spread: --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "net/backend/io_event.h"
#include "net/backend/io_slot.h"
#include "net/backend/slot_token.h"
#include "net/loop/internal/slot_table.h"

namespace spindle::bench {
namespace {

class Slot final : public IoSlot {
 public:
  uint64_t touched = 0;

 private:
  void OnIoEvent(const IoEvent&) override {}
  void OnLoopGone() override {}
};

struct OurTable {
  static constexpr const char* kName = "SlotTable";
  using Key = SlotToken;
  void Put(int fd, Slot* slot) {
    keys.push_back(SlotToken::Next(fd));
    table.Put(keys.back(), slot);
  }
  Slot* Find(Key key) const { return static_cast<Slot*>(table.Find(key)); }
  void Erase(Key key) { table.Erase(key); }

  std::vector<Key> keys;
  SlotTable table;
};

template <typename Map>
struct ByFd {
  using Key = int;
  void Put(int fd, Slot* slot) {
    keys.push_back(fd);
    map.emplace(fd, slot);
  }
  Slot* Find(Key key) const {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : found->second;
  }
  void Erase(Key key) { map.erase(key); }

  std::vector<Key> keys;
  Map map;
};
struct FlatHashMap : ByFd<absl::flat_hash_map<int, Slot*>> {
  static constexpr const char* kName = "absl::flat_hash_map";
};
struct UnorderedMap : ByFd<std::unordered_map<int, Slot*>> {
  static constexpr const char* kName = "std::unordered_map";
};

struct Pointer {
  static constexpr const char* kName = "pointer";
  using Key = Slot*;
  void Put(int /*fd*/, Slot* slot) { keys.push_back(slot); }
  Slot* Find(Key key) const { return key; }

  std::vector<Key> keys;
};

template <typename Table>
class Filled {
 public:
  explicit Filled(size_t count) : slots_(std::make_unique<Slot[]>(count)), count_(count) {
    for (size_t i = 0; i < count; ++i) table.Put(static_cast<int>(i + 16), &slots_[i]);
  }
  auto RandomKey() {
    return table.keys[static_cast<size_t>((random_.Next() >> 32) * count_ >> 32)];
  }

  Table table;

 private:
  const std::unique_ptr<Slot[]> slots_;
  const size_t count_;
  Random random_{1};
};

template <typename Table>
void Lookup(benchmark::State& state) {
  Filled<Table> filled(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    Slot* const slot = filled.table.Find(filled.RandomKey());
    if (slot != nullptr) ++slot->touched;
    benchmark::ClobberMemory();
  }
  state.SetLabel(Table::kName);
}

template <typename Table>
void Stale(benchmark::State& state) {
  Filled<Table> filled(static_cast<size_t>(state.range(0)));
  for (const auto key : filled.table.keys) filled.table.Erase(key);
  for (auto _ : state) benchmark::DoNotOptimize(filled.table.Find(filled.RandomKey()));
  state.SetLabel(Table::kName);
}

BENCHMARK(Lookup<OurTable>)->Arg(64)->Arg(10'000);
BENCHMARK(Lookup<FlatHashMap>)->Arg(64)->Arg(10'000);
BENCHMARK(Lookup<UnorderedMap>)->Arg(64)->Arg(10'000);
BENCHMARK(Lookup<Pointer>)->Arg(64)->Arg(10'000);
BENCHMARK(Stale<OurTable>)->Arg(10'000);
BENCHMARK(Stale<FlatHashMap>)->Arg(10'000);
BENCHMARK(Stale<UnorderedMap>)->Arg(10'000);

}  // namespace
}  // namespace spindle::bench
