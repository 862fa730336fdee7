#ifndef SPINDLE_NET_TYPES_CONNECTION_ID_H_
#define SPINDLE_NET_TYPES_CONNECTION_ID_H_

#include <cstdint>
#include <string>
#include <utility>

namespace spindle {

// Names one connection for logs, metrics and tables; never given twice in the life of a process.
// Immutable value.
struct ConnectionId {
  uint32_t loop = 0;        // EventLoop::index()
  uint32_t slot = 0;        // The descriptor's number.
  uint64_t generation = 0;  // 0 names no connection.

  // "3.17.204"
  std::string ToString() const;
  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const ConnectionId& id) {
    return H::combine(std::move(h), id.loop, id.slot, id.generation);
  }
};

}  // namespace spindle

#endif  // SPINDLE_NET_TYPES_CONNECTION_ID_H_
