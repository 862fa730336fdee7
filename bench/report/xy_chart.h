#ifndef SPINDLE_BENCH_REPORT_XY_CHART_H_
#define SPINDLE_BENCH_REPORT_XY_CHART_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/report/scale.h"

namespace spindle::bench {

// A chart of lines and points over two axes, as data. Texts are plain: drawing escapes them.

struct Tick {
  double value = 0;
  std::string label;
};

struct Axis {
  std::string title;
  Scale scale;
  std::vector<Tick> ticks = {};
};

// A point that can be pointed at.
struct Mark {
  double x = 0;
  double y = 0;
  std::optional<std::pair<double, double>> whisker = std::nullopt;  // From and to.
  std::string x_text = {};                                          // "8 connections"
  std::string y_text = {};                                          // "31.2 ms"
  std::string detail = {};                                          // "30.9 ms to 31.4 ms"
};

struct Series {
  enum class Line : uint8_t { kSolid, kDashed, kDotted, kNone };

  std::string name;
  size_t style = 0;  // Colour and shape of marks.
  Line line = Line::kSolid;
  // What the line goes through; empty: the marks.
  std::vector<std::pair<double, double>> path = {};
  std::vector<Mark> marks = {};
};

// A shaded range of y.
struct Band {
  std::string name;
  double low = 0;
  double high = 0;
};

struct XyChart {
  std::string id;      // Of letters, digits and '-'; once on a page.
  size_t heading = 4;  // Its level among the headings of the page.
  std::string title;
  std::string description;  // What a reader who does not see it must know.
  Axis x;
  Axis y;
  std::vector<Series> series = {};
  std::vector<Band> bands = {};
  std::vector<std::string> notes = {};  // Below the chart.
};

// How many colours and shapes there are; styles beyond begin again.
inline constexpr size_t kStyles = 6;
// The style of lines that are no arm's: grey.
inline constexpr size_t kBoundStyle = SIZE_MAX;

// The chart as an HTML figure: heading, legend, an SVG that fills the width at a fixed height and
// size of text, points that show their values under the pointer or with the keyboard's focus, and
// the same values as a table that folds out. Needs the style sheet of the page, and no script. Any
// thread.
std::string DrawXyChart(const XyChart& chart);

// Those of `ticks`, which ascend, that are at least `gap` (of the axis' length) from the one
// before.
std::vector<Tick> ThinTicks(const std::vector<Tick>& ticks, const Scale& scale, double gap);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_XY_CHART_H_
