#include "bench/report/run_json.h"

#include <errno.h>
#include <sys/utsname.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <thread>
#include <type_traits>

#include "base/errno_status.h"
#include "base/strings.h"
#include "bench/report/version.h"
#include "nlohmann/json.hpp"

namespace spindle::bench {
namespace {

using Json = nlohmann::ordered_json;

// A quantile with fewer values beyond it means little.
constexpr uint64_t kValuesBeyond = 10;

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

double Micros(Duration time) { return std::chrono::duration<double, std::micro>(time).count(); }
double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

Json Tool() {
#ifdef NDEBUG
  const char* const build = "optimized";
#else
  const char* const build = "debug";
#endif
  return {{"version", kVersion},
          {"commit", nullptr},
          {"build", Concat(build, ", compiler ", __VERSION__)}};
}

// The first line of a small file of /proc or /sys, or null.
Json FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return nullptr;
  return line;
}

Json Host() {
  utsname name = {};
  uname(&name);
  Json sysctl;
  for (const char* key : {"net/core/somaxconn", "net/ipv4/tcp_rmem", "net/ipv4/tcp_wmem",
                          "net/ipv4/tcp_slow_start_after_idle", "net/ipv4/ip_local_port_range"}) {
    sysctl[key] = FirstLine(Concat("/proc/sys/", key));
  }
  return {{"kernel", Concat(name.sysname, " ", name.release)},
          {"cpus", std::thread::hardware_concurrency()},
          {"cc", FirstLine("/proc/sys/net/ipv4/tcp_congestion_control")},
          {"governor", FirstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
          {"sysctl", std::move(sysctl)}};
}

Json Errors(const ErrorCounts& errors) {
  Json json = Json::object();
  for (const auto& [what, count] : errors) json[what] = count;
  return json;
}

Json Quantile(const Histogram& histogram, double quantile) {
  const double beyond = static_cast<double>(histogram.count()) * (1 - quantile);
  if (std::lround(beyond) < static_cast<long>(kValuesBeyond)) return nullptr;
  return Micros(histogram.ValueAtQuantile(quantile));
}

Json Latency(const Histogram& histogram) {
  const bool any = histogram.count() > 0;
  return {{"unit", "us"},
          {"count", histogram.count()},
          {"mean", any ? Json(Micros(histogram.mean())) : Json(nullptr)},
          {"p50", any ? Json(Micros(histogram.ValueAtQuantile(0.5))) : Json(nullptr)},
          {"p90", Quantile(histogram, 0.9)},
          {"p99", Quantile(histogram, 0.99)},
          {"p999", Quantile(histogram, 0.999)},
          {"max", any ? Json(Micros(histogram.max())) : Json(nullptr)}};
}

Json Block(const BlockRecord& block) {
  return {{"block", block.block},
          {"order", block.order},
          {"t0_ns", block.start.count()},
          {"wall_s", Seconds(block.wall)},
          {"msgs", block.messages},
          {"bytes", block.bytes},
          {"errors", Errors(block.errors)},
          {"cpu", {{"user_s", Seconds(block.cpu.user)}, {"sys_s", Seconds(block.cpu.system)}}},
          {"ctxsw", block.cpu.context_switches}};
}

Json Arm(const ArmRecord& arm) {
  Json blocks = Json::array();
  for (const BlockRecord& block : arm.blocks) blocks.push_back(Block(block));
  return {{"name", arm.name},
          {"connections", arm.setting.connections},
          {"message_bytes", arm.setting.message_bytes},
          {"blocks", std::move(blocks)},
          {"latency", Latency(arm.latency)},
          {"loop", arm.closed_loop ? "closed" : "open"}};
}

Json Point(const PointRecord& point) {
  const RatioEstimate& speedup = point.speedup;
  Json json = {{"connections", point.setting.connections},
               {"message_bytes", point.setting.message_bytes},
               {"rtt_us", point.rtt ? Json(Micros(*point.rtt)) : Json(nullptr)},
               {"blocks", speedup.blocks},
               {"speedup", Number(speedup.ratio)},
               {"speedup_ci95", Json::array({Number(speedup.low), Number(speedup.high)})},
               {"mde", Number(speedup.detectable)},
               {"verdict", std::string(VerdictName(point.verdict))}};
  if (!point.accepted_per_loop.empty()) json["accepted_per_loop"] = point.accepted_per_loop;
  return json;
}

Json Config(const RunRecord& record) {
  Json config = Json::object();
  for (const auto& [key, value] : record.config) {
    std::visit([&, &name = key](const auto& v) { config[name] = v; }, value);
  }
  return config;
}

}  // namespace

std::string ToJson(const RunRecord& record) {
  Json arms = Json::array();
  for (const ArmRecord& arm : record.arms) arms.push_back(Arm(arm));
  Json points = Json::array();
  for (const PointRecord& point : record.points) points.push_back(Point(point));
  const Json json = {{"schema", "spindle.run/1"},
                     {"tool", Tool()},
                     {"cmd", record.command},
                     {"seed", record.seed},
                     {"host", Host()},
                     {"config", Config(record)},
                     {"arms", std::move(arms)},
                     {"points", std::move(points)},
                     {"errors", Errors(record.errors)},
                     {"interrupted", record.interrupted},
                     {"warnings", record.warnings}};
  // File names and the like need not be UTF-8: replace what is not.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::Status WriteJson(const RunRecord& record, const std::string& path) {
  const std::string text = ToJson(record);
  errno = 0;
  if (path == "-") {
    std::cout << text << std::flush;
    return std::cout ? absl::OkStatus() : ErrnoStatus("write stdout", errno);
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) return ErrnoStatus(Concat("open ", path), errno);
  file << text;
  file.close();
  return file ? absl::OkStatus() : ErrnoStatus(Concat("write ", path), errno);
}

}  // namespace spindle::bench
