#ifndef SPINDLE_BENCH_REPORT_CHART_TIMELINE_H_
#define SPINDLE_BENCH_REPORT_CHART_TIMELINE_H_

#include <string>

#include "bench/report/run_record.h"

namespace spindle::bench {

// The timeline of a run as an HTML figure: the arms above each other on one axis of time, with one
// lane for each connection and what it did when. Above kMostLanes connections it shows as many,
// evenly chosen, above kMostSpans spans the first of each lane, and says so. Empty if the record
// has no timeline. `id` is unique on the page. Any thread.
std::string DrawTimeline(const RunRecord& record, const std::string& id);

inline constexpr size_t kMostLanes = 64;
inline constexpr size_t kMostSpans = 1500;

// The patterns that its phases are filled with; once on a page, before the first timeline.
std::string TimelinePatterns();

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_CHART_TIMELINE_H_
