#include "bench/report/json_parts.h"

#include <cmath>
#include <string>
#include <utility>

#include "base/strings.h"
#include "bench/report/run_format.h"

namespace spindle::bench {
namespace {

// A quantile with fewer values beyond it means little.
constexpr long kValuesBeyond = 10;

Json Quantile(const Histogram& histogram, double quantile) {
  const double beyond = static_cast<double>(histogram.count()) * (1 - quantile);
  if (std::lround(beyond) < kValuesBeyond) return nullptr;
  return MicrosJson(histogram.ValueAtQuantile(quantile));
}

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

Json BucketsJson(const Histogram& histogram) {
  const HistogramParts parts = histogram.ToParts();
  Json buckets = Json::array();
  for (const HistogramBucket& bucket : parts.buckets) {
    buckets.push_back(Json::array({bucket.lower.count(), bucket.count}));
  }
  return {{"unit", "ns"},
          {"min", parts.min.count()},
          {"max", parts.max.count()},
          {"mean", parts.mean.count()},
          {"clamped_low", parts.clamped_low},
          {"clamped_high", parts.clamped_high},
          {"buckets", std::move(buckets)}};
}

Json CpuJson(const CpuTime& cpu) {
  return {{"user_s", SecondsJson(cpu.user)}, {"sys_s", SecondsJson(cpu.system)}};
}

}  // namespace

Json NumberJson(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json MicrosJson(const std::optional<Duration>& time) {
  if (!time.has_value()) return nullptr;
  return std::chrono::duration<double, std::micro>(*time).count();
}

Json SecondsJson(const std::optional<Duration>& time) {
  if (!time.has_value()) return nullptr;
  return std::chrono::duration<double>(*time).count();
}

Json ToolJson(const ToolRecord& tool) {
  return {{"version", tool.version}, {"commit", OrNull(tool.commit)}, {"build", tool.build}};
}

Json HostJson(const HostRecord& host) {
  Json sysctl = Json::object();
  for (const auto& [key, value] : host.sysctl) sysctl[key] = OrNull(value);
  return {{"kernel", host.kernel},
          {"cpu_model", OrNull(host.cpu_model)},
          {"cpus", host.cpus},
          {"cc", OrNull(host.congestion_control)},
          {"governor", OrNull(host.governor)},
          {"sysctl", std::move(sysctl)}};
}

Json NetJson(const NetRecord& net) {
  return {{"kind", std::string(NetKindName(net.kind))},
          {"rtt_us_measured", MicrosJson(net.rtt_measured)},
          {"bw", OrNull(net.bits_per_second)}};
}

Json ConfigJson(const RunRecord& record) {
  Json config = Json::object();
  for (const auto& [key, value] : record.config) {
    std::visit(
        [&, &name = key](const auto& v) {
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, double>) {
            config[name] = NumberJson(v);
          } else {
            config[name] = v;
          }
        },
        value);
  }
  return config;
}

Json ErrorsJson(const ErrorCounts& errors) {
  Json json = Json::object();
  for (const auto& [what, count] : errors) json[what] = count;
  return json;
}

Json LatencyJson(const Histogram& histogram, JsonDetail detail) {
  const bool any = histogram.count() > 0;
  const auto if_any = [&](Duration time) { return any ? MicrosJson(time) : Json(nullptr); };
  const bool buckets = any && detail == JsonDetail::kAll;
  return {{"unit", "us"},
          {"count", histogram.count()},
          {"mean", if_any(histogram.mean())},
          {"p50", if_any(histogram.ValueAtQuantile(0.5))},
          {"p90", Quantile(histogram, 0.9)},
          {"p99", Quantile(histogram, 0.99)},
          {"p999", Quantile(histogram, 0.999)},
          {"max", if_any(histogram.max())},
          {"hdr", buckets ? BucketsJson(histogram) : Json(nullptr)}};
}

Json BlockJson(const BlockRecord& block) {
  Json json = {{"block", block.block},
               {"order", block.order},
               {"t0_ns", block.start.count()},
               {"wall_s", SecondsJson(block.wall)},
               {"msgs", block.messages},
               {"bytes", block.bytes},
               {"errors", ErrorsJson(block.errors)},
               {"cpu", CpuJson(block.cpu)},
               {"ctxsw", block.cpu.context_switches},
               {"server_cpu", nullptr},
               {"syscalls", OrNull(block.system_calls)},
               {"retrans", OrNull(block.retransmits)}};
  if (block.server_cpu.has_value()) {
    json["server_cpu"] = CpuJson(*block.server_cpu);
    json["server_cpu"]["ctxsw"] = block.server_cpu->context_switches;
  }
  return json;
}

Json IntervalJson(const IntervalRecord& interval) {
  return {{"start_s", SecondsJson(interval.start)},
          {"len_s", SecondsJson(interval.length)},
          {"msgs", interval.messages},
          {"bytes", interval.bytes}};
}

Json SettingJson(const Setting& setting) {
  return {{"connections", setting.connections},          {"message_bytes", setting.message_bytes},
          {"messages_per_connection", setting.messages}, {"think_us", MicrosJson(setting.think)},
          {"bw", OrNull(setting.bits_per_second)},       {"pool", setting.pooled}};
}

Json PointJson(const PointRecord& point) {
  const RatioEstimate& speedup = point.speedup;
  Json json = SettingJson(point.setting);
  json["base_arm"] = point.base_arm;
  json["arm"] = point.arm;
  json["rtt_us"] = MicrosJson(point.rtt);
  json["rtt_us_asked"] = MicrosJson(point.setting.rtt);
  json["blocks"] = speedup.blocks;
  json["speedup"] = NumberJson(speedup.ratio);
  json["speedup_ci95"] = Json::array({NumberJson(speedup.low), NumberJson(speedup.high)});
  json["speedup_sd"] = NumberJson(speedup.deviation);
  json["mde"] = NumberJson(speedup.detectable);
  json["verdict"] = std::string(VerdictName(point.verdict));
  json["speedup_model"] = point.predicted ? NumberJson(*point.predicted) : Json(nullptr);
  json["model_base_s"] = SecondsJson(point.predicted_base_wall);
  json["model_arm_s"] = SecondsJson(point.predicted_arm_wall);
  json["limit"] = point.limit.empty() ? Json(nullptr) : Json(point.limit);
  if (!point.accepted_per_loop.empty()) json["accepted_per_loop"] = point.accepted_per_loop;
  return json;
}

}  // namespace spindle::bench
