#ifndef SPINDLE_BENCH_COMPARE_RANK_TESTS_H_
#define SPINDLE_BENCH_COMPARE_RANK_TESTS_H_

#include <span>

namespace spindle::bench {

// Two-sided p-values of rank tests: how probable ranks as uneven as these are if there is no
// difference. Exact up to 50 values without ties, else by the normal approximation with the
// correction for ties. 1 for no values. Pure; any thread.

// Of paired differences: is their distribution symmetric about zero? Zeros are left out. Wilcoxon
// 1945.
double WilcoxonSignedRank(std::span<const double> differences);

// Of two independent samples: does a value of one exceed a value of the other as often as not?
// Mann and Whitney 1947.
double MannWhitney(std::span<const double> a, std::span<const double> b);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_COMPARE_RANK_TESTS_H_
