#include "bench/load/send_schedule.h"

#include <cmath>

#include "absl/numeric/int128.h"
#include "base/check.h"

namespace spindle::bench {
namespace {

constexpr uint64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

SendSchedule::SendSchedule(const SendRate& rate, TimePoint start)
    : rate_(rate), start_(start), number_(rate.part), random_(rate.seed + rate.part) {
  SPINDLE_CHECK(rate.per_second > 0 && rate.part < rate.parts);
  number_ -= rate.parts;  // Wraps; the first Advance brings it back.
  Advance();
}

void SendSchedule::Advance() {
  if (rate_.arrivals == Arrivals::kPoisson) {
    const double mean = static_cast<double>(kNanosPerSecond) * static_cast<double>(rate_.parts) /
                        static_cast<double>(rate_.per_second);
    offset_ns_ -= std::log1p(-random_.NextDouble()) * mean;
    next_ = SaturatingAdd(start_, Duration(static_cast<Duration::rep>(offset_ns_)));
    return;
  }
  number_ += rate_.parts;
  // 64 bits would end after 9 billion messages.
  const absl::uint128 nanos = absl::uint128(number_) * kNanosPerSecond / rate_.per_second;
  next_ = SaturatingAdd(start_, Duration(static_cast<Duration::rep>(absl::Uint128Low64(nanos))));
}

}  // namespace spindle::bench
