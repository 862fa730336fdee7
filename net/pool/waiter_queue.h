#ifndef SPINDLE_NET_POOL_WAITER_QUEUE_H_
#define SPINDLE_NET_POOL_WAITER_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace spindle {

// Who waits for something that comes one at a time, in order of arrival, each with a deadline.
// Loop-free, knows no clock; one thread at a time.
//
// Each waiter leaves exactly once: whoever takes it out owes it the answer. `Payload` is what is
// needed to answer; it is moved, never copied.
template <class Payload>
class WaiterQueue {
 public:
  struct Waiter {
    uint64_t number = 0;  // Its place: lower ones are served first. Unique.
    TimePoint deadline = kNever;
    TimePoint since;     // Since when it waits.
    bool picky = false;  // PopAny serves it, PopEasy passes it over.
    Payload payload;
  };

  // In its place by number: one that was taken out and put back has lost nothing.
  void Add(Waiter waiter) {
    if (waiter.picky) ++picky_;
    deadlines_.emplace(waiter.deadline, waiter.number);
    const uint64_t number = waiter.number;
    waiters_.emplace(number, std::move(waiter));
  }

  // The first of all; of those that are not picky. Nothing if there is none.
  std::optional<Waiter> PopAny() {
    if (waiters_.empty()) return std::nullopt;
    return Take(waiters_.begin());
  }
  std::optional<Waiter> PopEasy() {
    if (picky_ == waiters_.size()) return std::nullopt;
    auto at = waiters_.begin();
    while (at->second.picky) ++at;
    return Take(at);
  }

  // The one of that number, if it waits here.
  std::optional<Waiter> TakeNumber(uint64_t number) {
    const auto at = waiters_.find(number);
    if (at == waiters_.end()) return std::nullopt;
    return Take(at);
  }

  // Takes out those whose deadline is not after `now`, earliest deadline first.
  std::vector<Waiter> TakeExpired(TimePoint now) {
    std::vector<Waiter> expired;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      expired.push_back(Take(waiters_.find(deadlines_.begin()->second)));
    }
    return expired;
  }
  // In order of arrival.
  std::vector<Waiter> TakeAll() {
    std::vector<Waiter> all;
    while (!waiters_.empty()) all.push_back(Take(waiters_.begin()));
    return all;
  }

  size_t size() const { return waiters_.size(); }
  bool empty() const { return waiters_.empty(); }
  bool has_easy() const { return picky_ < waiters_.size(); }
  // Null if nobody waits.
  const Waiter* first() const { return waiters_.empty() ? nullptr : &waiters_.begin()->second; }
  // kNever if nobody waits.
  TimePoint next_deadline() const {
    return deadlines_.empty() ? kNever : deadlines_.begin()->first;
  }

 private:
  using Map = std::map<uint64_t, Waiter>;

  Waiter Take(typename Map::iterator at) {
    Waiter waiter = std::move(at->second);
    if (waiter.picky) --picky_;
    deadlines_.erase({waiter.deadline, waiter.number});
    waiters_.erase(at);
    return waiter;
  }

  Map waiters_;
  std::set<std::pair<TimePoint, uint64_t>> deadlines_;
  size_t picky_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_WAITER_QUEUE_H_
