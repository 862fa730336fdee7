#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_EVENT_QUEUE_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_EVENT_QUEUE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/clock.h"

namespace spindle {

// What happens later: functions by time, and in the order of scheduling where times are equal.
// One thread at a time.
class SimEventQueue {
 public:
  struct Id {
    TimePoint when = kNever;
    uint64_t serial = 0;  // 0: no event.
    friend auto operator<=>(const Id&, const Id&) = default;
  };

  Id Schedule(TimePoint when, std::function<void()> event) {
    const Id id{when, ++last_serial_};
    events_.emplace(id, std::move(event));
    return id;
  }

  // Does nothing if the event has happened.
  void Cancel(Id id) { events_.erase(id); }

  TimePoint next_time() const { return events_.empty() ? kNever : events_.begin()->first.when; }

  // Takes the first event. There must be one.
  std::function<void()> TakeFirst() {
    auto event = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    return event;
  }

 private:
  std::map<Id, std::function<void()>> events_;
  uint64_t last_serial_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_EVENT_QUEUE_H_
