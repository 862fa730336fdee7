#ifndef SPINDLE_BENCH_CLI_COMMANDS_H_
#define SPINDLE_BENCH_CLI_COMMANDS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace spindle::bench {

// The command line as it was given, for reports.
using CommandLine = std::vector<std::string>;

// One sub-command: its options are registered with `app`; `run` does its work after they have been
// parsed, and returns the exit code.
struct Command {
  CLI::App* app = nullptr;
  std::function<int(const CommandLine&)> run;
};

Command AddServe(CLI::App& program);
Command AddBench(CLI::App& program);
Command AddSeqpar(CLI::App& program);
Command AddCompare(CLI::App& program);
Command AddReport(CLI::App& program);
Command AddNetlab(CLI::App& program);
Command AddScan(CLI::App& program);
Command AddStat(CLI::App& program);
Command AddTop(CLI::App& program);

// `spindle nc`, or the program under the name nc or spindle-nc: the exit code, if it is that.
std::optional<int> RunIfNetcat(const CommandLine& line);
// For the help.
void ListNetcat(CLI::App& program);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_COMMANDS_H_
