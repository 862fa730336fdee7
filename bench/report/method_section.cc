// "How this was measured".

#include <string>
#include <string_view>
#include <variant>

#include "base/strings.h"
#include "bench/report/markup.h"
#include "bench/report/page_sections.h"
#include "bench/report/run_format.h"
#include "bench/report/short_text.h"
#include "bench/report/this_machine.h"

namespace spindle::bench {
namespace {

// `word` as a shell takes it: in quotes unless it has nothing but harmless characters.
std::string ShellWord(std::string_view word) {
  constexpr std::string_view kHarmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+.,:/@%";
  if (!word.empty() && word.find_first_not_of(kHarmless) == std::string_view::npos) {
    return std::string(word);
  }
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string Row(std::string_view name, const std::string& value) {
  return Concat("<div><dt>", Escape(name), "</dt><dd>", Escape(value.empty() ? "not known" : value),
                "</dd></div>");
}

std::string ValueText(const RunRecord::Value& value) {
  struct Visitor {
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(uint64_t count) const { return Concat(count); }
    std::string operator()(double number) const { return ShortNumber(number); }
    std::string operator()(bool flag) const { return flag ? "yes" : "no"; }
  };
  return std::visit(Visitor(), value);
}

std::string NetText(const NetRecord& net) {
  std::string text(NetKindName(net.kind));
  if (net.rtt_measured) Append(text, ", RTT measured ", ShortDuration(*net.rtt_measured));
  if (net.bits_per_second) Append(text, ", ", ShortBitRate(*net.bits_per_second));
  return text;
}

std::string Machine(const RunRecord& record) {
  const HostRecord host = record.host ? *record.host : ThisHost();
  const ToolRecord tool = record.tool ? *record.tool : ThisTool();
  std::string out =
      Row("Program", Concat("spindle ", tool.version, tool.commit ? Concat(", ", *tool.commit) : "",
                            ", ", tool.build));
  out += Row("Kernel", host.kernel);
  out += Row("Processor", Concat(Counted(host.cpus, "CPU"), host.cpu_model ? ", " : "",
                                 host.cpu_model.value_or("")));
  out += Row("Network", NetText(record.net));
  out += Row("Congestion control", host.congestion_control.value_or(""));
  if (host.governor) out += Row("Frequency governor", *host.governor);
  out += Row("Seed", Concat(record.seed));
  for (const auto& [name, value] : host.sysctl) out += Row(name, value.value_or(""));
  return out;
}

constexpr std::string_view kPointMethod =
    "<p>In each block every arm runs once, in random order, so that what changes on the machine "
    "hits all. The speed-up is the median over blocks of the ratio of both times; its 95 % "
    "interval is a bootstrap over blocks. <em>Faster</em> or <em>slower</em> is said only if the "
    "whole interval is on one side of 1, <em>same</em> only if all of it is close to 1. The "
    "detectable effect is about what this number of blocks would show.</p>";

}  // namespace

std::string MethodSection(const RunRecord& record) {
  std::string command;
  for (const std::string& word : record.command) {
    Append(command, command.empty() ? "" : " ", ShellWord(word));
  }
  std::string config;
  for (const auto& [name, value] : record.config) config += Row(name, ValueText(value));
  return Concat(
      "<section><h2>How this was measured</h2>", record.points.empty() ? "" : kPointMethod,
      "<p>To repeat it:</p><pre tabindex=\"0\">", "<code>", Escape(command),
      "</code></pre><dl class=\"facts\">", Machine(record), "</dl>",
      config.empty() ? "" : Concat("<h3>Settings</h3><dl class=\"facts\">", config, "</dl>"),
      "</section>\n");
}

}  // namespace spindle::bench
