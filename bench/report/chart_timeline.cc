#include "bench/report/chart_timeline.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "bench/report/markup.h"
#include "bench/report/run_format.h"
#include "bench/report/scale.h"
#include "bench/report/short_text.h"

namespace spindle::bench {
namespace {

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }
double End(const TimelineSpan& span) { return Seconds(span.start) + Seconds(span.length); }

// What one arm's part of the drawing shows.
struct Part {
  size_t arm = 0;
  std::map<size_t, std::vector<const TimelineSpan*>> lanes = {};  // By connection.
  size_t connections = 0;                                         // Before any was left out.
  double end = 0;
};

std::vector<Part> PartsOf(const RunRecord& record) {
  std::map<size_t, Part> parts;
  for (const TimelineSpan& span : record.timeline) {
    if (span.arm >= record.arms.size()) continue;
    Part& part = parts[span.arm];
    part.arm = span.arm;
    part.lanes[span.connection].push_back(&span);
    part.end = std::max(part.end, End(span));
  }
  std::vector<Part> list;
  for (auto& [arm, part] : parts) list.push_back(std::move(part));
  return list;
}

// Keeps kMostLanes of the lanes, the first and the last among them.
void ThinLanes(Part& part) {
  part.connections = part.lanes.size();
  if (part.connections <= kMostLanes) return;
  std::map<size_t, std::vector<const TimelineSpan*>> kept;
  size_t place = 0, taken = 0;
  for (auto& [connection, spans] : part.lanes) {
    if (place++ == taken * (part.connections - 1) / (kMostLanes - 1)) {
      kept[connection] = std::move(spans);
      ++taken;
    }
  }
  part.lanes = std::move(kept);
}

// Cuts the lanes to so many spans each that all together are at most kMostSpans. True if it did.
bool ThinSpans(std::vector<Part>& parts) {
  size_t spans = 0, lanes = 0;
  for (const Part& part : parts) {
    lanes += part.lanes.size();
    for (const auto& [connection, lane] : part.lanes) spans += lane.size();
  }
  if (spans <= kMostSpans) return false;
  const size_t most = std::max<size_t>(kMostSpans / lanes, 1);
  for (Part& part : parts) {
    for (auto& [connection, lane] : part.lanes) {
      if (lane.size() > most) lane.resize(most);
    }
  }
  return true;
}

// The height of a lane, with its gap.
int LaneHeight(size_t lanes) { return lanes <= 8 ? 20 : lanes <= 16 ? 14 : lanes <= 32 ? 9 : 6; }

std::string Lane(size_t connection, const std::vector<const TimelineSpan*>& spans,
                 const Scale& scale, int y, int height) {
  std::string out = Concat("<g data-c=\"", connection, "\" transform=\"translate(0 ", y, ")\">");
  for (const TimelineSpan* span : spans) {
    const double from = scale.At(Seconds(span->start));
    const double width = std::max(scale.At(End(*span)) - from, 0.001);
    Append(out, "<rect class=\"p", static_cast<size_t>(span->phase), "\" x=\"", Share(from),
           "\" width=\"", Share(width), "\" height=\"", height, "\" data-s=\"",
           Decimal(Seconds(span->start) * 1e6, 1), "\" data-d=\"",
           Decimal(Seconds(span->length) * 1e6, 1), "\"/>");
  }
  return out + "</g>";
}

// One arm: its name and end above, then its lanes. Adds its height to `y`.
std::string DrawPart(const RunRecord& record, const Part& part, const Scale& scale, int& y) {
  const int height = LaneHeight(part.lanes.size());
  std::string out = Concat("<text class=\"lane-title\" x=\"0\" y=\"", y + 14, "\">",
                           Escape(Capital(record.arms[part.arm].name)), ": done after ",
                           ShortSeconds(part.end), "</text>");
  y += 22;
  const int top = y;
  size_t place = 0;
  // So many lanes apart that the numbers have room.
  const size_t every = height >= 14 ? 1 : height >= 9 ? 2 : 4;
  for (const auto& [connection, spans] : part.lanes) {
    if (place++ % every == 0) {
      Append(out, "<text class=\"tick\" x=\"-8\" y=\"", y + height / 2,
             "\" dy=\".3em\" text-anchor=\"end\">", connection, "</text>");
    }
    out += Lane(connection, spans, scale, y, std::max(height - 2, height * 3 / 4));
    y += height;
  }
  const std::string end = Share(scale.At(part.end));
  Append(out, "<line class=\"end\" x1=\"", end, "\" x2=\"", end, "\" y1=\"", top - 4, "\" y2=\"",
         y + 2, "\"/>");
  y += 14;
  return out;
}

std::string DrawAxis(const Scale& scale, int bottom) {
  std::string out;
  for (const double value : scale.Ticks(6)) {
    const std::string x = Share(scale.At(value));
    Append(out, "<line class=\"grid\" x1=\"", x, "\" x2=\"", x, "\" y1=\"20\" y2=\"", bottom,
           "\"/><text class=\"tick\" x=\"", x, "\" y=\"", bottom + 18, "\" text-anchor=\"middle\">",
           ShortSeconds(value), "</text>");
  }
  Append(out, "<line class=\"axis\" x2=\"100%\" y1=\"", bottom, "\" y2=\"", bottom, "\"/>");
  return out;
}

std::string Legend(const RunRecord& record) {
  std::array<bool, kPhaseNames.size()> occurs = {};
  for (const TimelineSpan& span : record.timeline) occurs[static_cast<size_t>(span.phase)] = true;
  std::string out = "<ul class=\"legend\">";
  for (size_t i = 0; i < occurs.size(); ++i) {
    if (!occurs[i]) continue;
    Append(out,
           "<li><svg class=\"swatch\" width=\"30\" height=\"14\" aria-hidden=\"true\"><rect "
           "class=\"p",
           i, "\" width=\"30\" height=\"14\"/></svg>", kPhaseNames[i], "</li>");
  }
  return out + "</ul>";
}

std::vector<std::string> Notes(const std::vector<Part>& parts, bool cut) {
  std::vector<std::string> notes;
  for (const Part& part : parts) {
    if (part.connections <= part.lanes.size()) continue;
    notes.push_back(Concat("Shown are ", part.lanes.size(), " of ", part.connections,
                           " connections, evenly chosen."));
    break;
  }
  if (cut) {
    notes.push_back(Concat("Shown are the first ", parts.front().lanes.begin()->second.size(),
                           " steps of each connection."));
  }
  return notes;
}

std::string Describe(const RunRecord& record, const std::vector<Part>& parts) {
  std::string text = "What each connection did when, with the arms on one axis of time.";
  for (const Part& part : parts) {
    Append(text, " ", Capital(record.arms[part.arm].name), " with ",
           Counted(part.connections, "connection"), " was done after ", ShortSeconds(part.end),
           ".");
  }
  return text;
}

}  // namespace

