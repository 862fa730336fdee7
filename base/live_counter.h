#ifndef SPINDLE_BASE_LIVE_COUNTER_H_
#define SPINDLE_BASE_LIVE_COUNTER_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spindle {

namespace internal_live_counter {

struct Counter {
  explicit constexpr Counter(std::string_view type_name) : name(type_name) {}
  const std::string_view name;
  std::atomic<int64_t> live{0};
  Counter* next = nullptr;  // registry list, never removed from
};

bool Register(Counter* counter) noexcept;

// "[with Type = spindle::Foo]" of g++ or "[Type = spindle::Foo]" of clang -> "spindle::Foo".
template <class Type>
constexpr std::string_view TypeName() {
  std::string_view text = __PRETTY_FUNCTION__;
  const std::string_view key = "Type = ";
  text.remove_prefix(text.find(key) + key.size());
  return text.substr(0, text.find_first_of(";]"));
}

// Constant-initialised: objects made before main count too.
template <class Tag>
inline constinit Counter counter{TypeName<Tag>()};

template <class Tag>
inline const bool registered = Register(&counter<Tag>);

}  // namespace internal_live_counter

// Counts the objects of a class that are alive: class Foo : private LiveCounted<Foo>. Any thread.
// Takes no space in the object. Costs one relaxed atomic addition to construct and one to destroy,
// in all builds. Copies and moved-from objects are objects too.
template <class Tag>
class LiveCounted {
 protected:
  LiveCounted() noexcept { Add(1); }
  LiveCounted(const LiveCounted&) noexcept { Add(1); }
  LiveCounted& operator=(const LiveCounted&) noexcept { return *this; }
  ~LiveCounted() { Add(-1); }

 private:
  static void Add(int64_t amount) noexcept {
    (void)internal_live_counter::registered<Tag>;  // odr-use: registers the type at start-up
    internal_live_counter::counter<Tag>.live.fetch_add(amount, std::memory_order_relaxed);
  }
};

// The number of `Tag` objects alive. Any thread; exact once the threads that made or destroyed
// them have been joined.
template <class Tag>
int64_t LiveCount() noexcept {
  return internal_live_counter::counter<Tag>.live.load(std::memory_order_relaxed);
}

struct LiveCountEntry {
  std::string name;  // the type, as the compiler writes it
  int64_t count = 0;
};

// All counters that are not zero, sorted by name: what a test fixture compares with nothing.
// Any thread; see LiveCount for exactness.
std::vector<LiveCountEntry> NonZeroLiveCounts();

}  // namespace spindle

#endif  // SPINDLE_BASE_LIVE_COUNTER_H_
