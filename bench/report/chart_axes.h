#ifndef SPINDLE_BENCH_REPORT_CHART_AXES_H_
#define SPINDLE_BENCH_REPORT_CHART_AXES_H_

#include <string>
#include <vector>

#include "bench/report/xy_chart.h"

namespace spindle::bench {

// The range of values that a chart must show. Only finite ones count.
class Range {
 public:
  void Add(double value);
  void AddMarks(const Series& series);  // With their whiskers.
  bool empty() const { return empty_; }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  bool empty_ = true;
  double low_ = 0;
  double high_ = 0;
};

// Axes of the charts. Any thread.

// Logarithmic, with the numbers of connections that occur as ticks, as far as there is room.
Axis ConnectionsAxis(std::vector<double> connections);
// Seconds, from `range` and a little more.
Axis SecondsAxis(const std::string& title, Scale::Kind kind, const Range& range);
// From zero to a little above `high`.
Axis CountAxis(const std::string& title, double high);
// Ratios, logarithmic.
Axis RatioAxis(const std::string& title, const Range& range);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_CHART_AXES_H_
