#include "bench/report/seqpar_text.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/parse.h"
#include "base/strings.h"
#include "base/text_table.h"
#include "bench/report/number_text.h"
#include "bench/report/statistics.h"

namespace spindle::bench {
namespace {

Duration MedianWall(const ArmRecord& arm) {
  std::vector<double> walls;
  for (const BlockRecord& block : arm.blocks) {
    walls.push_back(static_cast<double>(block.wall.count()));
  }
  return Duration(std::llround(Median(std::move(walls))));
}

std::string Percent(double part) {
  return std::isfinite(part) ? FormatNumber(part * 100) + " %" : "n/a";
}

std::string Interval(const RatioEstimate& estimate) {
  if (!std::isfinite(estimate.high)) return "[n/a]";
  return Concat("[", FormatNumber(estimate.low), ", ", FormatNumber(estimate.high), "]");
}

std::string PerLoop(const std::vector<uint64_t>& counts) {
  std::string text;
  for (const uint64_t count : counts) Append(text, text.empty() ? "" : "/", count);
  return text;
}

// Context switches of the client's thread per message.
std::string SwitchesPerMessage(const ArmRecord& arm) {
  double switches = 0, messages = 0;
  for (const BlockRecord& block : arm.blocks) {
    switches += static_cast<double>(block.cpu.context_switches);
    messages += static_cast<double>(block.messages);
  }
  return FormatNumber(switches / messages);
}

std::vector<std::string> ArmCells(const ArmRecord& arm) {
  if (arm.blocks.empty()) return {arm.name, "", "no complete block"};
  const Duration wall = MedianWall(arm);
  const double messages = static_cast<double>(arm.blocks.front().messages);
  return {arm.name,
          Concat(arm.blocks.front().messages / arm.setting.connections),
          FormatDuration(wall),
          FormatCount(PerSecond(messages, wall)),
          FormatQuantile(arm.latency, 0.5),
          FormatQuantile(arm.latency, 0.99),
          FormatDuration(arm.latency.max()),
          SwitchesPerMessage(arm)};
}

// The comparison of `arm` with the first one of its setting, or null.
const PointRecord* PointOf(const RunRecord& record, const ArmRecord& arm) {
  for (const PointRecord& point : record.points) {
    if (point.setting == arm.setting && point.arm == arm.name) return &point;
  }
  return nullptr;
}

// "10 ms, 50 Mbit/s" of a network that was made for the run; else empty.
std::string NetworkOf(const Setting& setting) {
  std::string text;
  if (setting.rtt.value_or(Duration(0)) > Duration::zero()) text = FormatDuration(*setting.rtt);
  if (setting.bits_per_second.has_value()) {
    Append(text, text.empty() ? "" : ", ", FormatBitRate(*setting.bits_per_second));
  }
  return text;
}

bool HasSeveralNetworks(const RunRecord& record) {
  return std::any_of(record.arms.begin(), record.arms.end(), [&](const ArmRecord& arm) {
    return NetworkOf(arm.setting) != NetworkOf(record.arms.front().setting);
  });
}

bool HasSeveralSizes(const RunRecord& record) {
  return std::any_of(record.arms.begin(), record.arms.end(), [&](const ArmRecord& arm) {
    return arm.setting.message_bytes != record.arms.front().setting.message_bytes;
  });
}

std::string Table(const RunRecord& record) {
  std::vector<std::string> headings = {
      "conns",        "sends",    "msgs/conn",     "wall/block", "msg/s", "p50",     "p99",  "max",
      "switches/msg", "speed-up", "95 % interval", "model",      "MDE",   "verdict", "limit"};
  // Known of a server in this process only.
  const bool loops = !record.points.empty() && !record.points[0].accepted_per_loop.empty();
  if (loops) headings.push_back("conns per loop");
  const bool sizes = HasSeveralSizes(record);
  if (sizes) headings[0] = "conns x size";
  const bool networks = HasSeveralNetworks(record);
  if (networks) headings[0] += " @ network";
  TextTable table(std::move(headings));
  for (size_t i = 0; i < record.arms.size(); ++i) {
    const ArmRecord& arm = record.arms[i];
    std::vector<std::string> row = {""};
    if (i == 0 || record.arms[i - 1].setting != arm.setting) {
      row[0] = Concat(arm.setting.connections);
      if (sizes) Append(row[0], " x ", FormatSize(arm.setting.message_bytes));
      const std::string network = networks ? NetworkOf(arm.setting) : "";
      if (!network.empty()) Append(row[0], " @ ", network);
    }
    for (std::string& cell : ArmCells(arm)) row.push_back(std::move(cell));
    const PointRecord* const point = PointOf(record, arm);
    if (point != nullptr && point->speedup.blocks > 0) {
      row.resize(9);
      row.push_back(FormatNumber(point->speedup.ratio) + "x");
      row.push_back(Interval(point->speedup));
      row.push_back(point->predicted ? FormatNumber(*point->predicted) + "x" : "");
      row.push_back(Percent(point->speedup.detectable));
      row.emplace_back(VerdictName(point->verdict));
      row.push_back(point->limit);
      row.push_back(PerLoop(point->accepted_per_loop));
    }
    table.AddRow(std::move(row));
  }
  return table.ToString();
}

std::string Finding(const PointRecord& point) {
  const std::string where =
      Concat(point.setting.connections, " connection", point.setting.connections == 1 ? "" : "s",
             " of ", FormatSize(point.setting.message_bytes), " messages",
             NetworkOf(point.setting).empty() ? "" : " at ", NetworkOf(point.setting), ": ");
  const std::string ratio = FormatNumber(point.speedup.ratio) + "x";
  switch (point.verdict) {
    case Verdict::kFaster:
      return Concat(where, point.arm, " is ", ratio, " as fast as ", point.base_arm, " ",
                    Interval(point.speedup));
    case Verdict::kSlower:
      return Concat(where, point.arm, " is slower, ", ratio, " as fast as ", point.base_arm, " ",
                    Interval(point.speedup));
    case Verdict::kSame:
      return Concat(where, point.arm, " takes the same time as ", point.base_arm, " within 5 % ",
                    Interval(point.speedup));
    case Verdict::kCannotTell:
      break;
  }
  const std::string what = Concat(where, point.arm, ": cannot tell: ");
  if (point.speedup.blocks < kMinBlocks) {
    return Concat(what, point.speedup.blocks, " complete block",
                  point.speedup.blocks == 1 ? "" : "s", ", an interval needs at least ",
                  kMinBlocks);
  }
  const uint64_t missing = BlocksMissing(point.speedup, 0.05);
  if (missing == 0)
    return Concat(what, "the difference is not larger than that of ", point.base_arm, " to itself ",
                  Interval(point.speedup));
  return Concat(what, "effects below ", Percent(point.speedup.detectable),
                " are lost in the noise; about ", missing, " more blocks would show one of 5 %");
}

}  // namespace

std::string SeqparText(const RunRecord& record) {
  std::string text = record.title + "\n\n" + Table(record) + "\n";
  if (record.noise_floor.has_value()) {
    Append(text, "noise floor: an arm against itself, ", Interval(*record.noise_floor), "\n");
  }
  for (const PointRecord& point : record.points) {
    const bool itself = point.arm.starts_with(point.base_arm) && point.arm.ends_with("-again");
    if (point.speedup.blocks > 0 && !itself) Append(text, Finding(point), "\n");
  }
  for (const auto& [what, count] : record.errors) {
    Append(text, "error: ", what, count == 1 ? "" : Concat(" (", count, " times)"), "\n");
  }
  for (const std::string& warning : record.warnings) Append(text, "note: ", warning, "\n");
  if (record.interrupted) Append(text, "interrupted: this is what there was until then\n");
  return text;
}

}  // namespace spindle::bench
