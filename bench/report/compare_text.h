#ifndef SPINDLE_BENCH_REPORT_COMPARE_TEXT_H_
#define SPINDLE_BENCH_REPORT_COMPARE_TEXT_H_

#include <span>
#include <string>

#include "bench/report/run_record.h"

namespace spindle::bench {

// The title and a table of a comparison: for each metric how B stands to A, with the interval, the
// smallest change that would be seen, the test and the verdict; then the thresholds that were
// `passed`, errors and warnings. Any thread.
std::string CompareText(const RunRecord& record, std::span<const std::string> passed);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_COMPARE_TEXT_H_
