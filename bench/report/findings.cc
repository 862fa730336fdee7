#include "bench/report/findings.h"

#include <cmath>
#include <optional>

#include "base/strings.h"
#include "bench/report/arm_summary.h"
#include "bench/report/run_groups.h"
#include "bench/report/short_text.h"
#include "bench/report/statistics.h"

namespace spindle::bench {
namespace {

// "for 8 connections of 1 KiB at 10 ms RTT"
std::string Where(const Setting& setting) {
  std::string text = Concat("for ", Counted(setting.connections, "connection"), " of ",
                            ShortSize(setting.message_bytes));
  if (setting.rtt.has_value()) Append(text, " at ", ShortDuration(*setting.rtt), " RTT");
  if (setting.bits_per_second) Append(text, " and ", ShortBitRate(*setting.bits_per_second));
  if (setting.think > Duration::zero()) {
    Append(text, " with ", ShortDuration(setting.think), " think time");
  }
  return text;
}

std::string WhyNot(const PointRecord& point) {
  if (point.speedup.blocks < kMinBlocks) {
    return Concat(Counted(point.speedup.blocks, "complete block"),
                  point.speedup.blocks == 1 ? " is" : " are", " too few, an interval needs ",
                  kMinBlocks);
  }
  return Concat(
      "effects below ", Percent(point.speedup.detectable), " are lost in the noise; about ",
      Counted(BlocksMissing(point.speedup, 0.05), "more block"), " would show one of 5 %");
}

Finding FindingOfLoad(const ArmRecord& arm, const RunRecord& record) {
  const std::optional<ArmSummary> summary = Summarize(arm);
  if (!summary.has_value()) {
    return {"There is no complete block to report.", "no result", Finding::Tone::kUnknown};
  }
  std::string text =
      Concat(Capital(arm.name), " over ", Counted(arm.setting.connections, "connection"), " of ",
             ShortSize(arm.setting.message_bytes), ": ", ShortCount(summary->per_second),
             " messages per second");
  if (arm.latency.count() > 0) {
    Append(text, ", half of them within ", ShortDuration(arm.latency.ValueAtQuantile(0.5)));
  }
  if (arm.latency.count() >= 1000) {
    Append(text, " and 99 % within ", ShortDuration(arm.latency.ValueAtQuantile(0.99)));
  }
  const uint64_t errors = TotalErrors(record.errors);
  if (errors > 0) return {text + ".", Counted(errors, "error"), Finding::Tone::kBad};
  return {text + ".", arm.closed_loop ? "closed loop" : "open loop", Finding::Tone::kNeutral};
}

}  // namespace

Finding FindingOf(const PointRecord& point) {
  const std::string interval = Interval(point.speedup);
  std::string text;
  Finding::Tone tone = Finding::Tone::kUnknown;
  switch (point.verdict) {
    case Verdict::kFaster:
      text = Concat(Capital(point.arm), " was ", Times(point.speedup.ratio), " as fast as ",
                    point.base_arm, " ", interval, " ", Where(point.setting));
      tone = Finding::Tone::kGood;
      break;
    case Verdict::kSlower:
      text = Concat(Capital(point.arm), " was slower, ", Times(point.speedup.ratio), " as fast as ",
                    point.base_arm, " ", interval, ", ", Where(point.setting));
      tone = Finding::Tone::kBad;
      break;
    case Verdict::kSame:
      text = Concat(Capital(point.arm), " took the same time as ", point.base_arm, ", ",
                    Times(point.speedup.ratio), " ", interval, ", ", Where(point.setting));
      tone = Finding::Tone::kNeutral;
      break;
    case Verdict::kCannotTell:
      text = Concat("Cannot tell whether ", point.arm, " is faster than ", point.base_arm, " ",
                    Where(point.setting), ": ", WhyNot(point));
      break;
  }
  if (point.predicted.has_value()) Append(text, "; the model said ", Times(*point.predicted));
  return {text + ".", std::string(VerdictName(point.verdict)), tone};
}

Finding FindingOf(const RunRecord& record) {
  if (const PointRecord* point = MostTelling(record)) return FindingOf(*point);
  if (record.arms.empty()) {
    return {"Nothing was measured.", "no result", Finding::Tone::kUnknown};
  }
  return FindingOfLoad(record.arms.front(), record);
}

}  // namespace spindle::bench
