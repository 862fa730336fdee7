#ifndef SPINDLE_NET_TYPES_INTEREST_H_
#define SPINDLE_NET_TYPES_INTEREST_H_

#include <cstdint>

namespace spindle {

// A set of conditions of a file descriptor: those to watch for, or those that hold.
enum class Interest : uint8_t {
  kNone = 0,
  kRead = 1,
  kWrite = 2,
  kReadWrite = 3,
  kPeerClosed = 4,  // the peer has shut down its sending side (EPOLLRDHUP)
  kPriority = 8,    // out-of-band data (EPOLLPRI)
};

constexpr Interest operator|(Interest a, Interest b) {
  return static_cast<Interest>(static_cast<uint8_t>(a) | static_cast<uint8_t>(b));
}
constexpr Interest operator&(Interest a, Interest b) {
  return static_cast<Interest>(static_cast<uint8_t>(a) & static_cast<uint8_t>(b));
}
// Complement within the four known conditions.
constexpr Interest operator~(Interest a) {
  return static_cast<Interest>(~static_cast<uint8_t>(a) & 0x0f);
}
constexpr Interest& operator|=(Interest& a, Interest b) { return a = a | b; }
constexpr Interest& operator&=(Interest& a, Interest b) { return a = a & b; }

// Whether `set` contains every condition of `wanted`. True if `wanted` is kNone.
constexpr bool Has(Interest set, Interest wanted) { return (set & wanted) == wanted; }

// When a watched condition is reported. See epoll(7) and epoll_ctl(2).
enum class Trigger : uint8_t {
  kLevel,        // on every turn, as long as it holds
  kEdge,         // when it begins to hold, or when more arrives
  kOneShot,      // level, once; then nothing until the interest is set again
  kEdgeOneShot,  // edge, once; then nothing until the interest is set again
};

}  // namespace spindle

#endif  // SPINDLE_NET_TYPES_INTEREST_H_
