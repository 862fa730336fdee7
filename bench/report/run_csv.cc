#include "bench/report/run_csv.h"

#include <charconv>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr std::string_view kHeadings =
    "arm,connections,message_bytes,messages_per_connection,think_us,rtt_us_asked,bw,pool,loop,"
    "block,"
    "order,t0_ns,wall_s,msgs,bytes,errors,cpu_user_s,cpu_sys_s,ctxsw,server_cpu_user_s,"
    "server_cpu_sys_s,server_ctxsw,syscalls,retrans\n";

// The cells of one line.
class Line {
 public:
  Line& Add(std::string_view text) {
    if (!line_.empty()) line_ += ',';
    line_ += text;
    return *this;
  }
  Line& Add(uint64_t count) { return Add(std::string_view(Concat(count))); }
  Line& Add(int64_t count) { return Add(std::string_view(Concat(count))); }
  Line& Add(const std::optional<uint64_t>& count) { return count ? Add(*count) : Add(""); }
  // So many of `unit`: the shortest text that reads back as the same number.
  Line& Add(const std::optional<Duration>& time, Duration unit) {
    if (!time.has_value()) return Add("");
    char text[32];
    const double value = static_cast<double>(time->count()) / static_cast<double>(unit.count());
    return Add(std::string_view(text, std::to_chars(text, text + sizeof text, value).ptr));
  }
  const std::string& text() const { return line_; }

 private:
  std::string line_;
};

std::string SettingCells(const ArmRecord& arm) {
  const Setting& setting = arm.setting;
  return Line()
      .Add(CsvCell(arm.name))
      .Add(uint64_t{setting.connections})
      .Add(setting.message_bytes)
      .Add(setting.messages)
      .Add(setting.think, std::chrono::microseconds(1))
      .Add(setting.rtt, std::chrono::microseconds(1))
      .Add(setting.bits_per_second)
      .Add(setting.pooled ? "on" : "off")
      .Add(arm.closed_loop ? "closed" : "open")
      .text();
}

std::string BlockCells(const BlockRecord& block) {
  constexpr Duration kSecond = std::chrono::seconds(1);
  Line line;
  line.Add(block.block)
      .Add(block.order)
      .Add(int64_t{block.start.count()})
      .Add(block.wall, kSecond)
      .Add(block.messages)
      .Add(block.bytes)
      .Add(TotalErrors(block.errors))
      .Add(block.cpu.user, kSecond)
      .Add(block.cpu.system, kSecond)
      .Add(block.cpu.context_switches);
  if (block.server_cpu.has_value()) {
    line.Add(block.server_cpu->user, kSecond)
        .Add(block.server_cpu->system, kSecond)
        .Add(block.server_cpu->context_switches);
  } else {
    line.Add("").Add("").Add("");
  }
  return line.Add(block.system_calls).Add(block.retransmits).text();
}

}  // namespace

std::string CsvCell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

std::string ToCsv(const RunRecord& record) {
  std::string text(kHeadings);
  for (const ArmRecord& arm : record.arms) {
    const std::string setting = SettingCells(arm);
    for (const BlockRecord& block : arm.blocks) {
      Append(text, setting, ",", BlockCells(block), "\n");
    }
  }
  return text;
}

}  // namespace spindle::bench
