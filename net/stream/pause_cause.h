#ifndef SPINDLE_NET_STREAM_PAUSE_CAUSE_H_
#define SPINDLE_NET_STREAM_PAUSE_CAUSE_H_

#include <cstdint>
#include <string>

namespace spindle {

// Why a connection is not read from: a set, as several causes can hold at once.
enum class PauseCause : uint8_t {
  kNone = 0,
  kUser = 1,       // PauseReading, until ResumeReading.
  kHighWater = 2,  // Its output, or that of its partner in a relay, is above the high water mark.
  kRateLimit = 4,  // A rate limit of its own or of its group lets nothing pass for now.
  kMemory = 8,     // The server's memory budget.
};

constexpr PauseCause operator|(PauseCause a, PauseCause b) {
  return static_cast<PauseCause>(static_cast<uint8_t>(a) | static_cast<uint8_t>(b));
}
constexpr PauseCause operator&(PauseCause a, PauseCause b) {
  return static_cast<PauseCause>(static_cast<uint8_t>(a) & static_cast<uint8_t>(b));
}

// Whether `set` contains every cause of `wanted`. True if `wanted` is kNone.
constexpr bool Has(PauseCause set, PauseCause wanted) { return (set & wanted) == wanted; }

// "user, rate limit"; empty for kNone.
std::string PauseCauseNames(PauseCause set);

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_PAUSE_CAUSE_H_
