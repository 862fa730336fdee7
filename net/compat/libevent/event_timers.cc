#include <utility>

#include "net/compat/libevent/internal/log.h"
#include "net/compat/libevent/internal/timers.h"

namespace spindle::compat {
namespace {

constexpr long kCommonMark = 0x50000000;
constexpr long kCommonMarkMask = 0xf0000000;
constexpr long kCommonIndexMask = 0x0ff00000;
constexpr int kCommonIndexShift = 20;
constexpr size_t kMaxCommon = 256;
constexpr size_t kArity = 4;
constexpr int kNowhere = -1;

size_t IndexOf(const timeval& tv) {
  return static_cast<size_t>((tv.tv_usec & kCommonIndexMask) >> kCommonIndexShift);
}

}  // namespace

Micros ToMicros(const timeval& tv) {
  const Micros part =
      (tv.tv_usec & kCommonMarkMask) == kCommonMark ? tv.tv_usec & kMicrosMask : tv.tv_usec;
  Micros micros = 0;
  if (__builtin_mul_overflow(Micros{tv.tv_sec}, Micros{1000000}, &micros) ||
      __builtin_add_overflow(micros, part, &micros)) {
    return tv.tv_sec < 0 ? INT64_MIN : kNoDeadline;
  }
  return micros;
}

timeval ToTimeval(Micros micros) {
  Micros seconds = micros / 1000000;
  Micros part = micros % 1000000;
  if (part < 0) {
    part += 1000000;
    --seconds;
  }
  return {.tv_sec = seconds, .tv_usec = part};
}

struct Timers::Common {
  timeval duration;  // With the mark and the number of the queue.
  event* first = nullptr;
  event** last = &first;
  int heap_index = kNowhere;

