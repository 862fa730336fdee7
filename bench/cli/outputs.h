#ifndef SPINDLE_BENCH_CLI_OUTPUTS_H_
#define SPINDLE_BENCH_CLI_OUTPUTS_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/report/json_lines.h"
#include "bench/report/run_record.h"

namespace CLI {
class App;
}  // namespace CLI

namespace spindle::bench {

// Where the results of a run go: --json, --jsonl, --csv and --html. Plain data; "-" is stdout.
struct OutputFlags {
  std::optional<std::string> json;
  std::optional<std::string> jsonl;
  std::optional<std::string> csv;
  std::optional<std::string> html;
};

// Registers them. `flags` must live until the command line has been parsed. What two of them say
// together ends the parse like any wrong option: at most one may go to stdout.
void AddOutputs(CLI::App& app, OutputFlags& flags);

// The writer for --jsonl, or null without it. Errors: those of open(2).
absl::StatusOr<std::unique_ptr<JsonLines>> OpenJsonLines(const OutputFlags& flags);

// Writes the results: `text` to stdout unless something else goes there, the files, and the last of
// `lines`, which may be null. All are tried; the first error is returned.
absl::Status WriteOutputs(const OutputFlags& flags, const RunRecord& record,
                          const std::string& text, JsonLines* lines = nullptr);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_OUTPUTS_H_
