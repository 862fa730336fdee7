#ifndef SPINDLE_NET_LOOP_TIMER_H_
#define SPINDLE_NET_LOOP_TIMER_H_

#include <cstdint>

namespace spindle {

// Names one timer of one loop. Never given twice by a loop, so an old id cancels nobody else's
// timer. A default-made one names no timer. Immutable value.
class TimerId {
 public:
  constexpr TimerId() = default;

  constexpr bool valid() const { return bits_ != 0; }
  friend constexpr bool operator==(TimerId a, TimerId b) { return a.bits_ == b.bits_; }

 private:
  friend class TimerTable;
  // 24 bits of slot, 40 bits of generation (from 1).
  constexpr TimerId(uint32_t slot, uint64_t generation) : bits_((generation << 24) | slot) {}
  constexpr uint32_t slot() const { return static_cast<uint32_t>(bits_ & 0xffffff); }
  constexpr uint64_t generation() const { return bits_ >> 24; }

  uint64_t bits_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_TIMER_H_
