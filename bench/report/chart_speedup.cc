#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "bench/report/chart_axes.h"
#include "bench/report/run_charts.h"
#include "bench/report/short_text.h"

namespace spindle::bench {
namespace {

Series Measured(const SpeedupLine& line) {
  Series series{.name = line.name, .style = line.style};
  for (const PointRecord* point : line.points) {
    if (point->speedup.blocks == 0 || point->speedup.ratio <= 0) continue;
    Mark mark{.x = static_cast<double>(point->setting.connections),
              .y = point->speedup.ratio,
              .x_text = Concat(Counted(point->setting.connections, "connection"), ": ",
                               VerdictName(point->verdict)),
              .y_text = Concat(Times(point->speedup.ratio), " ", Interval(point->speedup))};
    if (std::isfinite(point->speedup.high) && point->speedup.low > 0) {
      mark.whisker = std::pair(point->speedup.low, point->speedup.high);
    }
    if (point->predicted) mark.detail = Concat("model ", Times(*point->predicted));
    series.marks.push_back(std::move(mark));
  }
  std::sort(series.marks.begin(), series.marks.end(),
            [](const Mark& a, const Mark& b) { return a.x < b.x; });
  return series;
}

Series Predicted(const SpeedupLine& line) {
  Series series{.name = line.name + ", model", .style = line.style, .line = Series::Line::kDashed};
  for (const PointRecord* point : line.points) {
    if (!point->predicted.has_value() || *point->predicted <= 0) continue;
    series.path.emplace_back(static_cast<double>(point->setting.connections), *point->predicted);
  }
  std::sort(series.path.begin(), series.path.end());
  return series;
}

// y = N between the outermost numbers of connections. It bounds the chart no further than to twice
// what there is else, so that it does not press the measured line to the floor.
Series Bound(const std::vector<double>& connections, const Range& range) {
  const auto [low, high] = std::minmax_element(connections.begin(), connections.end());
  Series series{.name = "N times, the bound", .style = kBoundStyle, .line = Series::Line::kDotted};
  const double end = std::min(*high, std::max(range.high() * 2, *low));
  series.path = {{*low, *low}, {end, end}};
  return series;
}

std::string Describe(const std::vector<Series>& measured) {
  std::string text =
      "How many times as fast the arms are over the number of connections, both on logarithmic "
      "scales; 1 is no difference.";
  for (const Series& series : measured) {
    const Mark& last = series.marks.back();
    Append(text, " ", Capital(series.name), ": ", last.y_text, " for ", last.x_text, ".");
  }
  return text;
}

}  // namespace

std::optional<XyChart> SpeedupChart(const std::vector<SpeedupLine>& lines,
                                    const std::optional<RatioEstimate>& noise_floor,
                                    const std::string& id) {
  std::vector<Series> measured, predicted;
  std::vector<double> connections;
  Range range;
  range.Add(1);
  for (const SpeedupLine& line : lines) {
    Series series = Measured(line);
    if (series.marks.empty()) continue;
    for (const Mark& mark : series.marks) connections.push_back(mark.x);
    range.AddMarks(series);
    Series model = Predicted(line);
    for (const auto& [x, y] : model.path) range.Add(y);
    if (!model.path.empty()) predicted.push_back(std::move(model));
    measured.push_back(std::move(series));
  }
  if (measured.empty()) return std::nullopt;
  const Series bound = Bound(connections, range);
  for (const auto& [x, y] : bound.path) range.Add(y);
  XyChart chart{.id = id + "speedup",
                .title = "Speed-up",
                .description = Describe(measured),
                .x = ConnectionsAxis(std::move(connections)),
                .y = RatioAxis("median over blocks, with 95 % interval", range)};
  if (noise_floor.has_value() && noise_floor->low > 0 && std::isfinite(noise_floor->high)) {
    chart.bands.push_back({"noise floor (A/A)", noise_floor->low, noise_floor->high});
  }
  chart.series = {bound,
                  {.name = "",
                   .style = kBoundStyle,
                   .path = {{chart.x.scale.low(), 1}, {chart.x.scale.high(), 1}}}};
  for (Series& series : predicted) chart.series.push_back(std::move(series));
  for (Series& series : measured) chart.series.push_back(std::move(series));
  return chart;
}

}  // namespace spindle::bench
