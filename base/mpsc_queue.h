#ifndef SPINDLE_BASE_MPSC_QUEUE_H_
#define SPINDLE_BASE_MPSC_QUEUE_H_

#include <atomic>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/check.h"
#include "base/mutex.h"

namespace spindle {

enum class PushResult {
  kQueued,       // behind others: whoever pushed the first has woken the consumer
  kQueuedFirst,  // the queue was empty: the caller must wake the consumer
  kClosed,       // refused; the value was left untouched
};

// Hands values from any number of threads to one consumer, which takes them in batches.
// Values of one producer keep their order. Values left at destruction are destroyed on the thread
// that destroys the queue. Unbounded. Allocates only while it grows: the storage of two batches
// goes back and forth between the queue and the consumer, and is never given back before
// destruction.
//
// The lock is held for one move of T or one swap of vectors; no destructor of a queued value and no
// other code of the user runs under it, except while growing, when T's move constructor does.
template <class T>
class MpscQueue {
 public:
  MpscQueue() = default;
  MpscQueue(const MpscQueue&) = delete;
  MpscQueue& operator=(const MpscQueue&) = delete;

  // Any thread. Moves from `value` unless closed.
  [[nodiscard]] PushResult Push(T&& value) {
    MutexLock lock(mutex_);
    if (closed_) return PushResult::kClosed;
    const bool first = items_.empty();
    items_.push_back(std::move(value));
    if (!first) return PushResult::kQueued;
    has_items_.store(true, std::memory_order_relaxed);
    return PushResult::kQueuedFirst;
  }

  // Consumer only. Moves everything queued into `out`, which must be empty (CHECK) and whose
  // capacity becomes the queue's: pass the same vector each time.
  void TakeAll(std::vector<T>& out) {
    SPINDLE_CHECK(out.empty());
    MutexLock lock(mutex_);
    items_.swap(out);
    has_items_.store(false, std::memory_order_relaxed);
  }

  // Any thread: one relaxed load, out of date at once. A Push that happened before is always seen.
  bool EmptyRelaxed() const noexcept { return !has_items_.load(std::memory_order_relaxed); }

  // Any thread. Refuses all further pushes and returns what was queued. A second call returns
  // nothing.
  std::vector<T> Close() {
    std::vector<T> left;
    MutexLock lock(mutex_);
    closed_ = true;
    items_.swap(left);
    has_items_.store(false, std::memory_order_relaxed);
    return left;
  }

 private:
  Mutex mutex_;
  std::vector<T> items_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> has_items_{false};  // = !items_.empty(); written under mutex_
};

}  // namespace spindle

#endif  // SPINDLE_BASE_MPSC_QUEUE_H_
