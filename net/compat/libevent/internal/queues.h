#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_QUEUES_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_QUEUES_H_

#include <event2/event_struct.h>

namespace spindle::compat {

// The lists whose links lie in struct event, in the form of <sys/queue.h>: the binary interface
// fixes that form. They never own what they link.

// Callbacks that are due, in the order of their activation.
class CallbackQueue {
 public:
  CallbackQueue() = default;
  CallbackQueue(const CallbackQueue&) = delete;
  CallbackQueue& operator=(const CallbackQueue&) = delete;

  bool empty() const { return first_ == nullptr; }
  event_callback* front() const { return first_; }
  static event_callback* Next(const event_callback* callback) {
    return callback->evcb_active_next.tqe_next;
  }

  void PushBack(event_callback* callback) {
    callback->evcb_active_next.tqe_next = nullptr;
    callback->evcb_active_next.tqe_prev = last_;
    *last_ = callback;
    last_ = &callback->evcb_active_next.tqe_next;
  }

  void Remove(event_callback* callback) {
    auto& links = callback->evcb_active_next;
    if (links.tqe_next != nullptr) {
      links.tqe_next->evcb_active_next.tqe_prev = links.tqe_prev;
    } else {
      last_ = links.tqe_prev;
    }
    *links.tqe_prev = links.tqe_next;
  }

 private:
  event_callback* first_ = nullptr;
  event_callback** last_ = &first_;
};

// Events that wait for one descriptor or signal, the newest first.
class EventList {
 public:
  bool empty() const { return first_ == nullptr; }
  event* front() const { return first_; }

  // Through the links for descriptors or, in the same place, for signals.
  static event* Next(const event* ev) { return ev->ev_.ev_io.ev_io_next.le_next; }

  void PushFront(event* ev) {
    auto& links = ev->ev_.ev_io.ev_io_next;
    links.le_next = first_;
    if (first_ != nullptr) first_->ev_.ev_io.ev_io_next.le_prev = &links.le_next;
    first_ = ev;
    links.le_prev = &first_;
  }

  static void Remove(event* ev) {
    auto& links = ev->ev_.ev_io.ev_io_next;
    if (links.le_next != nullptr) links.le_next->ev_.ev_io.ev_io_next.le_prev = links.le_prev;
    *links.le_prev = links.le_next;
  }

 private:
  event* first_ = nullptr;
};

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_QUEUES_H_
