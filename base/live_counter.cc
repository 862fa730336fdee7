#include "base/live_counter.h"

#include <algorithm>

namespace spindle {
namespace internal_live_counter {
namespace {
constinit std::atomic<Counter*> registry{nullptr};
}  // namespace

bool Register(Counter* counter) noexcept {
  counter->next = registry.load(std::memory_order_relaxed);
  while (!registry.compare_exchange_weak(counter->next, counter, std::memory_order_release,
                                         std::memory_order_relaxed)) {
  }
  return true;
}

}  // namespace internal_live_counter

std::vector<LiveCountEntry> NonZeroLiveCounts() {
  std::vector<LiveCountEntry> entries;
  const internal_live_counter::Counter* counter =
      internal_live_counter::registry.load(std::memory_order_acquire);
  for (; counter != nullptr; counter = counter->next) {
    const int64_t live = counter->live.load(std::memory_order_relaxed);
    if (live != 0) entries.push_back({std::string(counter->name), live});
  }
  std::sort(entries.begin(), entries.end(),
            [](const LiveCountEntry& a, const LiveCountEntry& b) { return a.name < b.name; });
  return entries;
}

}  // namespace spindle
