#ifndef SPINDLE_NET_BACKEND_IO_EVENT_H_
#define SPINDLE_NET_BACKEND_IO_EVENT_H_

#include <cstdint>

#include "net/backend/slot_token.h"

namespace spindle {

// What happened to a descriptor; several at once.
enum IoFlag : uint32_t {
  kIoReadable = 1u << 0,
  kIoWritable = 1u << 1,
  kIoPeerClosed = 1u << 2,  // The peer sends no more (FIN): EPOLLRDHUP.
  kIoError = 1u << 3,       // SO_ERROR holds the reason.
  kIoHangup = 1u << 4,      // Both directions are gone.
  kIoPriority = 1u << 5,    // Urgent data: a short read does not mean that the socket is drained.
};

// One event of one turn. Plain data, filled by a back end and valid until its next Wait.
struct IoEvent {
  SlotToken token;
  uint32_t flags = 0;  // IoFlag bits.

  bool Has(uint32_t any_of) const { return (flags & any_of) != 0; }
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_IO_EVENT_H_
