#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DESCRIPTORS_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DESCRIPTORS_H_

#include <event2/event_struct.h>

#include <functional>
#include <memory>
#include <vector>

#include "net/backend/io_slot.h"
#include "net/compat/libevent/internal/queues.h"
#include "net/loop/io_host.h"
#include "net/types/interest.h"
#include "net/types/io_error.h"

struct event_base;

namespace spindle::compat {

// The events that wait for descriptors: any number of them share one registration in the loop,
// which is in the loop from the first event to the last.
//
// Registrations are changed at once, on any thread, so that a descriptor may be closed as soon as
// event_del() has returned. Only the loop's table of slots belongs to its thread: what another
// thread finds to change there while the loop waits is left for TakeChanges.
//
// Guarded by the lock of the base.
class Descriptors {
 public:
  explicit Descriptors(event_base& base);
  ~Descriptors();
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  // 0, or 1 if the loop watches for more or less than before; -1 and errno if it cannot.
  int Add(event* ev);
  int Remove(event* ev);

  // Makes events active as if `events` had been reported.
  void Activate(int fd, short events);

  // On the loop's thread, before it waits: what other threads have left.
  void TakeChanges();

  // The loop is about to be destroyed: lets go of it. With `reachable` false it is not touched.
  void Detach(bool reachable);
  // There is a new loop. False if it refuses a descriptor.
  bool AttachAll();

  int ForEach(const std::function<int(event*)>& visit) const;

 private:
  class Entry;

  Entry* Find(int fd) const;

  event_base& base_;
  std::vector<std::unique_ptr<Entry>> entries_;  // By descriptor.
  std::vector<Entry*> left_;                     // For TakeChanges.
};

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_DESCRIPTORS_H_
