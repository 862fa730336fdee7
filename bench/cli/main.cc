// spindle COMMAND [OPTION]... : parses the command line and hands over to one sub-command.

#include <algorithm>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/report/version.h"

namespace spindle::bench {
namespace {

// The help and the version are results, on stdout; what is wrong is one line on stderr.
int EndParse(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return program.exit(error, std::cout, std::cerr);
  for (const CLI::App* command : program.get_subcommands()) {
    return Fail(kExitUsage, command->get_name(), std::string(error.what()) + " (see --help)");
  }
  return Fail(kExitUsage, "", std::string(error.what()) + " (see --help)");
}

int Main(int argc, char** argv) {
  const CommandLine command_line(argv, argv + argc);
  if (const auto code = RunIfNetcat(command_line)) return *code;
  CLI::App program("Spindle: measures servers, and sequential against parallel sends.", "spindle");
  program.set_version_flag("--version", std::string("spindle ") + kVersion);
  program.require_subcommand(1);
  program.get_formatter()->column_width(36);
  const Command commands[] = {AddServe(program),   AddBench(program),  AddSeqpar(program),
                              AddCompare(program), AddReport(program), AddNetlab(program),
                              AddScan(program),    AddStat(program),   AddTop(program)};
  ListNetcat(program);

  std::vector<std::string> arguments = WithExplicitJson(command_line);
  const auto is_named = [&](const Command& command) { return command.app->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' &&
      std::none_of(std::begin(commands), std::end(commands), is_named)) {
    return Fail(kExitUsage, "", Concat("there is no command \"", argv[1], "\" (see --help)"));
  }
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  try {
    program.parse(static_cast<int>(pointers.size()), pointers.data());
  } catch (const CLI::ParseError& error) {
    return EndParse(program, error);
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run(command_line);
  }
  return kExitUsage;
}

}  // namespace
}  // namespace spindle::bench

int main(int argc, char** argv) { return spindle::bench::Main(argc, argv); }
