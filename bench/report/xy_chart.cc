#include "bench/report/xy_chart.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/strings.h"
#include "bench/report/markup.h"

namespace spindle::bench {
namespace {

constexpr double kPlotHeight = 240;
constexpr double kTextLeftOf = 0.36;

std::string StyleClass(size_t style) {
  return style == kBoundStyle ? "s-bound" : Concat("s", style % kStyles);
}

// Places within the plot: x as a share of its width, which the browser chooses; y in pixels.
class Drawing {
 public:
  explicit Drawing(const XyChart& chart) : chart_(chart) {}

  std::string Axes() const;
  std::string Bands() const;
  std::string Lines() const;
  std::string Whiskers() const;
  std::string Points() const;

 private:
  std::string X(double value) const { return Share(chart_.x.scale.At(value)); }
  double YPixels(double value) const { return (1 - chart_.y.scale.At(value)) * kPlotHeight; }
  std::string Y(double value) const { return Decimal(YPixels(value), 1); }
  std::string Path(const Series& series) const;
  std::string Point(const Series& series, const Mark& mark) const;

  const XyChart& chart_;
};

std::string Drawing::Axes() const {
  std::string out;
  for (const Tick& tick : chart_.y.ticks) {
    const std::string y = Y(tick.value);
    Append(out, "<line class=\"grid\" x2=\"100%\" y1=\"", y, "\" y2=\"", y,
           "\"/><text class=\"tick\" x=\"-8\" y=\"", y, "\" dy=\".35em\" text-anchor=\"end\">",
           Escape(tick.label), "</text>");
  }
  for (const Tick& tick : chart_.x.ticks) {
    const std::string x = X(tick.value);
    Append(out, "<line class=\"grid\" x1=\"", x, "\" x2=\"", x, "\" y2=\"", Decimal(kPlotHeight, 0),
           "\"/><text class=\"tick\" x=\"", x, "\" y=\"", Decimal(kPlotHeight + 18, 0),
           "\" text-anchor=\"middle\">", Escape(tick.label), "</text>");
  }
  Append(out, "<line class=\"axis\" x2=\"100%\" y1=\"", Decimal(kPlotHeight, 0), "\" y2=\"",
         Decimal(kPlotHeight, 0), "\"/><text class=\"axis-title\" x=\"50%\" y=\"",
         Decimal(kPlotHeight + 38, 0), "\" text-anchor=\"middle\">", Escape(chart_.x.title),
         "</text>");
  return out;
}

std::string Drawing::Bands() const {
  std::string out;
  for (const Band& band : chart_.bands) {
    const double top = YPixels(band.high);
    Append(out, "<rect class=\"band\" width=\"100%\" y=\"", Decimal(top, 1), "\" height=\"",
           Decimal(std::max(YPixels(band.low) - top, 1.0), 1), "\"/>");
  }
  return out;
}

std::string Drawing::Path(const Series& series) const {
  std::string path;
  const auto add = [&](double x, double y) {
    Append(path, path.empty() ? "M" : "L", Decimal(chart_.x.scale.At(x) * 1000, 1), " ", Y(y));
  };
  for (const auto& [x, y] : series.path) add(x, y);
  if (series.path.empty()) {
    for (const Mark& mark : series.marks) add(mark.x, mark.y);
  }
  return path;
}

// Drawn in a box of 1000 units that is stretched to the width; the strokes are not.
std::string Drawing::Lines() const {
  constexpr std::string_view kClasses[] = {"solid", "dashed", "dotted"};
  std::string out = Concat("<svg viewBox=\"0 0 1000 ", Decimal(kPlotHeight, 0),
                           "\" preserveAspectRatio=\"none\" width=\"100%\" height=\"",
                           Decimal(kPlotHeight, 0), "\" class=\"lines\">");
  for (const Series& series : chart_.series) {
    if (series.line == Series::Line::kNone) continue;
    const std::string path = Path(series);
    if (path.empty()) continue;
    Append(out, "<path class=\"line ", StyleClass(series.style), " ",
           kClasses[static_cast<size_t>(series.line)], "\" d=\"", path, "\"/>");
  }
  return out + "</svg>";
}

std::string Drawing::Whiskers() const {
  std::string out;
  for (const Series& series : chart_.series) {
    for (const Mark& mark : series.marks) {
      if (!mark.whisker.has_value()) continue;
      const double from = YPixels(mark.whisker->first), to = YPixels(mark.whisker->second);
      Append(out, "<svg x=\"", X(mark.x), "\" y=\"", Decimal(to, 1),
             "\" class=\"at\"><path class=\"", "whisker ", StyleClass(series.style),
             "\" d=\"M-5 0H5M0 0V", Decimal(from - to, 1), "M-5 ", Decimal(from - to, 1),
             "H5\"/></svg>");
    }
  }
  return out;
}

// Circle, square, triangle, diamond, and the first two hollow.
std::string Shape(size_t style) {
  constexpr std::string_view kPaths[kStyles] = {"M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
                                                "M-4-4H4V4H-4z",
                                                "M0-5.5L5 4H-5z",
                                                "M0-5.5L5.5 0L0 5.5L-5.5 0z",
                                                "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
                                                "M-4-4H4V4H-4z"};
  const size_t which = style % kStyles;
  return Concat("<path class=\"mark s", which, which >= 4 ? " hollow" : "", "\" d=\"",
                kPaths[which], "\"/>");
}

// "31.2 ms, 30.9 ms to 31.4 ms"
std::string ValueText(const Mark& mark) {
  return mark.detail.empty() ? mark.y_text : Concat(mark.y_text, ", ", mark.detail);
}

std::string Drawing::Point(const Series& series, const Mark& mark) const {
  // Lines of text beside the point, towards the side with more room: on the right is the frame, on
  // the left there are the labels of the axis besides.
  const bool left = chart_.x.scale.At(mark.x) > kTextLeftOf;
  const std::string_view dx = left ? "-12" : "12";
  std::string lines = Concat("<tspan x=\"", dx, "\" y=\"-14\">", Escape(mark.x_text), "</tspan>");
  for (const std::string& line : {mark.y_text, mark.detail}) {
    if (line.empty()) continue;
    Append(lines, "<tspan x=\"", dx, "\" dy=\"1.25em\">", Escape(line), "</tspan>");
  }
  return Concat("<svg x=\"", X(mark.x), "\" y=\"", Y(mark.y),
                "\" class=\"at\"><g class=\"point\" tabindex=\"0\" role=\"listitem\" aria-label=\"",
                Escape(Concat(series.name, ", ", mark.x_text, ": ", ValueText(mark))),
                "\"><circle class=\"hit\" r=\"11\"/>", Shape(series.style),
                "<text class=\"value\" text-anchor=\"", left ? "end" : "start",
                "\" aria-hidden=\"true\">", lines, "</text></g></svg>");
}

std::string Drawing::Points() const {
  std::string out;
  for (const Series& series : chart_.series) {
    for (const Mark& mark : series.marks) out += Point(series, mark);
  }
  return out;
}

std::string Legend(const XyChart& chart) {
  constexpr std::string_view kClasses[] = {"solid", "dashed", "dotted"};
  std::string out = "<ul class=\"legend\">";
  for (const Series& series : chart.series) {
    if (series.name.empty()) continue;
    out += "<li><svg class=\"swatch\" width=\"30\" height=\"14\" aria-hidden=\"true\">";
    if (series.line != Series::Line::kNone) {
      Append(out, "<path class=\"line ", StyleClass(series.style), " ",
             kClasses[static_cast<size_t>(series.line)], "\" d=\"M1 7H29\"/>");
    }
    if (!series.marks.empty()) {
      Append(out, "<g transform=\"translate(15 7)\">", Shape(series.style), "</g>");
    }
    Append(out, "</svg>", Escape(series.name), "</li>");
  }
  for (const Band& band : chart.bands) {
    Append(out,
           "<li><svg class=\"swatch\" width=\"30\" height=\"14\" aria-hidden=\"true\"><rect "
           "class=\"band\" width=\"30\" height=\"14\"/></svg>",
           Escape(band.name), "</li>");
  }
  return out + "</ul>";
}

std::string DataTable(const XyChart& chart) {
  std::string rows;
  for (const Series& series : chart.series) {
    for (const Mark& mark : series.marks) {
      Append(rows, "<tr><th scope=\"row\">", Escape(series.name), "</th><td>", Escape(mark.x_text),
             "</td><td>", Escape(ValueText(mark)), "</td></tr>");
    }
  }
  if (rows.empty()) return "";
  return Concat("<details><summary>Values</summary><div class=\"scroll\"><table><caption>",
                Escape(chart.title), "</caption><thead><tr><th scope=\"col\">Line</th><th ",
                "scope=\"col\">", Escape(chart.x.title), "</th><th scope=\"col\">",
                Escape(chart.y.title), "</th></tr></thead><tbody>", rows,
                "</tbody></table></div></details>");
}

}  // namespace

std::string DrawXyChart(const XyChart& chart) {
  const Drawing drawing(chart);
  const std::string frame = "<g transform=\"translate(0 12)\">";
  std::string out = Concat(
      "<figure class=\"chart\"><figcaption>", "<h", chart.heading, ">", Escape(chart.title), "</h",
      chart.heading, "><p class=\"axis-name\">", Escape(chart.y.title), "</p></figcaption>",
      Legend(chart),
      "<div class=\"box\"><svg class=\"drawing\" width=\"100%\" height=\"296\" role=\"img\" ",
      "aria-labelledby=\"", chart.id, "-t ", chart.id, "-d\"><title id=\"", chart.id, "-t\">",
      Escape(chart.title), "</title><desc id=\"", chart.id, "-d\">", Escape(chart.description),
      "</desc>", frame);
  Append(out, drawing.Bands(), drawing.Axes(), drawing.Lines(), drawing.Whiskers(), "</g></svg>");
  // The points are a drawing of their own: what is within role="img" has no role.
  Append(out, "<svg class=\"points\" width=\"100%\" height=\"296\" role=\"list\" aria-label=\"",
         Escape(chart.title), ", values\">", frame, drawing.Points(), "</g></svg></div>");
  for (const std::string& note : chart.notes) {
    Append(out, "<p class=\"note\">", Escape(note), "</p>");
  }
  return Concat(out, DataTable(chart), "</figure>\n");
}

std::vector<Tick> ThinTicks(const std::vector<Tick>& ticks, const Scale& scale, double gap) {
  std::vector<Tick> thin;
  for (const Tick& tick : ticks) {
    if (!thin.empty() && scale.At(tick.value) - scale.At(thin.back().value) < gap) continue;
    thin.push_back(tick);
  }
  return thin;
}

}  // namespace spindle::bench
