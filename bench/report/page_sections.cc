#include "bench/report/page_sections.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "bench/report/arm_summary.h"
#include "bench/report/arm_table.h"
#include "bench/report/chart_timeline.h"
#include "bench/report/findings.h"
#include "bench/report/markup.h"
#include "bench/report/run_charts.h"
#include "bench/report/run_groups.h"
#include "bench/report/short_text.h"
#include "bench/report/statistics.h"
#include "bench/report/xy_chart.h"

namespace spindle::bench {
namespace {

constexpr size_t kMostNotices = 100;

std::string Tile(std::string_view name, const std::string& value, const std::string& detail) {
  return Concat("<div class=\"tile\"><dt>", name, "</dt><dd>", Escape(value), "</dd>",
                detail.empty() ? "" : Concat("<dd class=\"detail\">", Escape(detail), "</dd>"),
                "</div>");
}

std::string PointTiles(const PointRecord& point, const RunRecord& record) {
  const RatioEstimate& speedup = point.speedup;
  std::string out = Tile("Speed-up", Times(speedup.ratio),
                         std::isfinite(speedup.high) ? "95 % " + Interval(speedup) : "no interval");
  if (point.predicted.has_value()) {
    const double error = speedup.ratio / *point.predicted - 1;
    out += Tile("Model", Times(*point.predicted),
                Concat("measured is ", Percent(std::fabs(error)), error < 0 ? " below" : " above"));
  }
  out += record.noise_floor.has_value()
             ? Tile("Noise floor", Interval(*record.noise_floor), "one arm against itself")
             : Tile("Noise floor", "n/a", "not measured");
  out += Tile("Detectable effect", Percent(speedup.detectable),
              Concat("with ", Counted(speedup.blocks, "block")));
  if (!point.limit.empty()) out += Tile("Limited by", point.limit, "");
  return out;
}

std::string LoadTiles(const ArmRecord& arm) {
  const std::optional<ArmSummary> summary = Summarize(arm);
  if (!summary.has_value()) return "";
  std::string out = Tile("Messages per second", ShortCount(summary->per_second),
                         Concat(summary->messages, " in all"));
  if (arm.latency.count() > 0) {
    out += Tile("Median latency", ShortDuration(arm.latency.ValueAtQuantile(0.5)), "");
    out += Tile("Largest latency", ShortDuration(arm.latency.max()), "");
  }
  out += Tile("Client CPU", ShortSeconds(summary->client_cpu_s), "for each message");
  if (arm.send_lag.has_value() && arm.send_lag->count() > 0) {
    out += Tile("Late sends", ShortDuration(arm.send_lag->ValueAtQuantile(0.99)), "99 % within");
  }
  return out;
}

std::string_view ToneClass(Finding::Tone tone) {
  switch (tone) {
    case Finding::Tone::kGood:
      return "good";
    case Finding::Tone::kBad:
      return "bad";
    case Finding::Tone::kNeutral:
      return "neutral";
    case Finding::Tone::kUnknown:
      break;
  }
  return "unknown";
}

// The arms that are drawn together: those of the most telling point, or all if there are no points.
std::vector<const ArmRecord*> ArmsOf(const RunRecord& record,
                                     const std::vector<const PointRecord*>& points) {
  std::vector<const ArmRecord*> arms;
  const PointRecord* best = MostTelling(points);
  for (const ArmRecord& arm : record.arms) {
    if (best != nullptr && ArmOf(record, *best, arm.name) != &arm) continue;
    if (arms.size() < kStyles) arms.push_back(&arm);
  }
  return arms;
}

std::vector<const ArmRecord*> ArmsOf(const RunRecord& record) {
  std::vector<const PointRecord*> points;
  for (const PointRecord& point : record.points) points.push_back(&point);
  return ArmsOf(record, points);
}

// One line for each pair of arms that the points compare.
std::vector<SpeedupLine> LinesOf(const RunRecord& record, const RunGroup& group) {
  const std::vector<std::string> names = ArmNames(record);
  std::vector<SpeedupLine> lines;
  for (const PointRecord* point : group.points) {
    const std::string name = Concat(point->arm, " / ", point->base_arm);
    auto found = std::find_if(lines.begin(), lines.end(),
                              [&](const SpeedupLine& line) { return line.name == name; });
    if (found == lines.end()) {
      lines.push_back({.name = name, .style = PlaceOf(names, point->arm)});
      found = lines.end() - 1;
    }
    found->points.push_back(point);
  }
  return lines;
}

std::string GroupCharts(const RunRecord& record, const RunGroup& group, const std::string& id) {
  std::vector<std::optional<XyChart>> charts;
  charts.push_back(SpeedupChart(LinesOf(record, group), record.noise_floor, id));
  if (!group.points.empty()) charts.push_back(TimeChart(record, group, id));
  std::string out;
  for (const std::optional<XyChart>& chart : charts) {
    if (chart.has_value()) out += DrawXyChart(*chart);
  }
  if (out.empty()) return "";
  return Concat("<h3>", Escape(DescribeSetting(group.setting)), "</h3><div class=\"charts\">", out,
                "</div>\n");
}

// Latency and throughput of the arms of the most telling point.
std::string ArmCharts(const RunRecord& record, const std::string& id) {
  const std::vector<const ArmRecord*> arms = ArmsOf(record);
  std::string out;
  for (const std::optional<XyChart>& chart :
       {LatencyChart(record, arms, id), ThroughputChart(record, arms, id)}) {
    if (chart.has_value()) out += DrawXyChart(*chart);
  }
  if (out.empty()) return "";
  const Setting& setting = arms.front()->setting;
  return Concat("<h3>", Counted(setting.connections, "connection"), ", ",
                Escape(DescribeSetting(setting)), "</h3><div class=\"charts\">", out, "</div>\n");
}

std::string PointsTable(const RunRecord& record, size_t most) {
  if (record.points.empty()) return "";
  std::string out =
      "<details><summary>All comparisons</summary><div class=\"scroll\" tabindex=\"0\" "
      "role=\"region\" aria-label=\"All comparisons\"><table><caption>All comparisons</caption>"
      "<thead><tr><th scope=\"col\">arms</th><th scope=\"col\">connections</th><th scope=\"col\">"
      "setting</th><th scope=\"col\">speed-up</th><th scope=\"col\">95 % interval</th><th "
      "scope=\"col\">detectable</th><th scope=\"col\">model</th><th scope=\"col\">verdict</th><th "
      "scope=\"col\">limited by</th></tr></thead><tbody>";
  for (size_t i = 0; i < std::min(record.points.size(), most); ++i) {
    const PointRecord& point = record.points[i];
    Append(out, "<tr><th scope=\"row\">", Escape(Concat(point.arm, " / ", point.base_arm)),
           "</th><td>", point.setting.connections, "</td><td>",
           Escape(DescribeSetting(point.setting)), "</td><td>", Times(point.speedup.ratio),
           "</td><td>", Interval(point.speedup), "</td><td>", Percent(point.speedup.detectable),
           "</td><td>", point.predicted ? Times(*point.predicted) : "–", "</td><td>",
           VerdictName(point.verdict), "</td><td>", point.limit.empty() ? "–" : Escape(point.limit),
           "</td></tr>");
  }
  return out + "</tbody></table></div></details>\n";
}

std::string CompareTable(const RunRecord& record) {
  if (record.compare.empty()) return "";
  std::string out =
      "<section><h2>Second run against first</h2><div class=\"scroll\" tabindex=\"0\" "
      "role=\"region\" aria-label=\"Second run against first\"><table><caption>How many times as "
      "high the value of the second is</caption><thead><tr><th scope=\"col\">value</th><th "
      "scope=\"col\">ratio</th><th scope=\"col\">95 % interval</th><th scope=\"col\">p</th><th "
      "scope=\"col\">test</th><th scope=\"col\">verdict</th></tr></thead><tbody>";
  for (const CompareRecord& compare : record.compare) {
    Append(out, "<tr><th scope=\"row\">", Escape(compare.statistic), "</th><td>",
           Times(compare.estimate.ratio), "</td><td>", Interval(compare.estimate), "</td><td>",
           compare.p_value ? ShortNumber(*compare.p_value) : "–", "</td><td>", Escape(compare.test),
           "</td><td>", VerdictName(compare.verdict), "</td></tr>");
  }
  return out + "</tbody></table></div></section>\n";
}

}  // namespace

std::string HeadlineSection(const RunRecord& record, const std::string& heading) {
  const Finding finding = FindingOf(record);
  const PointRecord* const point = MostTelling(record);
  std::string tiles;
  if (point != nullptr) {
    tiles = PointTiles(*point, record);
  } else if (!record.arms.empty()) {
    tiles = LoadTiles(record.arms.front());
  }
  return Concat("<div class=\"headline\"><p class=\"chip ", ToneClass(finding.tone), "\">",
                Escape(finding.verdict), "</p><", heading, ">", Escape(finding.sentence), "</",
                heading, ">", tiles.empty() ? "" : Concat("<dl class=\"tiles\">", tiles, "</dl>"),
                "</div>\n");
}

std::string NoticeSection(const RunRecord& record) {
  std::string items;
  if (record.interrupted) {
    items += "<li class=\"bad\">Interrupted: this is what there was until then.</li>";
  }
  size_t left = kMostNotices;
  for (const auto& [what, count] : record.errors) {
    if (left-- == 0) break;
    Append(items, "<li class=\"bad\">Error: ", Escape(what),
           count == 1 ? "" : Concat(" (", count, " times)"), "</li>");
  }
  for (size_t i = 0; i < std::min(record.warnings.size(), kMostNotices); ++i) {
    Append(items, "<li>", Escape(Capital(record.warnings[i])), ".</li>");
  }
  if (items.empty()) return "";
  return Concat("<section class=\"notices\"><h2>About this run</h2><ul>", items,
                "</ul></section>\n");
}

std::string ArmsSection(const RunRecord& record) {
  const std::vector<const ArmRecord*> arms = ArmsOf(record);
  if (arms.empty()) return "";
  const Setting& setting = arms.front()->setting;
  const std::string caption =
      Concat(Counted(setting.connections, "connection"), ", ", DescribeSetting(setting));
  return Concat("<section><h2>The arms</h2>",
                DrawArmTable(TableOfArms(arms, SettingColumns::kNo), caption), "</section>\n");
}

std::string ChartsSection(const RunRecord& record, const std::string& id,
                          const SectionLimits& limits) {
  std::string out;
  const std::vector<RunGroup> groups = GroupsOf(record);
  for (size_t i = 0; i < std::min(groups.size(), limits.groups); ++i) {
    out += GroupCharts(record, groups[i], Concat(id, "g", i, "-"));
  }
  if (groups.size() > limits.groups) {
    Append(out, "<p class=\"note\">Charts of ", groups.size() - limits.groups,
           " more settings are left out; their numbers are in the tables below.</p>");
  }
  const std::string timeline = DrawTimeline(record, id);
  if (!timeline.empty()) {
    const auto span = record.timeline.front();
    Append(out, "<h3>One block of ",
           Counted(record.arms[std::min(span.arm, record.arms.size() - 1)].setting.connections,
                   "connection"),
           ", step by step</h3>", timeline);
  }
  out += ArmCharts(record, id);
  if (out.empty()) return CompareTable(record);
  return Concat("<section><h2>Charts</h2>", out, "</section>\n", CompareTable(record));
}

std::string TablesSection(const RunRecord& record, const SectionLimits& limits) {
  std::string out = PointsTable(record, limits.rows);
  std::vector<const ArmRecord*> arms;
  for (const ArmRecord& arm : record.arms) {
    if (arms.size() < limits.rows) arms.push_back(&arm);
  }
  if (arms.size() > 1) {
    Append(out, "<details><summary>All arms</summary>",
           DrawArmTable(TableOfArms(arms, SettingColumns::kYes), "All arms"), "</details>\n");
  }
  if (out.empty()) return "";
  if (std::max(record.arms.size(), record.points.size()) > limits.rows) {
    Append(out, "<p class=\"note\">Tables end after ", limits.rows, " rows.</p>");
  }
  return Concat("<section><h2>All numbers</h2>", out, "</section>\n");
}

}  // namespace spindle::bench
