#include "bench/report/chart_axes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "bench/report/short_text.h"

namespace spindle::bench {
namespace {

constexpr size_t kYTicks = 6;
constexpr size_t kXTicks = 6;
constexpr double kGap = 0.09;  // Between labels, as a share of the axis.

template <typename Format>
Axis WithTicks(const std::string& title, const Scale& scale, size_t most, const Format& format) {
  Axis axis{.title = title, .scale = scale};
  for (const double value : scale.Ticks(most)) axis.ticks.push_back({value, format(value)});
  return axis;
}

}  // namespace

void Range::Add(double value) {
  if (!std::isfinite(value)) return;
  low_ = empty_ ? value : std::min(low_, value);
  high_ = empty_ ? value : std::max(high_, value);
  empty_ = false;
}

void Range::AddMarks(const Series& series) {
  for (const Mark& mark : series.marks) {
    Add(mark.y);
    if (!mark.whisker.has_value()) continue;
    Add(mark.whisker->first);
    Add(mark.whisker->second);
  }
}

Axis ConnectionsAxis(std::vector<double> connections) {
  std::sort(connections.begin(), connections.end());
  connections.erase(std::unique(connections.begin(), connections.end()), connections.end());
  const double low = connections.empty() ? 1 : connections.front();
  const double high = connections.empty() ? 1 : connections.back();
  // Room at both ends, so that no point is on the frame.
  const double room = std::pow(std::max(high / std::max(low, 1.0), 1.5), 0.05);
  Axis axis{.title = "connections",
            .scale = Scale(Scale::Kind::kLogarithmic, low / room, high * room)};
  for (const double value : connections) axis.ticks.push_back({value, ShortCount(value)});
  axis.ticks = ThinTicks(axis.ticks, axis.scale, kGap);
  return axis;
}

Axis SecondsAxis(const std::string& title, Scale::Kind kind, const Range& range) {
  const double low = kind == Scale::Kind::kLinear ? 0 : range.low() / 1.15;
  return WithTicks(title, Scale(kind, low, range.high() * 1.15),
                   kind == Scale::Kind::kLinear ? kYTicks : kYTicks + 2, ShortSeconds);
}

Axis CountAxis(const std::string& title, double high) {
  return WithTicks(title, Scale(Scale::Kind::kLinear, 0, high * 1.1), kYTicks, ShortCount);
}

Axis RatioAxis(const std::string& title, const Range& range) {
  return WithTicks(title, Scale(Scale::Kind::kLogarithmic, range.low() / 1.15, range.high() * 1.15),
                   kXTicks + 2, Times);
}

}  // namespace spindle::bench
