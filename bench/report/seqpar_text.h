#ifndef SPINDLE_BENCH_REPORT_SEQPAR_TEXT_H_
#define SPINDLE_BENCH_REPORT_SEQPAR_TEXT_H_

#include <string>

#include "bench/report/run_record.h"

namespace spindle::bench {

// The title and the table of a run of "sequential against parallel": for each number of connections
// one line for each arm, then what was found in words, errors and warnings. Any thread.
std::string SeqparText(const RunRecord& record);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_SEQPAR_TEXT_H_
