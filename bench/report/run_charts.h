#ifndef SPINDLE_BENCH_REPORT_RUN_CHARTS_H_
#define SPINDLE_BENCH_REPORT_RUN_CHARTS_H_

#include <optional>
#include <string>
#include <vector>

#include "bench/report/run_groups.h"
#include "bench/report/run_record.h"
#include "bench/report/xy_chart.h"

namespace spindle::bench {

// The charts of a report but for the timeline. Each is nothing if the record does not have what it
// shows. `id` is the prefix of the chart's id. Any thread.

// The time of a round (a message on each connection) over the number of connections: the median of
// the blocks with their quartiles for each arm, and what the model says.
std::optional<XyChart> TimeChart(const RunRecord& record, const RunGroup& group,
                                 const std::string& id);

// One line of a speed-up chart.
struct SpeedupLine {
  std::string name;
  size_t style = 0;
  std::vector<const PointRecord*> points = {};
};

// The speed-up over the number of connections, with what the model says, the line y = N that waits
// alone would give, 1, and the range of `noise_floor`.
std::optional<XyChart> SpeedupChart(const std::vector<SpeedupLine>& lines,
                                    const std::optional<RatioEstimate>& noise_floor,
                                    const std::string& id);

// Latency over the percentile, on an axis that gives each further nine the same room.
std::optional<XyChart> LatencyChart(const RunRecord& record,
                                    const std::vector<const ArmRecord*>& arms,
                                    const std::string& id);

// Messages per second over time; of blocks where there are no intervals.
std::optional<XyChart> ThroughputChart(const RunRecord& record,
                                       const std::vector<const ArmRecord*>& arms,
                                       const std::string& id);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_RUN_CHARTS_H_
