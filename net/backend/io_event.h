#ifndef SPINDLE_NET_BACKEND_IO_EVENT_H_
#define SPINDLE_NET_BACKEND_IO_EVENT_H_

#include <sys/epoll.h>

#include <cstdint>

#include "net/backend/slot_token.h"

namespace spindle {

// What happened to a descriptor; several at once. The values are those of epoll(7), so that its
// back end need not translate.
enum IoFlag : uint32_t {
  kIoReadable = EPOLLIN,
  kIoWritable = EPOLLOUT,
  kIoPeerClosed = EPOLLRDHUP,  // The peer sends no more (FIN).
  kIoError = EPOLLERR,         // SO_ERROR holds the reason.
  kIoHangup = EPOLLHUP,        // Both directions are gone.
  kIoPriority = EPOLLPRI,  // Urgent data: a short read does not mean that the socket is drained.
};

// One event of one turn. Plain data, filled by a back end and valid until its next Wait.
struct IoEvent {
  SlotToken token;
  uint32_t flags = 0;  // IoFlag bits.

  bool Has(uint32_t any_of) const { return (flags & any_of) != 0; }
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_IO_EVENT_H_
