#include <algorithm>
#include <chrono>

#include "base/strings.h"
#include "bench/report/arm_summary.h"
#include "bench/report/chart_axes.h"
#include "bench/report/run_charts.h"
#include "bench/report/short_text.h"

namespace spindle::bench {
namespace {

bool ByX(const Mark& a, const Mark& b) { return a.x < b.x; }

Series Measured(const RunGroup& group, const std::string& name, size_t style) {
  Series series{.name = name, .style = style};
  for (const ArmRecord* arm : group.arms) {
    const std::optional<RoundTime> time = arm->name == name ? RoundTimeOf(*arm) : std::nullopt;
    if (!time.has_value()) continue;
    series.marks.push_back(
        {.x = static_cast<double>(arm->setting.connections),
         .y = time->median,
         .whisker = std::pair(time->lower, time->upper),
         .x_text = Counted(arm->setting.connections, "connection"),
         .y_text = ShortSeconds(time->median),
         .detail = Concat(ShortSeconds(time->lower), " to ", ShortSeconds(time->upper))});
  }
  std::sort(series.marks.begin(), series.marks.end(), ByX);
  return series;
}

// The model's seconds for a block of the arm `name`; 0 if it says none.
double PredictedWall(const PointRecord& point, const std::string& name) {
  const std::optional<Duration>* wall = nullptr;
  if (point.base_arm == name) wall = &point.predicted_base_wall;
  if (point.arm == name) wall = &point.predicted_arm_wall;
  if (wall == nullptr || !wall->has_value()) return 0;
  return std::chrono::duration<double>(**wall).count();
}

// The model's time of a block over the rounds that the block had.
Series Predicted(const RunRecord& record, const RunGroup& group, const std::string& name,
                 size_t style) {
  Series series{.name = Concat(name, ", model"), .style = style, .line = Series::Line::kDashed};
  for (const PointRecord* point : group.points) {
    const ArmRecord* arm = ArmOf(record, *point, name);
    const double wall = PredictedWall(*point, name);
    const double rounds = arm == nullptr ? 0 : RoundsOf(*arm);
    if (wall <= 0 || rounds <= 0) continue;
    series.path.emplace_back(static_cast<double>(point->setting.connections), wall / rounds);
  }
  std::sort(series.path.begin(), series.path.end());
  return series;
}

}  // namespace

std::optional<XyChart> TimeChart(const RunRecord& record, const RunGroup& group,
                                 const std::string& id) {
  const std::vector<std::string> names = ArmNames(record);
  std::vector<Series> measured, predicted;
  std::vector<double> connections;
  Range range;
  for (size_t i = 0; i < names.size(); ++i) {
    Series series = Measured(group, names[i], i);
    if (series.marks.empty()) continue;
    for (const Mark& mark : series.marks) connections.push_back(mark.x);
    range.AddMarks(series);
    Series model = Predicted(record, group, names[i], i);
    for (const auto& [x, y] : model.path) range.Add(y);
    if (!model.path.empty()) predicted.push_back(std::move(model));
    measured.push_back(std::move(series));
  }
  if (measured.empty()) return std::nullopt;
  XyChart chart{
      .id = id + "time",
      .title = "Time of a round",
      .description =
          "Time for one message on each connection over the number of "
          "connections, both on logarithmic scales.",
      .x = ConnectionsAxis(std::move(connections)),
      .y = SecondsAxis("median over blocks, with quartiles", Scale::Kind::kLogarithmic, range)};
  for (const Series& series : measured) {
    const Mark& last = series.marks.back();
    Append(chart.description, " ", Capital(series.name), ": ", last.y_text, " for ", last.x_text,
           ".");
  }
  chart.series = std::move(predicted);
  for (Series& series : measured) chart.series.push_back(std::move(series));
  return chart;
}

}  // namespace spindle::bench
