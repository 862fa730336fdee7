#ifndef SPINDLE_NET_BACKEND_SLOT_TOKEN_H_
#define SPINDLE_NET_BACKEND_SLOT_TOKEN_H_

#include <cstdint>

namespace spindle {

// Names one registration of one descriptor: the descriptor's number (24 bits) and a generation
// (40 bits) that no two registrations in the life of the process share. It travels through the
// kernel as `epoll_data`, so an event for a descriptor that has been closed and reused since names
// a generation that nobody has any more, and dies in one compare.
//
// Immutable value.
class SlotToken {
 public:
  static constexpr int kMaxFd = (1 << 24) - 1;

  constexpr SlotToken() = default;
  constexpr SlotToken(int fd, uint64_t generation)
      : bits_((generation << 24) | (static_cast<uint32_t>(fd) & kMaxFd)) {}
  static constexpr SlotToken FromBits(uint64_t bits) {
    SlotToken token;
    token.bits_ = bits;
    return token;
  }

  // A token for `fd` with a generation never given before. Any thread.
  static SlotToken Next(int fd);

  constexpr uint64_t bits() const { return bits_; }
  constexpr int fd() const { return static_cast<int>(bits_ & kMaxFd); }
  constexpr uint64_t generation() const { return bits_ >> 24; }
  constexpr bool valid() const { return bits_ != 0; }

  friend constexpr bool operator==(SlotToken a, SlotToken b) { return a.bits_ == b.bits_; }

 private:
  uint64_t bits_ = 0;  // Generation 0 is never given, so 0 is no token.
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_SLOT_TOKEN_H_
