#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/strings.h"
#include "bench/report/chart_axes.h"
#include "bench/report/run_charts.h"
#include "bench/report/short_text.h"

namespace spindle::bench {
namespace {

constexpr int kSteps = 140;
constexpr double kValuesBeyond = 10;
constexpr double kNamed[] = {0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999};
constexpr double kLargest = 0.99999;

// The axis counts nines: 0 for the smallest value, 1 for 90 %, 2 for 99 %.
double Nines(double quantile) { return -std::log10(1 - quantile); }

std::string Name(double quantile) { return ShortNumber(std::round(quantile * 1e7) / 1e5) + " %"; }

double ValueAt(const Histogram& histogram, double quantile) {
  return std::chrono::duration<double>(histogram.ValueAtQuantile(quantile)).count();
}

// The largest quantile that so many values can tell.
double Last(const Histogram& histogram) {
  const auto count = static_cast<double>(histogram.count());
  return std::clamp(1 - kValuesBeyond / count, 0.5, kLargest);
}

Series Curve(const ArmRecord& arm, const std::string& name, size_t style) {
  Series series{.name = name, .style = style};
  const double last = Last(arm.latency);
  for (int i = 0; i <= kSteps; ++i) {
    const double nines = Nines(last) * i / kSteps;
    series.path.emplace_back(nines, ValueAt(arm.latency, 1 - std::pow(10, -nines)));
  }
  for (const double quantile : kNamed) {
    if (quantile > last + 1e-9) break;
    const double value = ValueAt(arm.latency, quantile);
    series.marks.push_back({.x = Nines(quantile),
                            .y = value,
                            .x_text = Name(quantile),
                            .y_text = ShortSeconds(value)});
  }
  return series;
}

}  // namespace

std::optional<XyChart> LatencyChart(const RunRecord& record,
                                    const std::vector<const ArmRecord*>& arms,
                                    const std::string& id) {
  const std::vector<std::string> names = ArmNames(record);
  std::vector<Series> curves;
  Range range;
  double last = 0.9;
  std::string description = "Latency of single messages by percentile.";
  for (const ArmRecord* arm : arms) {
    if (arm->latency.count() == 0) continue;
    curves.push_back(Curve(*arm, arm->name, PlaceOf(names, arm->name)));
    for (const auto& [x, y] : curves.back().path) range.Add(y);
    last = std::max(last, Last(arm->latency));
    Append(description, " ", Capital(arm->name), ": median ", curves.back().marks.front().y_text,
           ", largest ", ShortDuration(arm->latency.max()), " of ",
           Counted(arm->latency.count(), "message"), ".");
  }
  if (curves.empty()) return std::nullopt;
  const bool wide = range.low() > 0 && range.high() / range.low() > 20;
  XyChart chart{
      .id = id + "latency",
      .title = "Latency by percentile",
      .description = description,
      .x = {.title = "percentile", .scale = Scale(Scale::Kind::kLinear, 0, Nines(last) * 1.02)},
      .y = SecondsAxis("from the call that sends to the last byte of the answer",
                       wide ? Scale::Kind::kLogarithmic : Scale::Kind::kLinear, range),
      .series = std::move(curves)};
  chart.x.ticks.push_back({0, "0 %"});
  for (const double quantile : kNamed) {
    if (quantile <= last + 1e-9) chart.x.ticks.push_back({Nines(quantile), Name(quantile)});
  }
  chart.x.ticks = ThinTicks(chart.x.ticks, chart.x.scale, 0.1);
  chart.notes.push_back("A curve ends where fewer than ten messages are beyond it.");
  return chart;
}

}  // namespace spindle::bench
