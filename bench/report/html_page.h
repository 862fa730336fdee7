#ifndef SPINDLE_BENCH_REPORT_HTML_PAGE_H_
#define SPINDLE_BENCH_REPORT_HTML_PAGE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "bench/report/run_record.h"

namespace spindle::bench {

// A run as one HTML page that needs nothing else: style, script and data are within, no address is
// ever asked for, and without scripts only the theme button and the details of the timeline are
// missing. Texts of the record are escaped. Any thread.
std::string HtmlReport(const RunRecord& record);

// Two runs side by side, with their speed-ups in one chart above. `first_name` and `second_name`
// tell them apart: names of their files.
std::string HtmlReport(const RunRecord& first, const std::string& first_name,
                       const RunRecord& second, const std::string& second_name);

// How large a page may become. What would not fit is left out, and the page says so: first the
// buckets of histograms from the data, then timelines and blocks, then the data.
inline constexpr size_t kMaxPageBytes = 390'000;

// Writes the page of `record` to the file `path`, or to stdout for "-". Errors: those of WriteFile.
absl::Status WriteHtml(const RunRecord& record, const std::string& path);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_HTML_PAGE_H_
