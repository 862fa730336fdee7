#include "bench/cli/outputs.h"

#include <string>

#include "base/strings.h"
#include "bench/cli/flags.h"
#include "bench/report/html_page.h"
#include "bench/report/run_csv.h"
#include "bench/report/run_json.h"
#include "bench/report/write_file.h"

namespace spindle::bench {
namespace {

struct OutputName {
  const char* flag;
  std::optional<std::string> OutputFlags::*target;
  const char* description;
};

constexpr OutputName kOutputs[] = {
    {"--json", &OutputFlags::json,
     "JSON instead of the table; =FILE: JSON into FILE, besides the table"},
    {"--jsonl", &OutputFlags::jsonl,
     "JSON lines while it runs, instead of the table; =FILE: into FILE, besides the table"},
    {"--csv", &OutputFlags::csv, "a line for each arm and block into this file"},
    {"--html", &OutputFlags::html, "the report as one HTML page into this file"}};

int CountStdout(const OutputFlags& flags) {
  int count = 0;
  for (const OutputName& output : kOutputs) count += flags.*output.target == "-" ? 1 : 0;
  return count;
}

}  // namespace

void AddOutputs(CLI::App& app, OutputFlags& flags) {
  for (const OutputName& output : kOutputs) {
    std::optional<std::string>& target = flags.*output.target;
    const std::string name = output.flag;
    const bool optional =
        output.target == &OutputFlags::json || output.target == &OutputFlags::jsonl;
    AddParsed(
        app, name,
        [name, &target, &flags](const std::string& text) {
          if (text.empty()) RefuseOption(name, "needs the name of a file");
          target = text;
          if (CountStdout(flags) > 1) {
            RefuseOption(name, "only one result can go to stdout");
          }
        },
        output.description)
        .Type(optional ? "[=FILE]" : "FILE");
  }
}

absl::StatusOr<std::unique_ptr<JsonLines>> OpenJsonLines(const OutputFlags& flags) {
  if (!flags.jsonl.has_value()) return nullptr;
  return JsonLines::Open(*flags.jsonl);
}

absl::Status WriteOutputs(const OutputFlags& flags, const RunRecord& record,
                          const std::string& text, JsonLines* lines) {
  absl::Status status;
  if (lines != nullptr) status.Update(lines->End(record));
  if (CountStdout(flags) == 0) status.Update(WriteFile(text, "-"));
  if (flags.json.has_value()) status.Update(WriteJson(record, *flags.json));
  if (flags.csv.has_value()) status.Update(WriteFile(ToCsv(record), *flags.csv));
  if (flags.html.has_value()) status.Update(WriteHtml(record, *flags.html));
  return status;
}

}  // namespace spindle::bench