std::string DrawTimeline(const RunRecord& record, const std::string& id) {
  std::vector<Part> parts = PartsOf(record);
  if (parts.empty()) return "";
  double end = 0;
  for (Part& part : parts) {
    ThinLanes(part);
    end = std::max(end, part.end);
  }
  const bool cut = ThinSpans(parts);
  const Scale scale(Scale::Kind::kLinear, 0, end * 1.01);
  int bottom = 0;
  std::string lanes;
  for (const Part& part : parts) lanes += DrawPart(record, part, scale, bottom);
  const int height = bottom + 30;
  const std::string description = Describe(record, parts);
  std::string out = Concat(
      "<figure class=\"chart timeline\"><figcaption><h4>Timeline of one block</h4><p ",
      "class=\"axis-name\">one lane for each connection</p></figcaption>", Legend(record),
      "<div class=\"box lanes\" tabindex=\"0\" role=\"group\" aria-label=\"Timeline; arrow keys ",
      "move from step to step\"><svg class=\"drawing\" width=\"100%\" height=\"", height,
      "\" role=\"img\" aria-labelledby=\"", id, "timeline-t ", id, "timeline-d\"><title id=\"", id,
      "timeline-t\">Timeline</title><desc id=\"", id, "timeline-d\">", Escape(description),
      "</desc>");
  Append(out, DrawAxis(scale, bottom), lanes, "</svg></div>",
         "<p class=\"readout\" aria-live=\"polite\">", Escape(description), "</p>");
  for (const std::string& note : Notes(parts, cut)) {
    Append(out, "<p class=\"note\">", note, "</p>");
  }
  return out + "</figure>\n";
}

std::string TimelinePatterns() {
  // Lines over the phase's hue: none would be told apart by hue alone.
  constexpr std::array<std::string_view, kPhaseNames.size()> kLines = {
      "M0 6L6 0M-1 1L1 -1M5 7L7 5",  // connect: rising
      "",                            // write: plain
      "M0 3H6",                      // in flight: level
      "M0 0L6 6M6 0L0 6",            // think: crossed
      "M0 0L6 6M-1 5L1 7M5 -1L7 1",  // ack: falling
      "M3 0V6"};                     // close: upright
  std::string out = "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>";
  for (size_t i = 0; i < kLines.size(); ++i) {
    Append(out, "<pattern id=\"phase", i,
           "\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect class=\"hue", i,
           "\" width=\"6\" height=\"6\"/><path class=\"hatch\" d=\"", kLines[i], "\"/></pattern>");
  }
  return out + "</defs></svg>\n";
}

}  // namespace spindle::bench
