#ifndef SPINDLE_BENCH_LOAD_TIME_QUEUE_H_
#define SPINDLE_BENCH_LOAD_TIME_QUEUE_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace spindle::bench {

// Times, first in first out: when the messages of one connection that are not answered yet were
// sent. A ring that doubles when it is full, and never shrinks. One thread at a time.
class TimeQueue {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void Push(TimePoint time) {
    if (size_ == ring_.size()) Grow();
    ring_[(first_ + size_) & (ring_.size() - 1)] = time;
    ++size_;
  }

  // The oldest, taken out. Not if empty.
  TimePoint Pop() {
    const TimePoint time = ring_[first_];
    first_ = (first_ + 1) & (ring_.size() - 1);
    --size_;
    return time;
  }

  void Clear() { size_ = 0; }

  // Calls `visit(TimePoint)` for each, the oldest first.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    for (size_t i = 0; i < size_; ++i) visit(ring_[(first_ + i) & (ring_.size() - 1)]);
  }

 private:
  void Grow() {
    std::vector<TimePoint> larger(ring_.empty() ? 1 : 2 * ring_.size());
    size_t count = 0;
    ForEach([&](TimePoint time) { larger[count++] = time; });
    ring_ = std::move(larger);
    first_ = 0;
  }

  std::vector<TimePoint> ring_;  // A power of two long, or empty.
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_TIME_QUEUE_H_
