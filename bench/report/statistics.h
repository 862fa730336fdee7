#ifndef SPINDLE_BENCH_REPORT_STATISTICS_H_
#define SPINDLE_BENCH_REPORT_STATISTICS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace spindle::bench {

// Statistics of paired measurements: in each of n blocks arm A and arm B took a_i and b_i. Pure
// functions: the same input gives the same output, on every platform but for the last digits of
// log and exp. Any thread.

// The middle value, or the mean of the two middle ones. Zero for no values.
double Median(std::vector<double> values);

// log(a_i / b_i). Both spans have one length (CHECK); pairs in which either is not above zero are
// left out.
std::vector<double> LogRatios(std::span<const Duration> a, std::span<const Duration> b);

// How many times as long A took as B.
struct RatioEstimate {
  size_t blocks = 0;
  double ratio = 1;  // exp of the median of the log ratios.
  // 95 % interval by percentile bootstrap of that median over blocks. With fewer than kMinBlocks
  // no such interval exists (the extremes of n values cover the median with 1 - 2^(1-n)); then it
  // is [0, infinity].
  double low = 0;
  double high = 0;
  // Minimum detectable effect, 2.8 * s / sqrt(n) with s the standard deviation of the log ratios
  // (80 % power at the 5 % level): 0.25 means that an effect of 25 % would probably be seen.
  // Infinite below two blocks.
  double detectable = 0;
  double deviation = 0;  // s
};

inline constexpr size_t kBootstrapResamples = 10000;
inline constexpr size_t kMinBlocks = 6;

RatioEstimate EstimateRatio(std::span<const double> log_ratios, uint64_t seed,
                            size_t resamples = kBootstrapResamples);

// What an estimate allows to say. Never more.
enum class Verdict : uint8_t {
  kFaster,      // The whole interval is above 1: B is faster than A.
  kSlower,      // The whole interval is below 1.
  kSame,        // The whole interval is within 1 / (1 + e) to 1 + e.
  kCannotTell,  // None of these.
};

// `equivalence` is e above: 0.05 for 5 %.
Verdict Judge(const RatioEstimate& estimate, double equivalence);

// True if an arm differed from itself: its whole interval is on one side of 1. Then something that
// is no property of the arms, such as their order, makes a difference of up to that interval's far
// end, which a difference between arms must exceed.
bool DiffersFromItself(const RatioEstimate& noise_floor);

// Judge, but kCannotTell where `noise_floor` (the first arm against itself) shows such a
// difference and the estimate's interval does not lie wholly beyond it.
Verdict JudgeAbove(const RatioEstimate& noise_floor, const RatioEstimate& estimate,
                   double equivalence);

std::string_view VerdictName(Verdict verdict);

// How many more blocks would probably decide about an effect of `effect` (0.05: 5 %).
uint64_t BlocksMissing(const RatioEstimate& estimate, double effect);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_STATISTICS_H_
