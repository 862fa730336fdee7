#include "bench/report/run_json.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "bench/report/json_parts.h"
#include "bench/report/json_text.h"
#include "bench/report/run_format.h"
#include "bench/report/this_machine.h"
#include "bench/report/write_file.h"

namespace spindle::bench {
namespace {

Json ArmJson(const ArmRecord& arm, JsonDetail detail) {
  Json blocks = Json::array();
  for (const BlockRecord& block : arm.blocks) blocks.push_back(BlockJson(block));
  Json intervals = Json::array();
  for (const IntervalRecord& interval : arm.intervals) intervals.push_back(IntervalJson(interval));
  Json json = {{"name", arm.name}};
  json.update(SettingJson(arm.setting));
  json["rtt_us_asked"] = MicrosJson(arm.setting.rtt);
  json["blocks"] = std::move(blocks);
  json["latency"] = LatencyJson(arm.latency, detail);
  json["loop"] = arm.closed_loop ? "closed" : "open";
  json["send_lag"] = arm.send_lag ? LatencyJson(*arm.send_lag, detail) : Json(nullptr);
  json["intervals"] = std::move(intervals);
  return json;
}

Json EstimateJson(const RatioEstimate& estimate) {
  return {{"ratio", NumberJson(estimate.ratio)},
          {"ci95", Json::array({NumberJson(estimate.low), NumberJson(estimate.high)})},
          {"blocks", estimate.blocks},
          {"mde", NumberJson(estimate.detectable)},
          {"sd", NumberJson(estimate.deviation)}};
}

Json CompareJson(const CompareRecord& compare) {
  Json json = {{"stat", compare.statistic}};
  json.update(EstimateJson(compare.estimate));
  json["p"] = compare.p_value ? NumberJson(*compare.p_value) : Json(nullptr);
  json["test"] = compare.test;
  json["verdict"] = std::string(VerdictName(compare.verdict));
  return json;
}

// Next to the points: what the model said, and by how much more the measured speed-up was than it.
Json ModelJson(const std::vector<PointRecord>& points) {
  const auto known = [](const PointRecord& point) { return point.predicted.has_value(); };
  if (std::none_of(points.begin(), points.end(), known)) return nullptr;
  Json predicted = Json::array(), error = Json::array();
  for (const PointRecord& point : points) {
    predicted.push_back(point.predicted ? NumberJson(*point.predicted) : Json(nullptr));
    error.push_back(point.predicted ? NumberJson(point.speedup.ratio / *point.predicted - 1)
                                    : Json(nullptr));
  }
  return {{"predicted", std::move(predicted)}, {"error", std::move(error)}};
}

Json SpanJson(const TimelineSpan& span) {
  return {{"arm", span.arm},
          {"conn", span.connection},
          {"msg", span.message},
          {"phase", std::string(PhaseName(span.phase))},
          {"start_us", MicrosJson(span.start)},
          {"dur_us", MicrosJson(span.length)}};
}

template <typename T, typename Function>
Json ListJson(const std::vector<T>& list, const Function& to_json) {
  Json json = Json::array();
  for (const T& element : list) json.push_back(to_json(element));
  return json;
}

Json RunAsJson(const RunRecord& record, JsonDetail detail) {
  return {{"schema", std::string(kRunSchema)},
          {"tool", ToolJson(record.tool ? *record.tool : ThisTool())},
          {"cmd", record.command},
          {"seed", record.seed},
          {"host", HostJson(record.host ? *record.host : ThisHost())},
          {"net", NetJson(record.net)},
          {"config", ConfigJson(record)},
          {"arms", ListJson(record.arms, [&](const auto& arm) { return ArmJson(arm, detail); })},
          {"points", ListJson(record.points, PointJson)},
          {"compare", ListJson(record.compare, CompareJson)},
          {"noise_floor", record.noise_floor ? EstimateJson(*record.noise_floor) : Json(nullptr)},
          {"model", ModelJson(record.points)},
          {"timeline", ListJson(record.timeline, SpanJson)},
          {"errors", ErrorsJson(record.errors)},
          {"interrupted", record.interrupted},
          {"warnings", record.warnings}};
}

}  // namespace

std::string ToJson(const RunRecord& record, JsonDetail detail) {
  const Json json = RunAsJson(record, detail);
  std::string text = "{";
  std::string_view comma = "";
  for (const auto& [key, value] : json.items()) {
    Append(text, comma, "\n\"", key, "\": ");
    comma = ",";
    if (!value.is_array() || value.empty() || !value.front().is_object()) {
      text += OneLine(value);
      continue;
    }
    text += '[';
    std::string_view separator = "\n ";
    for (const Json& element : value) {
      Append(text, separator, OneLine(element));
      separator = ",\n ";
    }
    text += "\n]";
  }
  return text + "\n}\n";
}

absl::Status WriteJson(const RunRecord& record, const std::string& path) {
  return WriteFile(ToJson(record), path);
}

}  // namespace spindle::bench
