#ifndef SPINDLE_BENCH_REPORT_VERSION_H_
#define SPINDLE_BENCH_REPORT_VERSION_H_

namespace spindle::bench {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_VERSION_H_
