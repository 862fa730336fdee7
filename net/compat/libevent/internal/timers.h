#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_TIMERS_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_TIMERS_H_

#include <event2/event_struct.h>
#include <sys/time.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace spindle::compat {

// Microseconds: of the monotonic clock, or a duration. Timeouts travel as timeval, whose tv_usec
// may carry the mark and the number of a common timeout in its upper bits.
using Micros = int64_t;
inline constexpr Micros kNoDeadline = INT64_MAX;

// The bits of tv_usec that are microseconds.
inline constexpr long kMicrosMask = 0x000fffff;

Micros ToMicros(const timeval& tv);  // Without the bits of common timeouts; saturates.
timeval ToTimeval(Micros micros);

// The pending timeouts of a base. Deadlines are in event::ev_timeout, places in ev_timeout_pos.
//
// Ordinary ones lie in a heap. Those of a common timeout (one duration for many events) lie in a
// queue each, ordered by deadline and filled from behind; the heap holds the head of each queue.
//
// Guarded by the lock of the base. Does not own the events.
class Timers {
 public:
  Timers();
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // A duration to be given to event_add(); null after 256 different ones. Never moves.
  const timeval* MakeCommon(const timeval& duration);
  // Whether `tv` came from MakeCommon of this base.
  bool IsCommon(const timeval& tv) const;

  // `ev` is in none of the queues, and its ev_timeout is set.
  void Add(event* ev);
  void Remove(event* ev);
  // kNoDeadline if there is none.
  Micros earliest() const { return heap_.empty() ? kNoDeadline : heap_.front().when; }
  // The event with the earliest deadline, if that is not after `now`; it stays in its queue.
  event* Due(Micros now) const;

  // Calls `visit` for each event until it returns something else than 0, and returns that.
  int ForEach(const std::function<int(event*)>& visit) const;

 private:
  struct Common;
  struct Node {
    Micros when;
    event* ev;       // Null for the head of a common timeout.
    Common* common;  // Null for an event.
  };

  void SetPlace(const Node& node, size_t index);
  void Push(const Node& node);
  void RemoveAt(size_t index);
  void SiftUp(size_t index, Node node);
  void SiftDown(size_t index, Node node);
  Common* CommonOf(const event* ev) const;
  void AddCommon(Common& common, event* ev);
  void HeadChanged(Common& common);

  std::vector<Node> heap_;
  std::vector<std::unique_ptr<Common>> commons_;
};

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_TIMERS_H_
