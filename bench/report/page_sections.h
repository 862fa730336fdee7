#ifndef SPINDLE_BENCH_REPORT_PAGE_SECTIONS_H_
#define SPINDLE_BENCH_REPORT_PAGE_SECTIONS_H_

#include <cstddef>
#include <string>

#include "bench/report/run_record.h"

namespace spindle::bench {

// Parts of a report's page. `id` is a prefix of element ids that makes them unique on a page with
// two runs. Any thread.

// The finding as `heading` ("h1", "h2"), its verdict, and the figures beside it as tiles.
std::string HeadlineSection(const RunRecord& record, const std::string& heading);

// What the reader must know before the numbers: interruption, errors, warnings.
std::string NoticeSection(const RunRecord& record);

// The two or more arms of the most telling point.
std::string ArmsSection(const RunRecord& record);

// How many settings are drawn and how many rows a table has; what is more is left out, and said.
struct SectionLimits {
  size_t groups = 8;
  size_t rows = 100;
};

// The charts of each setting, the timeline, the charts of the most telling point's arms.
std::string ChartsSection(const RunRecord& record, const std::string& id,
                          const SectionLimits& limits);

// All points and all arms as tables, folded in.
std::string TablesSection(const RunRecord& record, const SectionLimits& limits);

// The command to repeat it, the machine, the network, the method.
std::string MethodSection(const RunRecord& record);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_PAGE_SECTIONS_H_
