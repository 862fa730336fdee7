#include "bench/report/arm_table.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/strings.h"
#include "bench/report/arm_summary.h"
#include "bench/report/markup.h"
#include "bench/report/short_text.h"

namespace spindle::bench {
namespace {

// A quantile with fewer values beyond it means little.
constexpr double kValuesBeyond = 9.5;

std::string Quantile(const Histogram& latency, double quantile) {
  const double beyond = static_cast<double>(latency.count()) * (1 - quantile);
  if (latency.count() == 0 || (quantile > 0.5 && beyond < kValuesBeyond)) return "";
  return ShortDuration(latency.ValueAtQuantile(quantile));
}

std::string Micros(const std::optional<double>& seconds) {
  return seconds.has_value() ? ShortNumber(*seconds * 1e6) : "";
}

std::vector<std::string> Cells(const ArmRecord& arm) {
  std::vector<std::string> cells = {arm.name, Concat(arm.setting.connections),
                                    ShortSize(arm.setting.message_bytes),
                                    Concat(arm.blocks.size())};
  const std::optional<ArmSummary> summary = Summarize(arm);
  if (!summary.has_value()) {
    cells.emplace_back("no complete block");
    return cells;
  }
  const bool latency = arm.latency.count() > 0;
  for (std::string cell :
       {ShortSeconds(summary->wall_s), ShortCount(summary->per_second),
        ShortSize(summary->bytes_per_s < 1e18 ? static_cast<uint64_t>(summary->bytes_per_s) : 0),
        Quantile(arm.latency, 0.5), Quantile(arm.latency, 0.99), Quantile(arm.latency, 0.999),
        latency ? ShortDuration(arm.latency.max()) : "", Micros(summary->client_cpu_s),
        Micros(summary->server_cpu_s), ShortNumber(summary->switches),
        summary->system_calls ? ShortNumber(*summary->system_calls) : "",
        summary->retransmits ? Concat(*summary->retransmits) : "", Concat(summary->errors)}) {
    cells.push_back(std::move(cell));
  }
  return cells;
}

void DropColumn(ArmTable& table, size_t column) {
  table.headings.erase(table.headings.begin() + static_cast<std::ptrdiff_t>(column));
  for (auto& row : table.rows) row.erase(row.begin() + static_cast<std::ptrdiff_t>(column));
}

}  // namespace

ArmTable TableOfArms(const std::vector<const ArmRecord*>& arms, SettingColumns columns) {
  ArmTable table{.headings = {"arm", "connections", "message", "blocks", "time of a block",
                              "messages / s", "payload / s", "p50", "p99", "p99.9", "max",
                              "client CPU µs / message", "server CPU µs / message",
                              "switches / message", "system calls / message", "retransmits",
                              "errors"}};
  for (const ArmRecord* arm : arms) {
    table.rows.push_back(Cells(*arm));
    table.rows.back().resize(table.headings.size());
  }
  for (size_t column = table.headings.size(); column-- > 1;) {
    const bool empty = std::all_of(table.rows.begin(), table.rows.end(),
                                   [&](const auto& row) { return row[column].empty(); });
    const bool setting = column == 1 || column == 2;
    if (empty || (setting && columns == SettingColumns::kNo)) DropColumn(table, column);
  }
  return table;
}

std::string DrawArmTable(const ArmTable& table, const std::string& caption) {
  std::string out =
      Concat("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", Escape(caption),
             "\"><table><caption>", Escape(caption), "</caption><thead><tr>");
  for (const std::string& heading : table.headings) {
    Append(out, "<th scope=\"col\">", Escape(heading), "</th>");
  }
  out += "</tr></thead><tbody>";
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string text = row[i].empty() ? "–" : Escape(row[i]);
      if (i == 0) {
        Append(out, "<tr><th scope=\"row\">", text, "</th>");
      } else {
        Append(out, "<td>", text, "</td>");
      }
    }
    out += "</tr>";
  }
  return out + "</tbody></table></div>\n";
}

}  // namespace spindle::bench
