#include "bench/report/html_page.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "bench/report/chart_timeline.h"
#include "bench/report/findings.h"
#include "bench/report/markup.h"
#include "bench/report/page_sections.h"
#include "bench/report/page_style.h"
#include "bench/report/run_charts.h"
#include "bench/report/run_groups.h"
#include "bench/report/run_json.h"
#include "bench/report/short_text.h"
#include "bench/report/write_file.h"
#include "bench/report/xy_chart.h"

namespace spindle::bench {
namespace {

// A page must not load anything, so that an error in the escaping does no harm either.
std::string Head(const std::string& title) {
  return Concat(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action "
      "'none'\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" "
      "href=\"data:,\">\n<title>",
      Escape(title), "</title>\n<style>\n", kPageStyle, "</style>\n</head>\n");
}

std::string Top(const std::string& what) {
  return Concat(
      "<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<header><p "
      "class=\"brand\"><svg width=\"22\" height=\"22\" viewBox=\"0 0 22 22\" aria-hidden=\"true\">"
      "<path d=\"M2 5H20M2 11H14M2 17H8\"/></svg>spindle</p><p class=\"kind\">",
      Escape(what), "</p><button type=\"button\" id=\"theme\" hidden>Dark</button></header>\n",
      TimelinePatterns(), "<main id=\"main\">\n");
}

std::string Tail() {
  return Concat("</main>\n<script>\n", kPageScript, "</script>\n</body>\n</html>\n");
}

// The record's data for the page, within `room` bytes.
std::string DataSection(const RunRecord& record, const std::string& id, const std::string& name,
                        size_t room) {
  std::string left_out;
  std::string json = ToJson(record);
  if (json.size() > room) {
    json = ToJson(record, JsonDetail::kWithoutBuckets);
    left_out = "the buckets of histograms";
  }
  if (json.size() > room) {
    RunRecord small = record;
    small.timeline.clear();
    for (ArmRecord& arm : small.arms) {
      arm.blocks.clear();
      arm.intervals.clear();
    }
    json = ToJson(small, JsonDetail::kWithoutBuckets);
    left_out = "timeline, blocks and the buckets of histograms";
  }
  if (json.size() > room)
    return "<section><h2>Data</h2><p>It is too large for this page.</p></section>\n";
  return Concat(
      "<p><button type=\"button\" class=\"download\" data-for=\"", id, "json\" data-name=\"",
      Escape(name), ".json\" hidden>Download the data (JSON)</button></p>",
      left_out.empty() ? ""
                       : Concat("<p class=\"note\">The data in this page is without ", left_out,
                                ", for its size.</p>"),
      "<script type=\"application/json\" id=\"", id, "json\">\n", EscapeJson(json), "</script>\n");
}

// A command's name, "seqpar", or "run".
std::string KindOf(const RunRecord& record) {
  return record.command.size() > 1 ? record.command[1] : "run";
}

// A run of a page with two.
struct NamedRun {
  const RunRecord& record;
  std::string name;
  std::string id;
};

// The same section of both runs, beside each other where there is room.
template <typename Section>
std::string Pair(const std::array<NamedRun, 2>& runs, const Section& section) {
  std::string out;
  for (const NamedRun& run : runs) {
    const std::string content = section(run);
    Append(out, "<div class=\"run\">",
           content.empty() ? "" : Concat("<p class=\"run-name\">", Escape(run.name), "</p>"),
           content, "</div>");
  }
  return Concat("<div class=\"pair\">", out, "</div>\n");
}

// "loopback: parallel 1.3× as fast as sequential"
std::string ShortFinding(const NamedRun& run) {
  const PointRecord* const point = MostTelling(run.record);
  if (point == nullptr) return run.name;
  return Concat(run.name, ": ", point->arm, " ", Times(point->speedup.ratio), " as fast as ",
                point->base_arm);
}

std::vector<const PointRecord*> PointsOf(const RunRecord& record) {
  const PointRecord* const best = MostTelling(record);
  if (best == nullptr) return {};
  // Those of the same arms and setting.
  std::vector<const PointRecord*> points;
  for (const RunGroup& group : GroupsOf(record)) {
    bool right = false;
    for (const PointRecord* point : group.points) right = right || point == best;
    if (!right) continue;
    for (const PointRecord* point : group.points) {
      if (point->arm == best->arm && point->base_arm == best->base_arm) points.push_back(point);
    }
  }
  return points;
}

std::string BothCharts(const std::array<NamedRun, 2>& runs) {
  std::vector<SpeedupLine> lines;
  for (size_t i = 0; i < runs.size(); ++i) {
    lines.push_back({.name = runs[i].name, .style = i, .points = PointsOf(runs[i].record)});
  }
  std::optional<XyChart> chart = SpeedupChart(lines, std::nullopt, "both-");
  if (chart.has_value()) chart->heading = 2;
  return chart.has_value() ? Concat("<section class=\"both\">", DrawXyChart(*chart), "</section>\n")
                           : "";
}

// What is left of the page for data.
size_t RoomBeside(const std::string& page, const std::string& tail) {
  const size_t used = page.size() + tail.size() + 1000;
  return used < kMaxPageBytes ? kMaxPageBytes - used : 0;
}

// What `draw` makes of the limits, which are lowered until it and `tail` fit into a page.
template <typename Draw>
std::string Fitting(const std::string& tail, const Draw& draw) {
  SectionLimits limits;
  std::string page = draw(limits);
  while (limits.groups > 1 && RoomBeside(page, tail) == 0) {
    limits.groups /= 2;
    limits.rows /= 2;
    page = draw(limits);
  }
  return page;
}

}  // namespace

std::string HtmlReport(const RunRecord& record) {
  const std::string kind = KindOf(record);
  const std::string tail = Tail();
  std::string page = Fitting(tail, [&](const SectionLimits& limits) {
    return Concat(Head(Concat(FindingOf(record).sentence, " spindle ", kind)), Top(kind),
                  HeadlineSection(record, "h1"), NoticeSection(record), ArmsSection(record),
                  ChartsSection(record, "", limits), TablesSection(record, limits),
                  MethodSection(record));
  });
  page += DataSection(record, "run-", Concat("spindle-", kind), RoomBeside(page, tail));
  return page + tail;
}

std::string HtmlReport(const RunRecord& first, const std::string& first_name,
                       const RunRecord& second, const std::string& second_name) {
  const std::array<NamedRun, 2> runs = {NamedRun{first, first_name, "a-"},
                                        NamedRun{second, second_name, "b-"}};
  const std::string title = Concat(ShortFinding(runs[0]), "; ", ShortFinding(runs[1]));
  const std::string tail = Tail();
  std::string page = Fitting(tail, [&](const SectionLimits& limits) {
    return Concat(
        Head(Concat(title, ". spindle")), Top("two runs"), "<h1>", Escape(title), "</h1>\n",
        BothCharts(runs),
        Pair(runs, [](const NamedRun& run) { return HeadlineSection(run.record, "h2"); }),
        Pair(runs, [](const NamedRun& run) { return NoticeSection(run.record); }),
        Pair(runs, [](const NamedRun& run) { return ArmsSection(run.record); }),
        Pair(runs, [&](const NamedRun& run) { return ChartsSection(run.record, run.id, limits); }),
        Pair(runs, [&](const NamedRun& run) { return TablesSection(run.record, limits); }),
        Pair(runs, [](const NamedRun& run) { return MethodSection(run.record); }));
  });
  const size_t room = RoomBeside(page, tail) / 2;
  page += Pair(
      runs, [&](const NamedRun& run) { return DataSection(run.record, run.id, run.name, room); });
  return page + tail;
}

absl::Status WriteHtml(const RunRecord& record, const std::string& path) {
  return WriteFile(HtmlReport(record), path);
}

}  // namespace spindle::bench
