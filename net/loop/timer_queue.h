#ifndef SPINDLE_NET_LOOP_TIMER_QUEUE_H_
#define SPINDLE_NET_LOOP_TIMER_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "net/types/callback_origin.h"

namespace spindle {

class CallbackWatch;

// Something that waits for a point in time. Embedded in its owner: adding and removing one never
// allocates. Loop thread only. Removes itself when destroyed.
class TimerEntry {
 public:
  TimerEntry() = default;
  TimerEntry(const TimerEntry&) = delete;
  TimerEntry& operator=(const TimerEntry&) = delete;

  bool scheduled() const { return heap_index_ != kNowhere || due_hook_.linked(); }
  TimePoint deadline() const { return deadline_; }

 protected:
  ~TimerEntry() = default;

 private:
  friend class TimerQueue;
  static constexpr uint32_t kNowhere = UINT32_MAX;

  // The time has come. The entry has left the queue and may be added again, removed or destroyed.
  virtual void OnTimer() = 0;
  // Whose callback that is, where the loop is asked to tell.
  virtual CallbackOrigin origin() const { return {.kind = "timer"}; }

  TimePoint deadline_ = kNever;
  uint64_t sequence_ = 0;
  uint32_t heap_index_ = kNowhere;
  ListHook due_hook_;
};

// The timers of one loop, earliest first; equal deadlines in the order of adding. A 4-ary heap of
// entries that know their place: add, remove and take are O(log n), and a heap node is 16 bytes.
//
// Invariants: an entry is in the heap, or in the list of those that are due in this turn, or
// nowhere. RunDue takes all that are due before it runs the first, so an entry added by a callback
// waits for the next turn, and a callback that removes a sibling of its batch keeps it from
// running.
//
// Loop thread only. Does not own the entries.
class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  // Lets go of all entries, unrun.
  ~TimerQueue();

  // Schedules `entry`, or moves it if it is scheduled.
  void Add(TimerEntry& entry, TimePoint deadline);
  // Does nothing if it is not scheduled.
  void Remove(TimerEntry& entry);

  bool empty() const { return heap_.empty() && due_.empty(); }
  size_t size() const { return heap_.size(); }
  // kNever if there is none.
  TimePoint earliest() const { return heap_.empty() ? kNever : heap_.front().deadline; }

  // Runs what is due at `now`, measured by `watch` unless it is null. Returns how many ran.
  size_t RunDue(TimePoint now, CallbackWatch* watch = nullptr);

 private:
  struct Node {
    TimePoint deadline;
    TimerEntry* entry;
  };
  static bool Before(const Node& a, const Node& b) {
    return a.deadline < b.deadline ||
           (a.deadline == b.deadline && a.entry->sequence_ < b.entry->sequence_);
  }
  void Place(size_t index, const Node& node);
  void SiftUp(size_t index, Node node);
  void SiftDown(size_t index, Node node);
  void RemoveFromHeap(size_t index);

  std::vector<Node> heap_;
  IntrusiveList<TimerEntry, &TimerEntry::due_hook_> due_;
  uint64_t next_sequence_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_TIMER_QUEUE_H_
