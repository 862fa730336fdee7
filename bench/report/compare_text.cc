#include "bench/report/compare_text.h"

#include <cmath>
#include <cstdio>

#include "base/strings.h"
#include "base/text_table.h"
#include "bench/report/number_text.h"
#include "bench/report/statistics.h"

namespace spindle::bench {
namespace {

// "+12.3 %", "-4.00 %"
std::string Change(double ratio) {
  if (!std::isfinite(ratio)) return "n/a";
  const double percent = (ratio - 1) * 100;
  return Concat(percent < 0 ? "-" : "+", FormatNumber(std::abs(percent)), " %");
}

std::string Interval(const RatioEstimate& estimate) {
  if (!std::isfinite(estimate.high) || estimate.low <= 0) return "n/a";
  return Concat("[", Change(estimate.low), ", ", Change(estimate.high), "]");
}

std::string PValue(const CompareRecord& compare) {
  if (!compare.p_value.has_value()) return "n/a";
  if (*compare.p_value < 0.0001) return "< 0.0001";
  char text[16];
  std::snprintf(text, sizeof text, "%.4f", *compare.p_value);
  return text;
}

}  // namespace

std::string CompareText(const RunRecord& record, std::span<const std::string> passed) {
  TextTable table({"metric", "B to A", "95 % interval", "MDE", "p", "test", "blocks", "B is"});
  for (const CompareRecord& compare : record.compare) {
    const RatioEstimate& estimate = compare.estimate;
    const std::string detectable =
        std::isfinite(estimate.detectable) && std::isfinite(estimate.high)
            ? FormatNumber(estimate.detectable * 100) + " %"
            : "n/a";
    table.AddRow({compare.statistic, Change(estimate.ratio), Interval(estimate), detectable,
                  PValue(compare), compare.test.empty() ? "none" : compare.test,
                  Concat(estimate.blocks), std::string(VerdictName(compare.verdict))});
  }
  std::string text = record.title + "\n\n" + table.ToString() + "\n";
  if (record.noise_floor.has_value()) {
    Append(text, "noise floor: a server against itself, throughput ", Interval(*record.noise_floor),
           "\n");
  }
  for (const std::string& threshold : passed) Append(text, "limit passed: ", threshold, "\n");
  for (const auto& [what, count] : record.errors) {
    Append(text, "error: ", what, count == 1 ? "" : Concat(" (", count, " times)"), "\n");
  }
  for (const std::string& warning : record.warnings) Append(text, "note: ", warning, "\n");
  if (record.interrupted) Append(text, "interrupted: this is what there was until then\n");
  return text;
}

}  // namespace spindle::bench
