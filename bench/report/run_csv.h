#ifndef SPINDLE_BENCH_REPORT_RUN_CSV_H_
#define SPINDLE_BENCH_REPORT_RUN_CSV_H_

#include <string>
#include <string_view>

#include "bench/report/run_record.h"

namespace spindle::bench {

// `record` as a table for other programs: a line of headings, then one line for each arm and block,
// with the setting of the arm in every line. What was not measured is an empty cell. Lines end in a
// line feed alone; cells are quoted as RFC 4180 has it. Any thread.
std::string ToCsv(const RunRecord& record);

// `text` as a cell: in quotes if it holds a comma, a quote or a line break, with quotes doubled.
std::string CsvCell(std::string_view text);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_RUN_CSV_H_
