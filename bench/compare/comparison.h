#ifndef SPINDLE_BENCH_COMPARE_COMPARISON_H_
#define SPINDLE_BENCH_COMPARE_COMPARISON_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/compare/metric.h"
#include "bench/report/run_record.h"

namespace spindle::bench {

// One metric of two arms. Plain data.
struct Samples {
  std::vector<double> a = {};
  std::vector<double> b = {};
};

// Of arms that ran side by side: a[i] and b[i] are of one block. The ratio is the median of b/a
// over blocks, with its bootstrap interval; Wilcoxon signed-rank. Both have one length (CHECK).
CompareRecord ComparePaired(Metric metric, const Samples& samples, uint64_t seed,
                            double equivalence);

// Of two runs at different times. The ratio is that of the medians, with an interval by bootstrap
// of each; Mann-Whitney, which is refused (nullopt, and no verdict) with fewer than kMinUnpaired
// values on a side.
inline constexpr size_t kMinUnpaired = 9;
CompareRecord CompareUnpaired(Metric metric, const Samples& samples, uint64_t seed,
                              double equivalence);

// All metrics of two saved runs, of the arm `arm` of each, or if that is empty of the first arms
// that bear the same name under the same setting. Latencies are those of the whole runs: a ratio
// without an interval. Errors: kNotFound if there is no such pair of arms with blocks.
absl::StatusOr<std::vector<CompareRecord>> CompareRuns(const RunRecord& a, const RunRecord& b,
                                                       std::string_view arm, uint64_t seed,
                                                       double equivalence);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_COMPARE_COMPARISON_H_
