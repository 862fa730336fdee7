#include "net/loop/timer_queue.h"

#include <algorithm>

#include "net/loop/internal/callback_watch.h"

namespace spindle {
namespace {

constexpr size_t kArity = 4;

}  // namespace

TimerQueue::~TimerQueue() {
  for (const Node& node : heap_) node.entry->heap_index_ = TimerEntry::kNowhere;
  while (due_.pop_front() != nullptr) {
  }
}

void TimerQueue::Add(TimerEntry& entry, TimePoint deadline) {
  Remove(entry);
  entry.deadline_ = deadline;
  entry.sequence_ = next_sequence_++;
  heap_.push_back({});
  SiftUp(heap_.size() - 1, Node{deadline, &entry});
}

void TimerQueue::Remove(TimerEntry& entry) {
  if (entry.heap_index_ != TimerEntry::kNowhere) {
    RemoveFromHeap(entry.heap_index_);
  } else {
    entry.due_hook_.Unlink();
  }
}

size_t TimerQueue::RunDue(TimePoint now, CallbackWatch* watch) {
  while (!heap_.empty() && heap_.front().deadline <= now) {
    TimerEntry& entry = *heap_.front().entry;
    RemoveFromHeap(0);
    due_.push_back(entry);
  }
  size_t ran = 0;
  while (TimerEntry* entry = due_.pop_front()) {
    ++ran;
    CallbackWatch::Run(
        watch, [&] { return entry->origin(); }, [&] { entry->OnTimer(); });
  }
  return ran;
}

void TimerQueue::Place(size_t index, const Node& node) {
  heap_[index] = node;
  node.entry->heap_index_ = static_cast<uint32_t>(index);
}

void TimerQueue::SiftUp(size_t index, Node node) {
  while (index > 0) {
    const size_t parent = (index - 1) / kArity;
    if (!Before(node, heap_[parent])) break;
    Place(index, heap_[parent]);
    index = parent;
  }
  Place(index, node);
}

void TimerQueue::SiftDown(size_t index, Node node) {
  while (true) {
    const size_t first = index * kArity + 1;
    if (first >= heap_.size()) break;
    size_t least = first;
    const size_t end = std::min(first + kArity, heap_.size());
    for (size_t child = first + 1; child < end; ++child) {
      if (Before(heap_[child], heap_[least])) least = child;
    }
    if (!Before(heap_[least], node)) break;
    Place(index, heap_[least]);
    index = least;
  }
  Place(index, node);
}

void TimerQueue::RemoveFromHeap(size_t index) {
  heap_[index].entry->heap_index_ = TimerEntry::kNowhere;
  const Node last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  if (index > 0 && Before(last, heap_[(index - 1) / kArity])) {
    SiftUp(index, last);
  } else {
    SiftDown(index, last);
  }
}

}  // namespace spindle
