#include "bench/report/run_groups.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "base/strings.h"
#include "bench/report/short_text.h"

namespace spindle::bench {
namespace {

Setting WithoutCounts(Setting setting) {
  setting.connections = 0;
  setting.messages = 0;
  return setting;
}

RunGroup& GroupOf(std::vector<RunGroup>& groups, const Setting& setting) {
  const Setting key = WithoutCounts(setting);
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [&](const RunGroup& group) { return group.setting == key; });
  if (found != groups.end()) return *found;
  groups.push_back({.setting = key});
  return groups.back();
}

// How far the speed-up is from 1, in logarithms; below all others unless the point decides.
double Effect(const PointRecord& point) {
  const bool decided = point.verdict == Verdict::kFaster || point.verdict == Verdict::kSlower;
  return decided && point.speedup.ratio > 0 ? std::fabs(std::log(point.speedup.ratio)) : -1;
}

}  // namespace

std::vector<RunGroup> GroupsOf(const RunRecord& record) {
  std::vector<RunGroup> groups;
  for (const ArmRecord& arm : record.arms) GroupOf(groups, arm.setting).arms.push_back(&arm);
  for (const PointRecord& point : record.points) {
    GroupOf(groups, point.setting).points.push_back(&point);
  }
  return groups;
}

std::string DescribeSetting(const Setting& setting) {
  std::string text = ShortSize(setting.message_bytes) + " messages";
  if (setting.rtt.has_value()) Append(text, ", ", ShortDuration(*setting.rtt), " RTT");
  if (setting.bits_per_second) Append(text, ", ", ShortBitRate(*setting.bits_per_second));
  if (setting.think > Duration::zero()) {
    Append(text, ", think time ", ShortDuration(setting.think));
  }
  if (!setting.pooled) text += ", a new connection for each";
  return text;
}

const PointRecord* MostTelling(const std::vector<const PointRecord*>& points) {
  const PointRecord* best = nullptr;
  // The first point's arms are what the run is about; others, if there are any, come after them.
  const auto is_main = [&](const PointRecord& point) { return point.arm == points.front()->arm; };
  const auto rank = [&](const PointRecord& point) {
    const double effect = Effect(point);
    return std::tuple(effect >= 0, is_main(point), effect, point.setting.connections);
  };
  for (const PointRecord* point : points) {
    if (point->speedup.blocks == 0) continue;
    if (best == nullptr || rank(*point) > rank(*best)) best = point;
  }
  return best;
}

const PointRecord* MostTelling(const RunRecord& record) {
  std::vector<const PointRecord*> points;
  for (const PointRecord& point : record.points) points.push_back(&point);
  return MostTelling(points);
}

const ArmRecord* ArmOf(const RunRecord& record, const PointRecord& point, std::string_view name) {
  for (const ArmRecord& arm : record.arms) {
    if (arm.name == name && arm.setting.connections == point.setting.connections &&
        WithoutCounts(arm.setting) == WithoutCounts(point.setting)) {
      return &arm;
    }
  }
  return nullptr;
}

std::vector<std::string> ArmNames(const RunRecord& record) {
  std::vector<std::string> names;
  std::set<std::string_view> seen;
  const auto add = [&](const std::string& name) {
    if (seen.insert(name).second) names.push_back(name);
  };
  for (const PointRecord& point : record.points) add(point.base_arm);
  for (const PointRecord& point : record.points) add(point.arm);
  for (const ArmRecord& arm : record.arms) add(arm.name);
  return names;
}

size_t PlaceOf(const std::vector<std::string>& names, std::string_view name) {
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

}  // namespace spindle::bench
