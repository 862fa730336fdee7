#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/strings.h"
#include "bench/report/chart_axes.h"
#include "bench/report/run_charts.h"
#include "bench/report/short_text.h"

namespace spindle::bench {
namespace {

// More than a chart can show apart.
constexpr size_t kMostSlices = 240;

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

struct Slice {
  double start = 0;
  double length = 0;
  double messages = 0;
};

// The intervals, several taken together where there are too many.
std::vector<Slice> SlicesOf(const std::vector<IntervalRecord>& intervals) {
  const size_t together = (intervals.size() + kMostSlices - 1) / kMostSlices;
  std::vector<Slice> slices;
  for (size_t i = 0; i < intervals.size(); ++i) {
    const IntervalRecord& interval = intervals[i];
    if (i % together == 0) slices.push_back({.start = Seconds(interval.start)});
    slices.back().length += Seconds(interval.length);
    slices.back().messages += static_cast<double>(interval.messages);
  }
  return slices;
}

Series OfIntervals(const ArmRecord& arm, size_t style) {
  Series series{.name = arm.name, .style = style};
  for (const Slice& slice : SlicesOf(arm.intervals)) {
    if (slice.length <= 0) continue;
    series.path.emplace_back(slice.start, slice.messages / slice.length);
    series.path.emplace_back(slice.start + slice.length, slice.messages / slice.length);
  }
  return series;
}

Series OfBlocks(const ArmRecord& arm, size_t style) {
  Series series{.name = arm.name, .style = style};
  const size_t together = (arm.blocks.size() + kMostSlices - 1) / kMostSlices;
  for (size_t i = 0; i < arm.blocks.size(); i += together) {
    const BlockRecord& block = arm.blocks[i];
    if (block.wall <= Duration::zero()) continue;
    series.path.emplace_back(Seconds(block.start),
                             static_cast<double>(block.messages) / Seconds(block.wall));
  }
  std::sort(series.path.begin(), series.path.end());
  return series;
}

}  // namespace

std::optional<XyChart> ThroughputChart(const RunRecord& record,
                                       const std::vector<const ArmRecord*>& arms,
                                       const std::string& id) {
  const std::vector<std::string> names = ArmNames(record);
  const bool intervals = std::any_of(arms.begin(), arms.end(),
                                     [](const ArmRecord* arm) { return !arm->intervals.empty(); });
  std::vector<Series> series;
  Range x, y;
  for (const ArmRecord* arm : arms) {
    const size_t style = PlaceOf(names, arm->name);
    Series line = intervals ? OfIntervals(*arm, style) : OfBlocks(*arm, style);
    if (line.path.size() < 2) continue;
    for (const auto& [time, rate] : line.path) {
      x.Add(time);
      y.Add(rate);
    }
    series.push_back(std::move(line));
  }
  if (series.empty()) return std::nullopt;
  XyChart chart{
      .id = id + "throughput",
      .title = "Throughput over time",
      .description = Concat("Messages per second over time, between ", ShortCount(y.low()), " and ",
                            ShortCount(y.high()), "."),
      .x = {.title = intervals ? "time since the start" : "time since the start of the run",
            .scale = Scale(Scale::Kind::kLinear, x.low(), x.high())},
      .y = CountAxis(intervals ? "messages per second" : "messages per second, of each block",
                     y.high()),
      .series = std::move(series)};
  for (const double value : chart.x.scale.Ticks(6)) {
    chart.x.ticks.push_back({value, ShortSeconds(value)});
  }
  return chart;
}

}  // namespace spindle::bench
