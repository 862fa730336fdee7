#ifndef SPINDLE_BENCH_LOAD_SEND_SCHEDULE_H_
#define SPINDLE_BENCH_LOAD_SEND_SCHEDULE_H_

#include <cstdint>

#include "base/clock.h"
#include "base/random.h"

namespace spindle::bench {

// How far apart messages are meant to be sent.
enum class Arrivals : uint8_t {
  kConstant,  // Equally far.
  kPoisson,   // At random, as those of many independent users: exponential gaps of the same mean.
};

struct SendRate {
  uint64_t per_second = 1;  // Of all parts together. Above 0.
  Arrivals arrivals = Arrivals::kConstant;
  uint64_t seed = 1;  // Of kPoisson.
  // This is part `part` of `parts` that share the rate: with kConstant they take turns, so that all
  // of them together are as regular as one would be.
  uint64_t part = 0;
  uint64_t parts = 1;
};

// The times at which messages are meant to be sent, whether or not anybody answers: a list without
// end. Computed from the start, not from the last one, so that no rounding adds up (kConstant) and
// nobody's lateness moves it. One thread at a time.
class SendSchedule {
 public:
  SendSchedule(const SendRate& rate, TimePoint start);

  // The next one.
  TimePoint next() const { return next_; }
  // It has been dealt with.
  void Advance();

 private:
  const SendRate rate_;
  const TimePoint start_;
  uint64_t number_;       // Of the next one, among those of all parts. kConstant.
  Random random_;         // kPoisson.
  double offset_ns_ = 0;  // kPoisson: of the next one, from the start.
  TimePoint next_ = kNever;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_SEND_SCHEDULE_H_
