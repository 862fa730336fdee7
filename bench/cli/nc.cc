// spindle nc: netcat. Its options are not CLI11's, so its command line is taken before that sees
// it.

#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/netcat/messages.h"
#include "bench/netcat/netcat.h"
#include "bench/netcat/options.h"
#include "bench/netcat/parse_options.h"
#include "bench/netcat/standard_streams.h"

namespace spindle::bench {
namespace {

// The words after the name of the command, if that is nc: by the name of the program, which a link
// to it may give, or by its first word.
std::optional<CommandLine> NetcatWords(const CommandLine& line) {
  if (line.empty()) return std::nullopt;
  const std::string_view name = std::string_view(line[0]).substr(line[0].rfind('/') + 1);
  if (name == "nc" || name == "spindle-nc") return CommandLine(line.begin() + 1, line.end());
  if (line.size() > 1 && line[1] == "nc") return CommandLine(line.begin() + 2, line.end());
  return std::nullopt;
}

}  // namespace

std::optional<int> RunIfNetcat(const CommandLine& line) {
  const std::optional<CommandLine> words = NetcatWords(line);
  if (!words) return std::nullopt;
  StandardStreams streams;
  const absl::StatusOr<NetcatOptions> options = ParseNetcatOptions(*words);
  if (!options.ok()) {
    Complain(Concat(FromAbsl(options.status().message()), " (see -h)"));
    return kExitUsage;
  }
  if (!options->help) return RunNetcat(*options, streams);
  std::cout << NetcatHelp() << std::flush;
  return std::cout.good() ? kExitOk : kExitThreshold;
}

void ListNetcat(CLI::App& program) {
  AddCommand(program, "nc", "netcat: connects or listens, and scans; see spindle nc -h");
}

}  // namespace spindle::bench
