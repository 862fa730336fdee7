#ifndef SPINDLE_BENCH_REPORT_REPORT_TEXT_H_
#define SPINDLE_BENCH_REPORT_REPORT_TEXT_H_

#include <string>

#include "bench/report/run_record.h"

namespace spindle::bench {

// Any run as text for a terminal: what was found, a table of all arms, each comparison in words,
// errors and warnings. Control characters of the record's texts are blanks. Any thread.
std::string ReportText(const RunRecord& record);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_REPORT_TEXT_H_