  // The event whose forward link this is; null for that of the queue itself.
  event* OwnerOf(event** link) {
    if (link == &first) return nullptr;
    return reinterpret_cast<event*>(reinterpret_cast<char*>(link) -
                                    offsetof(event, ev_timeout_pos.ev_next_with_common_timeout));
  }
};

Timers::Timers() = default;

Timers::~Timers() = default;

const timeval* Timers::MakeCommon(const timeval& duration) {
  // Callers may hand in more microseconds than fit a second, or a common timeout.
  const timeval wanted = ToTimeval(ToMicros(duration));
  for (const auto& common : commons_) {
    if (common->duration.tv_sec == wanted.tv_sec &&
        (common->duration.tv_usec & kMicrosMask) == wanted.tv_usec) {
      return &common->duration;
    }
  }
  if (commons_.size() == kMaxCommon) {
    LogWarning("event_base_init_common_timeout: %zu durations are in use, the limit", kMaxCommon);
    return nullptr;
  }
  auto common = std::make_unique<Common>();
  common->duration = wanted;
  common->duration.tv_usec |= kCommonMark | static_cast<long>(commons_.size()) << kCommonIndexShift;
  commons_.push_back(std::move(common));
  return &commons_.back()->duration;
}

bool Timers::IsCommon(const timeval& tv) const {
  return (tv.tv_usec & kCommonMarkMask) == kCommonMark && IndexOf(tv) < commons_.size();
}

Timers::Common* Timers::CommonOf(const event* ev) const {
  return IsCommon(ev->ev_timeout) ? commons_[IndexOf(ev->ev_timeout)].get() : nullptr;
}

void Timers::SetPlace(const Node& node, size_t index) {
  if (node.ev != nullptr) {
    node.ev->ev_timeout_pos.min_heap_idx = static_cast<int>(index);
  } else {
    node.common->heap_index = static_cast<int>(index);
  }
}

void Timers::SiftUp(size_t index, Node node) {
  while (index > 0) {
    const size_t parent = (index - 1) / kArity;
    if (heap_[parent].when <= node.when) break;
    heap_[index] = heap_[parent];
    SetPlace(heap_[index], index);
    index = parent;
  }
  heap_[index] = node;
  SetPlace(node, index);
}

void Timers::SiftDown(size_t index, Node node) {
  while (true) {
    const size_t begin = index * kArity + 1;
    if (begin >= heap_.size()) break;
    const size_t end = begin + kArity < heap_.size() ? begin + kArity : heap_.size();
    size_t child = begin;
    for (size_t other = begin + 1; other < end; ++other) {
      if (heap_[other].when < heap_[child].when) child = other;
    }
    if (heap_[child].when >= node.when) break;
    heap_[index] = heap_[child];
    SetPlace(heap_[index], index);
    index = child;
  }
  heap_[index] = node;
  SetPlace(node, index);
}

void Timers::Push(const Node& node) {
  heap_.push_back(node);
  SiftUp(heap_.size() - 1, node);
}

void Timers::RemoveAt(size_t index) {
  const Node moved = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  if (index > 0 && heap_[(index - 1) / kArity].when > moved.when) {
    SiftUp(index, moved);
  } else {
    SiftDown(index, moved);
  }
}

void Timers::HeadChanged(Common& common) {
  if (common.heap_index != kNowhere) RemoveAt(static_cast<size_t>(common.heap_index));
  common.heap_index = kNowhere;
  if (common.first == nullptr) return;
  Push({.when = ToMicros(common.first->ev_timeout), .ev = nullptr, .common = &common});
}

void Timers::AddCommon(Common& common, event* ev) {
  // New ones belong at the end, unless their deadline counts from an earlier time.
  const Micros when = ToMicros(ev->ev_timeout);
  event** place = common.last;
  for (event* before = common.OwnerOf(place);
       before != nullptr && ToMicros(before->ev_timeout) > when; before = common.OwnerOf(place)) {
    place = before->ev_timeout_pos.ev_next_with_common_timeout.tqe_prev;
  }
  auto& links = ev->ev_timeout_pos.ev_next_with_common_timeout;
  links.tqe_next = *place;
  links.tqe_prev = place;
  if (*place != nullptr) {
    (*place)->ev_timeout_pos.ev_next_with_common_timeout.tqe_prev = &links.tqe_next;
  } else {
    common.last = &links.tqe_next;
  }
  *place = ev;
  if (common.first == ev) HeadChanged(common);
}

void Timers::Add(event* ev) {
  if (Common* common = CommonOf(ev)) {
    AddCommon(*common, ev);
  } else {
    Push({.when = ToMicros(ev->ev_timeout), .ev = ev, .common = nullptr});
  }
}

void Timers::Remove(event* ev) {
  Common* common = CommonOf(ev);
  if (common == nullptr) {
    const int index = ev->ev_timeout_pos.min_heap_idx;
    ev->ev_timeout_pos.min_heap_idx = kNowhere;
    RemoveAt(static_cast<size_t>(index));
    return;
  }
  const bool was_first = common->first == ev;
  auto& links = ev->ev_timeout_pos.ev_next_with_common_timeout;
  if (links.tqe_next != nullptr) {
    links.tqe_next->ev_timeout_pos.ev_next_with_common_timeout.tqe_prev = links.tqe_prev;
  } else {
    common->last = links.tqe_prev;
  }
  *links.tqe_prev = links.tqe_next;
  if (was_first) HeadChanged(*common);
}

event* Timers::Due(Micros now) const {
  if (heap_.empty() || heap_.front().when > now) return nullptr;
  const Node& node = heap_.front();
  return node.ev != nullptr ? node.ev : node.common->first;
}

int Timers::ForEach(const std::function<int(event*)>& visit) const {
  for (const Node& node : heap_) {
    if (node.ev == nullptr) continue;
    if (const int result = visit(node.ev); result != 0) return result;
  }
  for (const auto& common : commons_) {
    for (event* ev = common->first; ev != nullptr;
         ev = ev->ev_timeout_pos.ev_next_with_common_timeout.tqe_next) {
      if (const int result = visit(ev); result != 0) return result;
    }
  }
  return 0;
}

}  // namespace spindle::compat
