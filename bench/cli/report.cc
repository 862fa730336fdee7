// spindle report: saved runs as pages, tables and text.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/report/html_page.h"
#include "bench/report/read_run.h"
#include "bench/report/report_text.h"
#include "bench/report/run_csv.h"
#include "bench/report/run_record.h"
#include "bench/report/write_file.h"

namespace spindle::bench {
namespace {

struct ReportFlags {
  std::vector<std::string> files;
  std::optional<std::string> html;
  std::optional<std::string> csv;
  bool text = false;
};

// "runs/loopback.json" as "loopback".
std::string NameOf(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".json") && name.size() > 5) name.resize(name.size() - 5);
  return name;
}

std::string Html(const ReportFlags& flags, const std::vector<RunRecord>& runs) {
  if (runs.size() == 1) return HtmlReport(runs[0]);
  return HtmlReport(runs[0], NameOf(flags.files[0]), runs[1], NameOf(flags.files[1]));
}

std::string Text(const ReportFlags& flags, const std::vector<RunRecord>& runs) {
  if (runs.size() == 1) return ReportText(runs[0]);
  return Concat(flags.files[0], ":\n", ReportText(runs[0]), "\n", flags.files[1], ":\n",
                ReportText(runs[1]));
}

int Report(const ReportFlags& flags) {
  std::vector<RunRecord> runs;
  for (const std::string& file : flags.files) {
    absl::StatusOr<RunRecord> run = ReadRun(file);
    if (!run.ok()) return Fail("report", run.status());
    runs.push_back(*std::move(run));
  }
  absl::Status status;
  if (flags.html.has_value()) status.Update(WriteFile(Html(flags, runs), *flags.html));
  if (flags.csv.has_value()) status.Update(WriteFile(ToCsv(runs[0]), *flags.csv));
  const bool text = flags.text || (!flags.html.has_value() && !flags.csv.has_value());
  if (text) status.Update(WriteFile(Text(flags, runs), "-"));
  return status.ok() ? kExitOk : Fail("report", status);
}

// What options say together. Does not return if they contradict each other.
void CheckTogether(const ReportFlags& flags) {
  if (flags.files.size() > 1 && flags.csv.has_value()) {
    RefuseOption("--csv", "takes one run");
  }
  if ((flags.html == "-") + (flags.csv == "-") + (flags.text ? 1 : 0) > 1) {
    RefuseOption("report", "only one result can go to stdout");
  }
}

}  // namespace

Command AddReport(CLI::App& program) {
  const auto flags = std::make_shared<ReportFlags>();
  CLI::App& app =
      AddCommand(program, "report", "a saved run as HTML page, CSV or text; two runs side by side");
  AddText(app, "file", flags->files, "what --json=FILE wrote, or - for stdin; two: side by side")
      .Type("FILE")
      .Required()
      .Times(1, 2);
  AddText(app, "--html", flags->html, "the page into this file; - for stdout").Type("FILE");
  AddText(app, "--csv", flags->csv, "a line for each arm and block; - for stdout").Type("FILE");
  AddSwitch(app, "--text", flags->text, "text on stdout; the default without --html and --csv");
  OnceParsed(app, [flags] { CheckTogether(*flags); });
  return {&app, [flags](const CommandLine&) { return Report(*flags); }};
}

}  // namespace spindle::bench
