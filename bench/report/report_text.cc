#include "bench/report/report_text.h"

#include <utility>
#include <vector>

#include "base/strings.h"
#include "base/text_table.h"
#include "bench/report/arm_table.h"
#include "bench/report/findings.h"
#include "bench/report/markup.h"

namespace spindle::bench {
namespace {

std::string Arms(const RunRecord& record) {
  std::vector<const ArmRecord*> arms;
  for (const ArmRecord& arm : record.arms) arms.push_back(&arm);
  ArmTable cells = TableOfArms(arms, SettingColumns::kYes);
  TextTable table(std::move(cells.headings));
  for (std::vector<std::string>& row : cells.rows) {
    for (std::string& cell : row) cell = PlainText(cell);
    table.AddRow(std::move(row));
  }
  return table.ToString();
}

}  // namespace

std::string ReportText(const RunRecord& record) {
  std::string text = PlainText(FindingOf(record).sentence) + "\n";
  if (!record.arms.empty()) Append(text, "\n", Arms(record));
  if (record.points.size() > 1) {
    text += "\n";
    for (const PointRecord& point : record.points) {
      if (point.speedup.blocks > 0) Append(text, PlainText(FindingOf(point).sentence), "\n");
    }
  }
  for (const auto& [what, count] : record.errors) {
    Append(text, "error: ", PlainText(what), count == 1 ? "" : Concat(" (", count, " times)"),
           "\n");
  }
  for (const std::string& warning : record.warnings) {
    Append(text, "note: ", PlainText(warning), "\n");
  }
  if (record.interrupted) text += "interrupted: this is what there was until then\n";
  return text;
}

}  // namespace spindle::bench
